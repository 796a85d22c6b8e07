// Brings the scripts of the stage, named by [data-stage]: at once on a desk; on a phone when what it opened for has
// been shown. Until then its links lead to pages.
(() => {
  const PAUSE_MS = 700;
  let isBrought = false;

  function bring() {
    const names = document.querySelector("[data-stage]")?.dataset.scripts;
    if (!names || isBrought) return;
    isBrought = true;
    for (const address of names.split(" ")) {
      const script = document.createElement("script");
      script.src = address;
      script.async = false;
      document.head.append(script);
    }
  }

  const later = () => setTimeout(bring, PAUSE_MS);
  if (!matchMedia("(max-width: 859px)").matches) bring();
  else if (document.readyState === "complete") later();
  else addEventListener("load", later);
  document.addEventListener("htmx:after:swap", () => { if (document.readyState === "complete") bring(); });
})();
