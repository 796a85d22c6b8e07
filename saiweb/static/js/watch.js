// Actions are veiled while another frame is shown; queue.js comes where the list is seen.
(() => {
  const main = document.querySelector("[data-watch]"), wide = matchMedia("(min-width: 860px)");

  function load() {
    if (wide.matches || main.dataset.view === "queue") main.after(Object.assign(document.createElement("script"), { src: main.dataset.script }));
    else wide.addEventListener("change", load, { once: true });
  }

  document.addEventListener("sai:frame", ({ detail }) => {
    const acts = main.querySelector("#acts");
    acts?.classList.toggle("is-old", acts.dataset.acts !== String(detail.id));
  });
  load();
})();
