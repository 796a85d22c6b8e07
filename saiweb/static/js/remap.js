// For who chose other keys (saiweb/key_map.py): what is pressed goes on as the key of the table, and what is printed on
// buttons and in lists is what one presses. A key that was given away does nothing. Comes before all other scripts.
(() => {
  const TYPING = "input:not([type=checkbox], [type=radio], [type=button], [type=submit]), textarea, select, [contenteditable]";
  const signs = [...document.documentElement.dataset.keyMap];
  const pressedFor = new Map(), meant = new Map();
  for (let n = 0; n < signs.length; n += 2) pressedFor.set(signs[n], signs[n + 1]), meant.set(signs[n + 1], signs[n]);

  addEventListener("keydown", (event) => {
    const key = event.key.toLowerCase();
    if (!event.isTrusted || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!(meant.has(key) || pressedFor.has(key)) || event.target.closest?.(TYPING)) return;
    if (document.documentElement.dataset.keys === "off" || document.querySelector(".is-choosing")) return; // letters of causes
    event.stopImmediatePropagation();
    if (!meant.has(key)) return;
    const { repeat, shiftKey, code } = event;
    const copy = new KeyboardEvent("keydown", { key: meant.get(key), repeat, shiftKey, code, bubbles: true, cancelable: true, composed: true });
    if (!event.target.dispatchEvent(copy)) event.preventDefault();
  }, true);

  function print() {
    for (const one of document.querySelectorAll("kbd:not([data-own], [data-causes] kbd)")) {
      const parts = one.textContent.split(" "), own = pressedFor.get(parts.at(-1));
      if (!own || parts[0] === "ctrl") continue;
      one.dataset.own = "";
      one.textContent = [...parts.slice(0, -1), own].join(" ");
    }
  }
  print();
  document.addEventListener("htmx:after:swap", print);
})();
