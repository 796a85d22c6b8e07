// The page that is shown without a connection: how old what it shows is, and back to the real one as soon as possible.
(() => {
  const { home, probe } = document.body.dataset;
  const age = document.querySelector("[data-saved-at]");
  const LOOK_MS = 5000;

  function since(moment) {
    const words = (value, unit) => new Intl.NumberFormat(document.documentElement.lang, { style: "unit", unit, unitDisplay: "short" }).format(value);
    const minutes = Math.max(0, Math.floor((Date.now() - Date.parse(moment)) / 60000));
    return minutes < 60 ? words(minutes, "minute") : `${words(Math.floor(minutes / 60), "hour")} ${words(minutes % 60, "minute")}`;
  }

  function tell() {
    if (age) age.textContent = age.dataset.text.replace("{age}", since(age.dataset.savedAt));
  }

  async function look() {
    tell();
    const answer = await fetch(probe, { cache: "no-store" }).catch(() => null);
    if (answer?.ok) location.pathname.startsWith("/offline") ? location.replace(home) : location.reload();
  }

  const [, id] = /^\/executions\/(\d+)/.exec(location.pathname) ?? [];
  const asked = document.getElementById(`execution-${id}`);
  asked?.classList.add("is-asked");
  asked?.scrollIntoView({ block: "center" });
  tell();
  addEventListener("online", look);
  setInterval(look, LOOK_MS);
})();
