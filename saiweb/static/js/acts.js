// On the page of one execution, what can be done about it follows what others did: when the criticals are other ones
// or in other hands, and when the reader comes back to the page.
(() => {
  const main = document.querySelector("main[data-acts]");
  const state = () => [...document.querySelectorAll("#region-critical [id^=alert-]")].map((one) => one.id + (one.dataset.owner ?? "")).join();
  let known = state();

  function ask() {
    const acts = document.getElementById("acts");
    if (!acts?.querySelector(".acts-state")) return; // it waits for nobody
    htmx.ajax("GET", main.dataset.acts.replace("0", acts.dataset.acts), { source: acts, target: acts, swap: "outerMorph" });
  }

  document.addEventListener("htmx:after:swap", () => {
    if (known === state()) return;
    known = state();
    ask();
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) ask(); });
})();
