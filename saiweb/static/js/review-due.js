// Deadlines stay true while a page is open: the words are those of the server, from data-* of the page.
(() => {
  const EVERY_MS = 15000, SOON_MS = 3600000;
  function show() {
    const text = document.querySelector("[data-due-text]")?.dataset;
    if (!text) return;
    for (const one of document.querySelectorAll("[data-due]")) {
      const left = Date.parse(one.dataset.due) - Date.now(), minutes = Math.floor(Math.abs(left) / 60000);
      const lapse = text.lapseText.replace("{hours}", Math.floor(minutes / 60)).replace("{minutes}", String(minutes % 60).padStart(2, "0"));
      const words = (left < 0 ? text.pastText : text.dueText).replace("{lapse}", lapse), word = one.querySelector("[data-due-word]");
      if (word.textContent !== words) word.textContent = words;
      one.classList.toggle("past", left < 0);
      one.classList.toggle("soon", left >= 0 && left <= SOON_MS);
    }
  }
  setInterval(show, EVERY_MS);
  addEventListener("pageshow", show);
  document.addEventListener("visibilitychange", show);
})();
