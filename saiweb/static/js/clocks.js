// Clocks that run ([data-since]) and, while somebody points at a time, its distance to now in the title.
(() => {
  let ahead = 0; // milliseconds by which the server's clock is ahead of this one

  const two = (n) => String(n).padStart(2, "0");

  const elapsed = (since) => {
    const s = Math.max(0, Math.floor((Date.now() + ahead - Date.parse(since)) / 1000));
    if (s >= 86400) return `${Math.floor(s / 86400)} d ${two(Math.floor(s / 3600) % 24)} h`;
    const h = Math.floor(s / 3600);
    return `${h ? `${h}:` : ""}${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
  };

  const run = () => {
    for (const clock of document.querySelectorAll("[data-since]")) {
      const text = elapsed(clock.dataset.since);
      if (clock.textContent !== text) clock.textContent = text;
    }
  };

  const relative = (moment) => {
    const words = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto" });
    const s = (Date.parse(moment) - Date.now() - ahead) / 1000;
    for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]])
      if (Math.abs(s) >= size) return words.format(Math.round(s / size), unit);
    return words.format(Math.round(s), "second");
  };

  const explain = (event) => {
    const time = event.target.closest?.("time[datetime][title]");
    if (!time) return;
    time.dataset.full ??= time.title;
    time.title = `${relative(time.dateTime)}\n${time.dataset.full}`;
  };

  document.addEventListener("pointerover", explain);
  document.addEventListener("sai:server-time", (event) => { ahead = event.detail.ms - Date.now(); });
  // A region that was just replaced shows the server's text: set it right before it is painted.
  new MutationObserver(run).observe(document.body, { childList: true, subtree: true, characterData: true });
  setInterval(run, 1000);
  run();
})();
