// Zoom and pan of the picture on the stage: wheel, pinch, drag, keys; a swipe steps to the next frame. The sheet that
// holds picture and boxes is made larger than its screen, so lines stay thin and the picture sharp.
(() => {
  const MOST = 12, SWIPE_PX = 40, TO_BOX = 0.4;
  const stage = () => document.querySelector("[data-stage]");
  const screen = () => stage()?.querySelector("[data-screen]");
  const sheet = () => stage()?.querySelector("[data-sheet]");
  let k = 1, x = 0, y = 0, boxAt = -1, from = null, spread = 0;
  const fingers = new Map();

  function draw() {
    const box = screen(), paper = sheet();
    if (!box) return;
    const { clientWidth: wide, clientHeight: high } = box;
    k = Math.min(MOST, Math.max(1, k));
    x = Math.min(0, Math.max(wide * (1 - k), x));
    y = Math.min(0, Math.max(high * (1 - k), y));
    box.classList.toggle("is-zoomed", k > 1);
    box.querySelector("[data-zoom-level]").textContent = `${Math.round(k * 100)} %`;
    if (!paper) return;
    Object.assign(paper.style, k > 1
      ? { width: `${k * 100}%`, height: `${k * 100}%`, left: `${x}px`, top: `${y}px` }
      : { width: "", height: "", left: "", top: "" });
    paper.style.setProperty("--zoom", k);
    sharpen(paper.querySelector("img"), wide);
  }

  function sharpen(image, wide) { // beyond the preview, the original
    if (!image || !image.dataset.original || wide * k * devicePixelRatio <= 1280) return;
    const whole = new Image(), address = whole.src = image.dataset.original;
    image.removeAttribute("data-original");
    whole.decode().then(() => { image.removeAttribute("srcset"); image.src = address; }, () => {});
  }

  function zoom(by, at) { // `at` is a point on the screen, its middle without one
    const box = screen(), before = k;
    if (!sheet()) return;
    const point = at ?? { x: box.clientWidth / 2, y: box.clientHeight / 2 };
    k = Math.min(MOST, Math.max(1, k * by));
    x = point.x - (point.x - x) * (k / before);
    y = point.y - (point.y - y) * (k / before);
    draw();
  }

  function reset() { k = 1; x = y = 0; boxAt = -1; draw(); }

  function toBox() { // the next box, a part of the picture's size, in the middle
    const edges = [...screen().querySelectorAll(".boxes .edge")];
    if (!edges.length) return;
    if (++boxAt >= edges.length) return reset();
    const part = screen().getBoundingClientRect(), edge = edges[boxAt].getBoundingClientRect();
    const box = { x: (edge.x - part.x - x) / k, y: (edge.y - part.y - y) / k, w: edge.width / k, h: edge.height / k };
    k = Math.min(MOST, Math.max(1.5, TO_BOX * Math.min(part.width / box.w, part.height / box.h)));
    x = part.width / 2 - (box.x + box.w / 2) * k;
    y = part.height / 2 - (box.y + box.h / 2) * k;
    draw();
  }

  // A screen of another size shows the same point of the picture in its middle.
  let size = null;
  const watcher = new ResizeObserver(() => {
    const box = screen(), image = sheet()?.querySelector("img");
    const now = box && { w: box.clientWidth, h: box.clientHeight }, was = size;
    size = now;
    if (!now || !was || !image || k === 1 || (now.w === was.w && now.h === was.h)) return;
    const wide = Number(image.getAttribute("width")), high = Number(image.getAttribute("height"));
    const scale = (one) => Math.min(one.w / wide, one.h / high);
    const ratio = scale(now) / scale(was);
    x = now.w / 2 - (now.w / 2 + ((was.w / 2 - x) / k - was.w / 2) * ratio) * k;
    y = now.h / 2 - (now.h / 2 + ((was.h / 2 - y) / k - was.h / 2) * ratio) * k;
    draw();
  });
  const watch = () => { watcher.disconnect(); if (screen()) watcher.observe(screen()); };

  const inScreen = (event) => {
    const part = screen().getBoundingClientRect();
    return { x: event.clientX - part.x, y: event.clientY - part.y };
  };
  const own = (event) => event.target.closest?.("[data-stage] [data-screen]");

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-stage] [data-zoom]");
    if (button) ({ in: () => zoom(1.5), out: () => zoom(1 / 1.5), reset, box: toBox })[button.dataset.zoom]();
  });
  document.addEventListener("wheel", (event) => {
    if (!own(event) || event.altKey || (k === 1 && event.deltaY > 0 && !event.ctrlKey)) return;
    event.preventDefault();
    zoom(2 ** (-event.deltaY * (event.deltaMode ? 20 : 1) / (event.ctrlKey ? 120 : 360)), inScreen(event));
  }, { passive: false });
  document.addEventListener("dblclick", (event) => { if (own(event)) k > 1 ? reset() : zoom(3, inScreen(event)); });
  document.addEventListener("keydown", (event) => {
    if (k === 1 || !event.shiftKey || !event.key.startsWith("Arrow") || event.ctrlKey || event.altKey || event.metaKey) return;
    if (document.documentElement.dataset.keys === "off" || !sheet()) return;
    if (event.target.closest?.("input, textarea, select, [contenteditable], dialog, [popover]:popover-open")) return;
    event.preventDefault();
    const by = 0.12 * screen().clientWidth;
    x += { ArrowLeft: by, ArrowRight: -by }[event.key] ?? 0;
    y += { ArrowUp: by, ArrowDown: -by }[event.key] ?? 0;
    draw();
  });

  const middle = () => {
    const [first, second = first] = [...fingers.values()];
    spread = Math.hypot(first.x - second.x, first.y - second.y);
    return { x: (first.x + second.x) / 2, y: (first.y + second.y) / 2 };
  };
  document.addEventListener("pointerdown", (event) => {
    if (!own(event) || event.button !== 0) return;
    fingers.set(event.pointerId, inScreen(event));
    from = { ...middle(), start: inScreen(event), many: fingers.size > 1 || Boolean(from?.many) };
    if (k > 1 || fingers.size > 1) screen().setPointerCapture(event.pointerId);
  });
  document.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId) || !screen()) return;
    fingers.set(event.pointerId, inScreen(event));
    const was = spread, point = middle();
    if (fingers.size > 1 && was > 0) zoom(spread / was, point);
    if (k > 1) { x += point.x - from.x; y += point.y - from.y; draw(); }
    Object.assign(from, point);
  });
  for (const over of ["pointerup", "pointercancel"])
    document.addEventListener(over, (event) => {
      if (!fingers.delete(event.pointerId)) return;
      if (fingers.size) return Object.assign(from, middle());
      const { start, many } = from, end = screen() ? inScreen(event) : start;
      from = null;
      const across = end.x - start.x;
      if (over === "pointercancel" || many || k > 1 || event.pointerType === "mouse") return;
      if (Math.abs(across) > SWIPE_PX && Math.abs(across) > 1.5 * Math.abs(end.y - start.y)) // a finger to the right: older
        document.dispatchEvent(new CustomEvent("sai:step", { detail: { by: across > 0 ? -1 : 1 } }));
    });
  document.addEventListener("sai:frame", (event) => { if (!event.detail.isSettled) boxAt = -1; if (k > 1) draw(); watch(); });
  watch();
})();
