// The stage: steps through the frames of a camera without loading the page. A frame comes from the reel (the frames
// around this one, as the server draws them) at once; film, day and record follow when the flipping rests.
// Others hear `sai:frame` when another frame is shown, and ask for one with `sai:step` ({by}) or `sai:go` ({id}).
(() => {
  const AHEAD = 4, SIDE = 24, RESTS_MS = 160, SERIES_MS = 1000, HOLD_MS = 350;
  const link = navigator.connection ?? {};
  const isThin = () => Boolean(link.saveData) || /2g|3g/.test(link.effectiveType ?? "");
  const isPhone = matchMedia("(max-width: 859px)");
  const stage = () => document.querySelector("[data-stage]");
  const shown = () => Number(stage().dataset.id);
  const items = new Map(), warm = new Map(); // what the server drew, by id; of it what is loaded or loading
  let order = [], ends = {}, fetching = null, rest = null, asking = null, lastStep = 0, hold = null, wasHeld = false, heading = 1;

  const place = (pattern, id) => pattern.replace("/0/", `/${id}/`);
  const near = (by) => order[order.indexOf(shown()) + by];

  async function read() { // the reel around the frame that is shown
    const middle = shown();
    const response = await fetch(place(stage().dataset.reel, middle), { headers: { "HX-Request": "true" } });
    if (!response.ok) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const list = [...page.querySelectorAll("[data-reel] > li")];
    order = list.map((item) => Number(item.dataset.id));
    const at = order.indexOf(middle);
    ends = { "-1": at < SIDE, 1: order.length - 1 - at < SIDE }; // where the camera has no more
    items.clear();
    for (const item of list) items.set(Number(item.dataset.id), item);
    heat();
  }
  const reel = () => (fetching ??= read().catch(() => {}).finally(() => { fetching = null; }));

  function heat() { // loads a few frames ahead, never more than AHEAD at a time
    const ahead = isThin() ? 1 : hold || lastStep ? AHEAD - 1 : 1;
    const wanted = [...Array(ahead).keys()].map((n) => near((n + 1) * heading)).concat(near(-heading)).filter(Boolean);
    for (const [id, node] of warm) {
      if (wanted.includes(id)) continue;
      warm.delete(id);
      const image = node.querySelector("img");
      if (image && !image.complete) image.srcset = image.src = "";
    }
    for (const id of wanted.slice(0, AHEAD))
      if (!warm.has(id)) warm.set(id, document.importNode(items.get(id).querySelector("[data-picture]"), true));
  }

  const isReady = (id) => {
    const image = warm.get(id)?.querySelector("img");
    return warm.has(id) && (!image || image.complete);
  };

  function note(id, url) { // one entry of the history per series of steps
    if (Date.now() - lastStep > SERIES_MS) {
      history.replaceState({ ...history.state, stage: shown() }, "");
      history.pushState({ stage: id }, "", url);
    } else history.replaceState({ stage: id }, "", url);
    lastStep = Date.now();
  }

  function show(id, isNoted = true) {
    const box = stage(), item = items.get(id);
    if (id === shown()) return;
    const url = item?.dataset.url ?? box.querySelector(`a[data-frame="${id}"]`)?.getAttribute("href");
    if (isNoted && url) note(id, url);
    if (item) {
      heading = order.indexOf(id) > order.indexOf(shown()) ? 1 : -1;
      const picture = warm.get(id) ?? document.importNode(item.querySelector("[data-picture]"), true);
      warm.delete(id);
      box.querySelector("[data-picture]").replaceWith(picture);
      box.querySelector("[data-caption]").replaceWith(document.importNode(item.querySelector("[data-caption]"), true));
    }
    box.dataset.id = id;
    box.dataset.title = item?.dataset.title ?? box.dataset.title;
    for (const one of box.querySelectorAll("#film [data-frame]"))
      Number(one.dataset.frame) === id ? one.setAttribute("aria-current", "true") : one.removeAttribute("aria-current");
    document.dispatchEvent(new CustomEvent("sai:frame", { detail: { id } }));
    clearTimeout(rest);
    rest = setTimeout(settle, item ? RESTS_MS : 0);
    if (item) heat();
    const left = heading > 0 ? order.length - 1 - order.indexOf(id) : order.indexOf(id);
    if (!item || (left < 6 && !ends[heading])) reel();
  }

  function settle() { // film, day, record and what else the page shows of this frame
    if (hold) return (rest = setTimeout(settle, RESTS_MS));
    asking?.abort();
    asking = new AbortController();
    const id = shown(), box = stage();
    fetch(place(box.dataset.fragment, id), { headers: { "HX-Request": "true" }, signal: asking.signal })
      .then((response) => (response.ok ? response.text() : Promise.reject(response)))
      .then((text) => { if (id === shown()) htmx.swap({ text, sourceElement: box, target: box, swap: "none" }); })
      .catch(() => {});
  }

  async function step(by, isHeld = false) {
    if (!order.includes(shown())) await reel();
    if (near(by) === undefined && !isHeld && stage().querySelector(`[data-step="${by}"][href]`)) await reel();
    const id = near(by);
    if (id === undefined && !fetching) document.dispatchEvent(new Event("sai:end")), stop();
    if (id === undefined) return;
    if (isHeld && !isReady(id)) return heat();
    show(id);
  }

  function start(by, isStepped = true) {
    stop();
    hold = { isHeld: false, timer: setTimeout(() => {
      hold.isHeld = true;
      hold.beat = setInterval(() => step(by, true), 1000 / (isThin() ? 3 : 10));
    }, HOLD_MS) };
    if (isStepped) step(by);
  }
  function stop() {
    if (!hold) return;
    clearTimeout(hold.timer);
    clearInterval(hold.beat);
    wasHeld = hold.isHeld;
    hold = null;
  }

  document.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || !stage()) return;
    const by = Number(event.target.closest?.("[data-stage] [data-step]")?.dataset.step ?? 0);
    const id = Number(event.target.closest?.("[data-stage] a[data-frame]")?.dataset.frame ?? 0);
    if (!by && !id) return;
    event.preventDefault();
    if (id) show(id);
    else if (!event.isTrusted) start(by); // a key: as long as it is held
    else if (event.detail === 0 || (event.pointerType === "touch" && !wasHeld)) step(by);
  });
  document.addEventListener("pointerdown", (event) => {
    if (stage() && !items.size) reel();
    const by = Number(event.target.closest?.("[data-stage] [data-step]")?.dataset.step ?? 0);
    if (by && event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey) start(by, event.pointerType !== "touch");
  });
  for (const over of ["keyup", "pointerup", "pointercancel", "blur"]) addEventListener(over, stop);

  document.addEventListener("sai:step", (event) => step(event.detail.by, event.detail.isHeld));
  document.addEventListener("sai:go", (event) => show(event.detail.id, false));
  addEventListener("popstate", (event) => { if (event.state?.stage && stage()) show(event.state.stage, false); });
  document.addEventListener("htmx:after:swap", () => {
    if (!stage()) return;
    document.dispatchEvent(new CustomEvent("sai:frame", { detail: { id: shown(), isSettled: true } }));
  });

  const begin = () => { if (stage() && !isThin() && !isPhone.matches) (window.requestIdleCallback ?? setTimeout)(reel); };
  document.readyState === "complete" ? begin() : addEventListener("load", begin);
})();
