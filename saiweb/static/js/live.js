// What the page says about its stream: alive and how fresh, lost since when, without a place and polling, and that
// it is over, because nobody is signed in any more or the rights are others now: then it stops asking.
// js/tabs.js brings the messages, htmx swaps the regions. All texts come from data-* of [data-stream].
(() => {
  const box = document.querySelector("[data-stream]");
  if (!box) return;
  const TICK_MS = 500, SILENCE_MS = 4000, BACK_MS = 3000, POLL_MS = 12000;
  const OVER = { 401: "signedOut", 403: "forbidden" };
  const root = document.documentElement, text = box.dataset, topics = text.topics.split(",");
  const part = (name) => box.querySelector(`[data-link-${name}]`);
  const status = part("status"), retry = part("retry"), age = part("age"), dot = part("dot"), enterLink = part("enter");
  const seconds = new Intl.NumberFormat(root.lang, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const clock = new Intl.DateTimeFormat(root.lang, { timeStyle: "medium", hourCycle: "h23", timeZone: text.timeZone });
  const shown = new Map(); // the frame that each region shows
  let state = "connecting";
  let heardAt = Date.now(); // the last sign of life
  let backUntil = 0; // until then the page says that it is up to date again
  let retryAt = 0, polledAt = 0, swapping = Promise.resolve();

  const isOver = () => Object.values(OVER).includes(state);
  const regions = () => topics.map((name) => document.getElementById(`region-${name}`)).filter(Boolean);

  function enter(next) {
    if (next === "live" && (state === "lost" || state === "polling")) backUntil = Date.now() + BACK_MS;
    if (next === "polling" && state !== "polling") polledAt = 0;
    if (next !== "live") shown.clear();
    state = next;
    root.dataset.link = next;
    for (const region of regions()) region.classList.toggle("stale", next === "lost" || isOver());
    if (enterLink) enterLink.hidden = !isOver();
    if (enterLink && next === "forbidden") {
      enterLink.href = location.href;
      put(enterLink, text.textReload);
    }
    show();
  }

  function heard() {
    heardAt = Date.now();
    if (state !== "live") enter("live");
  }

  // A failed attempt: with a status the server answered, without one nobody did.
  function failed(httpStatus) {
    if (OVER[httpStatus]) enter(OVER[httpStatus]);
    else if (httpStatus === 503) enter("polling");
    else if (state === "polling") enter("lost");
  }

  // The stream carries the topics of all tabs; what this page does not show is not for it.
  function swap(frame) {
    const id = /^<hx-partial hx-target="#([\w-]+)"/.exec(frame)?.[1];
    if (!document.getElementById(id) || shown.get(id) === frame) return;
    shown.set(id, frame);
    swapping = swapping.then(() => htmx.swap({ text: frame, sourceElement: box, target: box, swap: "none" })).catch(console.error);
  }

  function put(element, words) {
    if (element && element.textContent !== words) element.textContent = words;
  }

  function show() {
    const now = Date.now();
    const wait = Math.max(0, Math.ceil((retryAt - now) / 1000));
    const words = {
      connecting: text.textConnecting,
      live: now < backUntil ? text.textBack : text.textLive,
      lost: text.textLost.replace("{time}", clock.format(heardAt)),
      polling: text.textPolling.replace("{seconds}", POLL_MS / 1000),
      signedOut: text.textSignedOut,
      forbidden: text.textForbidden,
    };
    put(status, words[state]);
    put(retry, state !== "lost" ? "" : wait ? text.textRetry.replace("{seconds}", wait) : text.textRetrying);
    put(age, state === "live" ? `${seconds.format((now - heardAt) / 1000)} s` : "");
    if (dot) dot.className = `dot ${{ live: "", lost: "bad", signedOut: "bad", forbidden: "bad" }[state] ?? "off"}`.trim();
  }

  function poll() {
    polledAt = Date.now();
    for (const region of regions()) {
      const address = text.fragments.replace("_", region.id.slice("region-".length));
      htmx.ajax("GET", address, { source: region, target: region, swap: "outerMorph" });
    }
  }

  function countCriticals() {
    const total = Number(document.getElementById("region-critical")?.dataset.total ?? 0);
    const plain = document.title.replace(/^\(\d+\) /, "");
    const title = total ? `(${total}) ${plain}` : plain;
    if (document.title !== title) document.title = title;
    const icon = document.querySelector("link[data-alert]");
    if (!icon) return;
    const { alert, usual = icon.dataset.usual = icon.getAttribute("href") } = icon.dataset;
    if (icon.getAttribute("href") !== (total ? alert : usual)) icon.setAttribute("href", total ? alert : usual);
  }

  function tick() {
    const now = Date.now();
    const isSilent = now - heardAt > SILENCE_MS;
    if (isSilent && (state === "live" || state === "connecting")) enter("lost");
    if (state === "polling" && now - polledAt > POLL_MS) poll();
    show();
  }

  box.addEventListener("sai:stream", ({ detail }) => {
    if (isOver()) return;
    if (detail.retryAt) retryAt = detail.retryAt;
    if (detail.failed !== undefined) failed(detail.failed);
    if (detail.beat || detail.frame) heard();
    if (detail.beat) document.dispatchEvent(new CustomEvent("sai:server-time", { detail: { ms: detail.beat } }));
    if (detail.frame) swap(detail.frame);
    else tick();
  });
  document.addEventListener("htmx:after:swap", (event) => {
    if (event.detail?.ctx?.sourceElement !== box) shown.clear(); // a region may show something else now
    countCriticals();
  });
  document.addEventListener("visibilitychange", tick);
  addEventListener("pageshow", tick);
  countCriticals();
  tick();
  setInterval(tick, TICK_MS);
})();
