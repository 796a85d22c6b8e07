// The film where it is wider than the screen: it stays where it was scrolled to, and another frame stands in its middle.
// On a phone only pictures in sight are loaded (viewer.css), once the first view is done, or where data are dear, once
// somebody is here (js/stage.js).
(() => {
  const near = new IntersectionObserver((all) => {
    for (const { target, isIntersecting } of all) if (isIntersecting) target.dataset.near = "";
  });
  const link = navigator.connection ?? {};
  const isAwake = document.documentElement.classList.contains("is-awake");
  let isWanted = isAwake || !(link.saveData || /2g/.test(link.effectiveType ?? ""));
  for (const sign of isWanted ? [] : ["pointerdown", "keydown", "scroll"])
    addEventListener(sign, () => { isWanted = true; place(); }, { once: true, passive: true });
  const film = () => document.getElementById("film"), here = () => film()?.querySelector("[aria-current]");
  let placed = here()?.dataset.frame, offset = here() ? here().offsetLeft - film().scrollLeft : 0;
  function place() {
    const strip = film(), pivot = here();
    if (isWanted) for (const one of strip?.querySelectorAll(".film-picture") ?? []) near.observe(one);
    if (!pivot || strip.scrollWidth <= strip.clientWidth) return;
    if (placed !== pivot.dataset.frame) offset = strip.offsetLeft + (strip.clientWidth - pivot.offsetWidth) / 2;
    placed = pivot.dataset.frame;
    strip.scrollLeft = pivot.offsetLeft - offset;
  }
  document.addEventListener("scroll", ({ target }) => {
    if (target.id === "film" && here()?.dataset.frame === placed) offset = here().offsetLeft - target.scrollLeft;
  }, { capture: true, passive: true });

  document.addEventListener("sai:frame", place);
  place();
})();
