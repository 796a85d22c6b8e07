// Registers the service worker for whoever is signed in, and has it keep the last alerts for when there is no network:
// as the page begins, and when something new was shown, at most once a minute. A session that ended ends what was kept.
(() => {
  const { keepFor, keepLang, keepBy } = document.body.dataset;
  if (!keepFor || !("serviceWorker" in navigator)) return;
  const PAUSE_MS = 60000;
  let keptAt = 0;

  const tell = async (message) => (await navigator.serviceWorker.ready).active?.postMessage(message);

  function keep() {
    if (document.hidden || Date.now() - keptAt < PAUSE_MS) return;
    keptAt = Date.now();
    tell({ whose: keepFor, lang: keepLang, withPictures: !navigator.connection?.saveData });
  }

  addEventListener("load", () => {
    navigator.serviceWorker.register(keepBy, { updateViaCache: "none" }).then(keep, () => {});
  });
  document.addEventListener("htmx:after:swap", keep);
  document.addEventListener("sai:stream", ({ detail }) => {
    if (detail.failed === 401 || detail.failed === 403) tell({ forget: true });
  });
})();
