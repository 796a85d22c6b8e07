// Nobody stands at a wall screen to load it again: after a loss it does so itself, and has what a new version brought.
(() => {
  const root = document.documentElement;
  let wasLost = false;
  new MutationObserver(() => {
    if (root.dataset.link === "lost") wasLost = true;
    else if (root.dataset.link === "live" && wasLost) location.reload();
  }).observe(root, { attributeFilter: ["data-link"] });
})();
