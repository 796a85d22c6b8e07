// Running clocks ([data-since]), the hour in the footer ([data-clock]), the counts of criticals ([data-count]) and of the queue ([data-queued]), and
// for a time that is pointed at its distance to now.
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

  // "14:03:43 · lun 23 nov · UTC−3" in the time zone of the cameras
  const now = (zone) => {
    const at = new Date(Date.now() + ahead), lang = document.documentElement.lang.replace(/^en$/, "en-GB");
    const say = (options) => new Intl.DateTimeFormat(lang, { timeZone: zone, ...options });
    const time = say({ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }).format(at);
    const day = say({ weekday: "short", day: "numeric", month: "short" }).format(at).replace(/[,.]/g, "");
    const offset = say({ timeZoneName: "shortOffset" }).formatToParts(at).find((part) => part.type === "timeZoneName");
    return `${time} · ${day} · ${offset.value.replace("GMT", "UTC").replace("-", "−")}`;
  };

  const tell = () => {
    for (const clock of document.querySelectorAll("[data-clock]")) clock.textContent = now(clock.dataset.zone);
  };

  const count = () => {
    const { total, waiting } = document.getElementById("region-critical")?.dataset ?? {};
    if (total === undefined) return;
    for (const [name, number] of [["count", total], ["queued", waiting]])
      for (const badge of document.querySelectorAll(`[data-${name}]`)) {
        if (badge.firstChild.data !== number) badge.firstChild.data = number;
        badge.hidden = number === "0";
        if (name === "queued") badge.classList.toggle("hot", total !== "0");
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
  // a new region shows the server's text: right before it is painted
  new MutationObserver(run).observe(document.body, { childList: true, subtree: true, characterData: true });
  document.addEventListener("htmx:after:swap", count);
  setInterval(() => { run(); tell(); }, 1000);
  run();
  tell();
})();
