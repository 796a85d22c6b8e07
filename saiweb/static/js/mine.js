// Regions are drawn for many people at once: what carries data-owner says here, before it is painted, whether that is
// the person of this page (data-me of the body).
(() => {
  const me = document.body.dataset.me;
  const mark = () => {
    for (const one of document.querySelectorAll("[data-owner]")) one.classList.toggle("is-mine", one.dataset.owner === me);
    for (const one of document.querySelectorAll(".is-mine:not([data-owner])")) one.classList.remove("is-mine");
  };
  if (me) new MutationObserver(mark).observe(document.body, { childList: true, subtree: true, attributeFilter: ["data-owner", "class"] });
  if (me) mark();
})();
