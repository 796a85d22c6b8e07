// Boxes on the picture: the rows of the form are the truth, the drawing follows them; mouse, touch and keys move,
// resize, add and remove. A focused box: arrows move it, with Shift they resize it, Delete removes it.
(() => {
  const SVG = "http://www.w3.org/2000/svg", SIDES = ["x", "y", "width", "height"], LEAST = 4, GRIP_PX = 9, TOUCH_PX = 22;
  const svg = () => document.querySelector("[data-boxes]");
  const list = () => document.querySelector("#boxes-part [data-rows]");
  const rows = () => [...(list()?.children ?? [])];
  const row = (n) => list()?.querySelector(`[data-row="${n}"]`);
  const field = (n, name) => row(n).querySelector(`[name="box-${n}-${name}"]`);
  const isRemoved = (n) => Boolean(row(n).querySelector("[value=removed]:checked"));
  let active = null, drag = null, isDrawing = false;

  function read(n) {
    const [x, y, width, height] = SIDES.map((side) => parseFloat(field(n, side).value.replace(",", ".")));
    return width > 0 && height > 0 && !Number.isNaN(x + y) && !isRemoved(n) ? { x, y, width, height } : null;
  }
  function write(n, box) {
    const { width: wide, height: high } = svg().viewBox.baseVal;
    box.width = Math.min(wide, Math.max(LEAST, box.width));
    box.height = Math.min(high, Math.max(LEAST, box.height));
    box.x = Math.min(wide - box.width, Math.max(0, box.x));
    box.y = Math.min(high - box.height, Math.max(0, box.y));
    for (const side of SIDES) field(n, side).value = Math.round(box[side] * 10) / 10;
    draw();
  }
  const tell = (n) => field(n, "x").dispatchEvent(new Event("input", { bubbles: true }));
  const part = (name, attributes) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };

  function draw() {
    if (!svg() || !list()) return;
    const focused = document.activeElement?.closest?.("[data-box]")?.dataset.box;
    const scale = 1 / (svg().getScreenCTM()?.a || 1), found = rows().map((one) => one.dataset.row).filter((n) => read(n));
    if (!found.includes(active)) active = found[0] ?? null;
    svg().replaceChildren(...found.map((n) => {
      const box = read(n), name = field(n, "class").selectedOptions[0].text;
      const group = part("g", { class: `box${n === active ? " is-active" : " is-second"}`, "data-box": n, tabindex: 0, role: "button" });
      const em = svg().viewBox.baseVal.width / 60, label = part("text", { x: box.x, y: Math.max(box.y - em * 0.3, em * 1.1), "font-size": em });
      label.textContent = row(n).hasAttribute("data-ai") ? row(n).querySelector(".rv-box-name").textContent : name;
      group.setAttribute("aria-label", `${label.textContent} ${Math.round(box.x)}, ${Math.round(box.y)}`);
      group.append(part("rect", { class: "halo", ...box }), part("rect", { class: "edge", ...box }), label);
      if (n === active) for (const [cx, cy] of [[0, 0], [1, 0], [0, 1], [1, 1]]) {
        const at = { cx: box.x + cx * box.width, cy: box.y + cy * box.height, "data-grip": `${cx}${cy}` };
        group.append(part("circle", { class: "grip-touch", r: Math.min(TOUCH_PX * scale, Math.max(8 * scale, 0.35 * Math.min(box.width, box.height))), ...at }), part("circle", { class: "grip", r: (GRIP_PX / 2) * scale, ...at }));
      }
      return group;
    }));
    if (focused) svg().querySelector(`[data-box="${focused}"]`)?.focus();
    document.querySelector("[data-box-count]").textContent = found.length;
    frame();
  }

  function frame() { // the crops, and what is said of the active box
    const box = active && read(active);
    if (!box) return;
    const wide = Math.max(box.width * 1.6, box.height * 1.6 * 1.78), high = wide / 1.78;
    for (const one of document.querySelectorAll("[data-crop]"))
      one.setAttribute("viewBox", [box.x + (box.width - wide) / 2, box.y + (box.height - high) / 2, wide, high].map((v) => v.toFixed(1)).join(" "));
    for (const one of rows()) one.classList.toggle("is-active", one.dataset.row === active);
    const words = document.querySelector("[data-box-caption]"), shown = rows().map((one) => one.dataset.row).filter((n) => read(n)), said = document.createElement("span");
    said.textContent = svg().querySelector(".is-active text").textContent;
    words.replaceChildren(`${words.dataset.boxCaption.replace("{n}", shown.indexOf(active) + 1).replace("{total}", shown.length)} `, said);
  }

  const point = (event) => new DOMPoint(event.clientX, event.clientY).matrixTransform(svg().getScreenCTM().inverse());
  function add(box) {
    const last = rows().at(-1), n = last.dataset.row, next = last.cloneNode(true);
    next.dataset.row = Number(n) + 1;
    for (const one of next.querySelectorAll("[name]")) one.name = one.name.replace(/^box-\d+/, `box-${Number(n) + 1}`);
    last.after(next);
    field(n, "class").value = "smoke";
    active = n;
    write(n, box);
    return n;
  }
  function drawing(isOn) {
    isDrawing = isOn;
    const button = document.querySelector("[data-draw]");
    if (button) button.ariaPressed = String(isOn);
    svg()?.classList.toggle("is-drawing", isOn);
  }

  document.addEventListener("pointerdown", (event) => {
    const at = event.target.closest?.("[data-boxes]");
    if (!at || event.button !== 0) return;
    const n = event.target.closest("[data-box]")?.dataset.box, grip = event.target.dataset.grip, from = point(event);
    if (!isDrawing && n === undefined) return;
    event.stopPropagation(); // neither zoom nor swipe
    event.preventDefault();
    const made = isDrawing ? add({ x: from.x, y: from.y, width: LEAST, height: LEAST }) : n;
    active = made;
    drag = { n: made, from, grip: isDrawing ? "11" : grip, box: read(made), isNew: isDrawing };
    drawing(false);
    draw();
  }, true);
  document.addEventListener("touchstart", (event) => { if (drag) event.preventDefault(); }, { passive: false, capture: true }); // no scroll
  addEventListener("pointermove", (event) => {
    if (!drag) return;
    const to = point(event), dx = to.x - drag.from.x, dy = to.y - drag.from.y, { x, y, width, height } = drag.box;
    if (!drag.grip) return write(drag.n, { x: x + dx, y: y + dy, width, height });
    const [right, low] = [...drag.grip].map(Number);
    const x2 = right ? x + width + dx : x + width, y2 = low ? y + height + dy : y + height, x1 = right ? x : x + dx, y1 = low ? y : y + dy;
    write(drag.n, { x: Math.min(x1, x2), y: Math.min(y1, y2), width: Math.abs(x2 - x1), height: Math.abs(y2 - y1) });
  });
  for (const over of ["pointerup", "pointercancel"]) addEventListener(over, () => {
    if (!drag) return;
    const { n } = drag;
    drag = null;
    tell(n);
    svg()?.querySelector(`[data-box="${n}"]`)?.focus({ preventScroll: true });
  });

  document.addEventListener("keydown", (event) => {
    const n = event.target.closest?.("[data-box]")?.dataset.box;
    if (n === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
    if (!dx && !dy && event.key !== "Delete") return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const box = read(n), by = svg().viewBox.baseVal.width / 320;
    if (event.key === "Delete") row(n).querySelector("[value=removed]").click();
    else if (event.shiftKey) write(n, { ...box, width: box.width + dx * by, height: box.height + dy * by });
    else write(n, { ...box, x: box.x + dx * by, y: box.y + dy * by });
    tell(n);
    draw();
  }, true);
  document.addEventListener("focusin", (event) => {
    const n = event.target.closest?.("[data-box], [data-row]");
    const number = n?.dataset.box ?? n?.dataset.row;
    if (number === undefined || number === active || drag || !row(number) || !read(number)) return;
    active = number;
    draw();
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("[data-draw]") || !svg()) return;
    if (!isDrawing) return drawing(true);
    const { width, height } = svg().viewBox.baseVal; // a second press: in the middle, for the keys
    drawing(false);
    const n = add({ x: width * 0.4, y: height * 0.4, width: width * 0.2, height: height * 0.2 });
    tell(n);
    svg().querySelector(`[data-box="${n}"]`)?.focus();
  });
  for (const name of ["input", "change"]) document.addEventListener(name, (event) => { if (event.target.closest?.("#boxes-part")) draw(); });
  for (const name of ["sai:boxes", "htmx:after:swap"]) document.addEventListener(name, () => { if (name === "htmx:after:swap") drawing(false), (active = null); draw(); });
  addEventListener("resize", draw);
  draw();
})();
