// A key presses what carries it in data-key (the table is saiweb/keys.py). Silent while somebody types, while a
// layer is open, with keys held that are not in the name, when a key repeats, and for who turned keys off.
(() => {
  const TYPING = "input:not([type=checkbox], [type=radio], [type=button], [type=submit]), textarea, select, [contenteditable]";
  const OWN = { Enter: "a, button, summary, [role=button]", Space: "a, button, summary, input:not([type=radio]:checked), [role=button], video" };

  // "j", "?", "Space", "Shift+j", "Ctrl+z"; a sign that needs Shift on some keyboards is itself
  const nameOf = (event) => {
    const key = event.key === " " ? "Space" : event.key;
    const isSign = key.length === 1 && key.toLowerCase() === key.toUpperCase();
    const plain = key.length === 1 ? key.toLowerCase() : key;
    return `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${event.shiftKey && !isSign ? "Shift+" : ""}${plain}`;
  };

  const layer = () => document.querySelector("dialog[open], [popover]:popover-open");

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.altKey || layer()) return;
    const name = nameOf(event);
    if (document.documentElement.dataset.keys === "off" && !name.startsWith("Ctrl+")) return;
    if (event.target.closest?.(TYPING) || event.target.closest?.(OWN[name] ?? "[data-no-keys]")) return;
    const menu = name === "Escape" ? [...document.querySelectorAll("details[data-layer][open]")].pop() : null;
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
      event.preventDefault();
      return;
    }
    if (name.startsWith("Arrow") && event.target.closest?.("pre, [role=region][tabindex]")) return;
    const found = document.querySelectorAll(`[data-key~="${CSS.escape(name)}"]`);
    const pressed = [...found].find((one) => one.checkVisibility?.() ?? true);
    if (!pressed || pressed.disabled || pressed.ariaDisabled === "true") return;
    event.preventDefault();
    if (event.repeat && !("keyRepeats" in pressed.dataset)) return;
    if (pressed.matches(TYPING)) pressed.focus();
    else pressed.click();
  });
})();
