// Brings the scripts of the stage, named by [data-stage]: at once on a desk; on a phone when somebody is here, or when
// what it opened for has been seen. Until then its links lead to pages, and a button is pressed again once it works.
// Pictures of the film wait for that too (js/film.js).
(() => {
  const PAUSE_MS = 3000, BUTTONS = "[data-stage] :is(button[data-play], button[data-zoom])";
  const SIGNS = ["pointerdown", "keydown", "scroll"];
  let isBrought = false, isReady = false, pressed = null;

  function bring() {
    const address = document.querySelector("[data-stage]")?.dataset.scripts;
    if (!address || isBrought) return;
    isBrought = true;
    const script = document.createElement("script");
    script.src = address;
    script.onload = ready;
    document.head.append(script);
  }
  function ready() {
    isReady = true;
    pressed?.click();
  }
  function wake() {
    document.documentElement.classList.add("is-awake");
    bring();
    for (const sign of SIGNS) removeEventListener(sign, wake);
  }

  function atPivot() { // on a phone the film opens where the reader is; js/film.js goes on from there
    const film = document.getElementById("film"), here = film?.querySelector("[aria-current]");
    if (here && film.scrollWidth > film.clientWidth)
      film.scrollLeft = here.offsetLeft - film.offsetLeft - (film.clientWidth - here.offsetWidth) / 2;
  }

  const later = () => setTimeout(bring, PAUSE_MS);
  if (!matchMedia("(max-width: 859px)").matches) bring();
  else if (document.readyState === "complete") later();
  else addEventListener("load", later);
  for (const sign of SIGNS) addEventListener(sign, wake, { passive: true });
  document.addEventListener("click", (event) => { if (!isReady) pressed = event.target.closest?.(BUTTONS); });
  atPivot();
  document.addEventListener("htmx:after:swap", ({ detail }) => { if (detail?.ctx?.sourceElement?.id !== "stream") bring(); });
})();
