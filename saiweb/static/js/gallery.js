// The list: j and k walk along it, Shift with them or with a click extends what is chosen, Ctrl+A chooses the page.
// The boxes are those of a form that works without this file.
(() => {
  const TYPING = "input:not([type=checkbox], [type=radio], [type=button], [type=submit]), textarea, select, [contenteditable]";
  let last = null; // the box that was ticked last: where a range begins

  const items = () => [...document.querySelectorAll("[data-item]")];
  const boxOf = (item) => item.querySelector("[data-pick]");
  const current = () => document.activeElement?.closest?.("[data-item]") ?? null;

  function say() {
    const text = document.querySelector("[data-selection-count]"), none = document.querySelector("[data-selection-none]");
    if (!text) return;
    const number = document.querySelectorAll("[data-pick]:checked").length;
    text.textContent = number === 1 ? text.dataset.one : text.dataset.many.replace("{number}", number);
    none.hidden = number === 0;
  }

  function pickAll(is) {
    for (const item of items()) boxOf(item).checked = is;
    last = null;
    say();
  }

  function pickRange(from, to) {
    const boxes = items().map(boxOf), [a, b] = [boxes.indexOf(from), boxes.indexOf(to)].sort((x, y) => x - y);
    if (a < 0) return;
    for (const box of boxes.slice(a, b + 1)) box.checked = to.checked;
  }

  function walk(step, isExtending) {
    const all = items(), at = all.indexOf(current());
    const next = at < 0 ? all[step > 0 ? 0 : all.length - 1] : all[at + step];
    if (!next) return;
    if (isExtending) {
      if (at >= 0) boxOf(all[at]).checked = true;
      boxOf(next).checked = true;
      last = boxOf(next);
      say();
    }
    next.querySelector("[data-open]").focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.altKey || event.isComposing || !document.querySelector("[data-item]")) return;
    if (event.target.closest?.(TYPING) || document.querySelector("dialog[open], [popover]:popover-open")) return;
    const key = event.key.toLowerCase(), isCommand = event.ctrlKey || event.metaKey;
    if (isCommand && key === "a" && !event.shiftKey) {
      pickAll(!items().every((item) => boxOf(item).checked));
    } else if (isCommand || document.documentElement.dataset.keys === "off") return;
    else if (key === "j" || key === "k") walk(key === "j" ? 1 : -1, event.shiftKey);
    else if (key === "o" && !event.shiftKey && current()) current().querySelector("[data-open]").click();
    else return;
    event.preventDefault();
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-selection-none]")) pickAll(false);
    if (event.target.closest?.("[data-hides]")) document.getElementById("panel")?.hidePopover();
    const box = event.target.closest?.("[data-pick]");
    if (!box) return;
    if (event.shiftKey && last?.isConnected && last !== box) pickRange(last, box);
    last = box;
    say();
  });

  // a menu of the panel closes when somebody points elsewhere; on a phone they are parts of one sheet
  document.addEventListener("pointerdown", (event) => {
    if (document.querySelector("[data-sheet]:popover-open")) return;
    for (const menu of document.querySelectorAll("[data-menu][open]")) if (!menu.contains(event.target)) menu.open = false;
  });

  // Morphing keeps what somebody typed: the form then shows what the list was asked for, but not over newer typing.
  let sent = null;
  const field = () => document.querySelector("#filters input[name=q]");
  for (const name of ["submit", "change"]) document.addEventListener(name, () => { sent = field()?.value; }, true);
  document.addEventListener("htmx:after:swap", (event) => {
    say();
    if (event.detail.ctx?.target?.id !== "content" || !field()) return;
    const typed = field().value;
    document.getElementById("filters").reset();
    if (sent !== null && typed !== sent) field().value = typed;
    sent = null;
  });
  window.addEventListener("pageshow", say); // a browser that goes back restores ticked boxes
})();
