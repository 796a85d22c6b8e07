// Keys of a review that are not one press of one button: f and then a letter, d to the levels, Enter and Ctrl+Enter in
// the rail, arrows in a choice. Those of buttons are js/keys.js; the table of all is saiweb/keys.py.
(() => {
  const TYPING = "input:not([type=checkbox], [type=radio]), textarea, select";
  const rail = () => document.getElementById("rail");
  const causes = () => document.querySelector("[data-causes]");
  const layer = () => document.querySelector("dialog[open], [popover]:popover-open:not(#causes)");
  const isOff = () => document.documentElement.dataset.keys === "off";
  let isChoosing = false;

  function choose(isOn) {
    isChoosing = isOn;
    causes()?.classList.toggle("is-choosing", isOn);
  }
  const take = (event) => { event.preventDefault(); event.stopImmediatePropagation(); };

  document.addEventListener("keydown", (event) => {
    if (!rail() || event.isComposing || layer()) return;
    const inRail = rail().contains(event.target);
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && inRail) {
      take(event);
      if (!event.repeat) rail().querySelector("[value=sign]").click();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const isChoice = event.target.matches?.("input[type=radio], input[type=checkbox]");
    if (isChoice && event.key.startsWith("Arrow")) return event.stopImmediatePropagation(); // the browser's own
    if (isChoice && event.key === "Enter" && inRail) {
      take(event);
      if (!event.repeat) rail().querySelector("[value=sign]").click();
      return;
    }
    if (isOff() || event.target.closest?.(TYPING)) return choose(false);
    if (isChoosing) {
      const chip = event.key.length === 1 && causes().querySelector(`[data-letter="${CSS.escape(event.key.toLowerCase())}"]`);
      if (event.key !== "Shift") choose(false);
      if (event.key === "Escape" || chip) take(event);
      if (chip && !event.repeat) chip.click();
      return;
    }
    if (event.key.toLowerCase() === "f" && causes()) {
      take(event);
      if (!event.repeat) choose(true);
    }
  }, true);

  document.addEventListener("click", (event) => {
    const levels = event.target.closest?.("[data-key~=d]");
    if (levels && !event.isTrusted && event.target === levels) (levels.querySelector(":checked") ?? levels.querySelector("input")).focus();
    if (event.isTrusted) choose(false);
  });
})();
