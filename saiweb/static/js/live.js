// What the page says about its stream: alive and how fresh, lost since when, without a place and polling, and that
// it is over, because nobody is signed in any more or the rights are others now: then it stops asking.
// htmx and its SSE extension carry the regions; this file watches them. All texts come from data-* of [data-stream].
(() => {
  const box = document.querySelector("[data-stream]");
  if (!box) return;
  const TICK_MS = 500, SILENCE_MS = 4000, BACK_MS = 3000, POLL_MS = 12000, FIRST_PAUSE_MS = 500, LONGEST_PAUSE_MS = 5000;
  const OVER = { 401: "signedOut", 403: "forbidden" };
  const root = document.documentElement, text = box.dataset, topics = text.topics.split(",");
  const part = (name) => box.querySelector(`[data-link-${name}]`);
  const status = part("status"), retry = part("retry"), age = part("age"), dot = part("dot"), enterLink = part("enter");
  const seconds = new Intl.NumberFormat(root.lang, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const clock = new Intl.DateTimeFormat(root.lang, { timeStyle: "medium", hourCycle: "h23", timeZone: text.timeZone });
  let state = "connecting";
  let heardAt = Date.now(); // the last sign of life
  let openedAt = heardAt; // the last answer to a connect
  let backUntil = 0; // until then the page says that it is up to date again
  let retryAt = 0, polledAt = 0, failures = 0, connection = null;

  const isOver = () => Object.values(OVER).includes(state);
  const regions = () => topics.map((name) => document.getElementById(`region-${name}`)).filter(Boolean);

  function enter(next) {
    if (next === "live" && (state === "lost" || state === "polling")) backUntil = Date.now() + BACK_MS;
    if (next === "polling" && state !== "polling") polledAt = 0;
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
  }

  function tick() {
    const now = Date.now();
    if (!isOver() && now - heardAt > SILENCE_MS) {
      if (state === "live" || state === "connecting") enter("lost");
      // An open connection that says nothing is dead: let the extension make another.
      if (now - openedAt > SILENCE_MS) connection?.reader?.cancel();
    }
    if (state === "polling" && now - polledAt > POLL_MS) poll();
    show();
  }

  box.addEventListener("htmx:sse:before:message", heard);
  box.addEventListener("beat", (event) => {
    document.dispatchEvent(new CustomEvent("sai:server-time", { detail: { ms: Number(event.detail.data) } }));
  });
  box.addEventListener("htmx:sse:after:connection", (event) => {
    connection = event.detail.connection;
    openedAt = Date.now();
    failures = 0;
    // Chance per page instead of per attempt: pages still do not come back all at once, and the countdown is true.
    const chance = 0.7 + Math.random() * 0.6;
    Object.assign(connection.config, {
      reconnectDelay: FIRST_PAUSE_MS * chance,
      reconnectMaxDelay: LONGEST_PAUSE_MS * chance,
      reconnectJitter: 0,
    });
  });
  box.addEventListener("htmx:sse:before:connection", (event) => {
    const { attempt, config } = event.detail.connection;
    if (isOver()) event.detail.connection.cancelled = true;
    else if (attempt) retryAt = Date.now() + Math.min(config.reconnectDelay * 2 ** (attempt - 1), config.reconnectMaxDelay);
  });
  box.addEventListener("htmx:sse:error", (event) => failed(event.detail.status));

  // The extension tries again when a stream breaks, but not when it never opened.
  function neverOpened(event) {
    if (event.detail?.ctx?.sourceElement !== box) return;
    failed(event.detail.ctx.response?.status);
    if (isOver()) return;
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** failures++, LONGEST_PAUSE_MS) * (0.7 + Math.random() * 0.6);
    retryAt = Date.now() + pause;
    setTimeout(() => htmx.trigger(box, "sai:retry"), pause);
  }
  document.addEventListener("htmx:error", neverOpened);
  document.addEventListener("htmx:response:error", neverOpened);

  document.addEventListener("htmx:after:swap", countCriticals);
  document.addEventListener("visibilitychange", tick);
  countCriticals();
  tick();
  setInterval(tick, TICK_MS);
})();
