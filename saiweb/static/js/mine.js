// Marks what is this person's (data-me) in regions that are drawn for many.
(() => {
  const me = document.body.dataset.me;
  const mark = () => {
    for (const one of document.querySelectorAll("[data-owner], .is-mine")) one.classList.toggle("is-mine", one.dataset.owner === me);
  };
  mark();
  new MutationObserver(mark).observe(document.body, { childList: true, subtree: true, attributeFilter: ["data-owner", "class"] });
})();
