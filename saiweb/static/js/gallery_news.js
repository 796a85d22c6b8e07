// What came in since the list was drawn waits behind a pill: the region says that there is news, the page asks how
// much of it its own filters let through. Nothing that is being looked at moves.
(() => {
  const PAUSE_MS = 2000; // between two questions, however much comes in
  let asked = null, waits = false, askedAt = 0;

  const newest = () => document.getElementById("region-gallery")?.dataset.newest ?? "";

  function ask() {
    const slot = document.getElementById("gallery-news");
    if (!slot || document.hidden || waits) return;
    const pause = askedAt + PAUSE_MS - Date.now();
    if (pause > 0) {
      waits = true;
      setTimeout(() => { waits = false; look(); }, pause);
      return;
    }
    askedAt = Date.now();
    asked = newest();
    htmx.ajax("GET", slot.dataset.news, { source: slot, target: slot, swap: "innerHTML", push: "false" });
  }

  // A page that was drawn when the region said the same has nothing new to ask for.
  function look() {
    const slot = document.getElementById("gallery-news");
    if (slot && newest() > (asked ?? slot.dataset.drawn)) ask();
  }

  document.addEventListener("htmx:after:swap", (event) => {
    const slot = document.getElementById("gallery-news");
    if (event.detail.ctx?.target?.id === "content" || asked === null) asked = slot?.dataset.drawn ?? null;
    look();
  });
  document.addEventListener("visibilitychange", look);
})();
