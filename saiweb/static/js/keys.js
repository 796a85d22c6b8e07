// A key presses what carries it in data-key. Silent while somebody types, with other keys held, and on repeats.
document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.repeat || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  if (event.target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable], [popover]:popover-open")) return;
  const pressed = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (!pressed) return;
  if (event.key.startsWith("Arrow") && event.target.closest?.("pre, [role=region][tabindex]")) return;
  event.preventDefault();
  pressed.click();
});
