// Neighbours of the frame under review are looked at in its place: the review stays, its boxes are away meanwhile.
// Links of the film, the keys that step, a swipe (stage-zoom.js) and play (stage-film.js), both as `sai:step`, lead here.
(() => {
  const stage = () => document.querySelector("[data-cockpit] [data-stage]");
  const frames = () => [...stage().querySelectorAll(".film [data-frame]")];
  const shown = () => frames().find((one) => one.ariaCurrent === "true" || one.getAttribute("aria-current") === "true");

  function peek(link) {
    const box = stage(), sheet = box.querySelector("[data-sheet]"), words = box.querySelector("[data-peek]");
    if (!link || !sheet) return;
    for (const one of frames()) one === link ? one.setAttribute("aria-current", "true") : one.removeAttribute("aria-current");
    const isOwn = link.dataset.frame === box.dataset.id;
    let over = sheet.querySelector("[data-peeked]");
    box.querySelector("[data-screen]").classList.toggle("is-peeking", !isOwn);
    words.hidden = isOwn;
    if (isOwn) return over?.remove();
    words.textContent = link.dataset.when;
    if (!over) {
      over = new Image();
      over.dataset.peeked = "";
      over.className = "rv-peeked";
      over.alt = "";
      over.draggable = false;
      sheet.querySelector("img").after(over);
    }
    over.src = link.querySelector("img")?.currentSrc || "";
    const large = link.dataset.large;
    if (!large) return over.removeAttribute("src");
    const image = new Image();
    image.src = large;
    image.decode().then(() => { if (over.isConnected && shown() === link) over.src = large; }, () => {});
  }
  function step(by) { // so many frames on, or to the "first" or "last"
    const all = frames(), to = { first: 0, last: all.length - 1 }[by] ?? all.indexOf(shown()) + Number(by);
    if (all[to]) peek(all[to]);
    else document.dispatchEvent(new Event("sai:end"));
  }

  document.addEventListener("click", (event) => {
    if (!stage() || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const link = event.target.closest?.(".film [data-frame]"), button = event.target.closest?.("[data-peek-step]");
    if (!link && !button) return;
    event.preventDefault();
    link ? peek(link) : step(button.dataset.peekStep);
  });
  document.addEventListener("sai:step", (event) => { if (stage()) step(event.detail.by); });
  const atPivot = () => {
    const film = stage()?.querySelector(".film"), here = film?.querySelector("[aria-current]");
    if (here && film.scrollWidth > film.clientWidth)
      film.scrollLeft = here.offsetLeft - film.offsetLeft - (film.clientWidth - here.offsetWidth) / 2;
  };
  document.addEventListener("htmx:after:swap", atPivot);
  atPivot();
})();
