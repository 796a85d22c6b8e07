// Actions follow what others did; queue.js comes where the list is seen.
(() => {
  const main = document.querySelector("[data-watch]"), wide = matchMedia("(min-width: 860px)");
  const acts = () => main.querySelector("#acts");
  let known;

  function look() {
    const id = acts()?.dataset.acts;
    const row = [...main.querySelectorAll("[data-ids]:not(.is-gone)")].find((one) => one.dataset.ids.split(" ").includes(id));
    const now = id + (row ? row.dataset.owner : "gone");
    if (known && known !== now && acts()?.querySelector("form") && now !== id + acts().dataset.owner)
      htmx.ajax("GET", main.dataset.acts.replace("0", id), { target: acts(), swap: "outerMorph" });
    known = now;
  }

  function load() {
    if (wide.matches || main.dataset.view === "queue") main.after(Object.assign(document.createElement("script"), { src: main.dataset.script }));
    else wide.addEventListener("change", load, { once: true });
  }

  document.addEventListener("htmx:after:swap", look);
  document.addEventListener("sai:frame", ({ detail }) => acts()?.classList.toggle("is-old", acts().dataset.acts !== String(detail.id)));
  look();
  load();
})();
