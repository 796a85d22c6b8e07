// The queue stays where it is while somebody reads it: what is known is updated in place, what is new waits behind a
// pill, what left says so until the list is drawn anew. Keys: j and k walk, Enter or o opens, g takes or gives back.
(() => {
  const queue = () => document.getElementById("rv-queue");
  const rows = () => [...document.querySelectorAll("#rv-queue [data-review]")];
  let stamp = document.getElementById("region-reviews")?.dataset.stamp, fresh = null, asking = null;

  async function look() { // what the list would be now
    asking?.abort();
    asking = new AbortController();
    const response = await fetch(location.href, { headers: { "HX-Request": "true" }, signal: asking.signal });
    if (!response.ok) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html"), next = page.getElementById("rv-queue");
    if (!next || !queue()) return;
    const tabs = page.querySelector(".tabs");
    if (tabs) document.querySelector("#content .tabs").innerHTML = tabs.innerHTML;
    fresh = next;
    let news = 0;
    for (const one of next.querySelectorAll("[data-review]")) {
      const shown = document.getElementById(one.id);
      if (!shown) news += 1;
      else if (shown.innerHTML !== one.innerHTML && !shown.contains(document.activeElement)) {
        shown.className = one.className;
        shown.innerHTML = one.innerHTML;
      }
    }
    for (const one of rows()) one.classList.toggle("is-gone", !next.querySelector(`#${CSS.escape(one.id)}`));
    const count = document.querySelectorAll("#rv-queue .is-gone").length;
    if (!rows().length && news) return draw(); // nobody reads an empty list
    pill(news, count);
  }

  function pill(news, gone) {
    const place = document.getElementById("rv-news");
    const words = news === 1 ? place.dataset.one : news ? place.dataset.many.replace("{n}", news) : gone ? place.dataset.changed : "";
    if (place.textContent === words) return;
    place.replaceChildren();
    if (!words) return;
    const button = document.createElement("button");
    button.className = "pill";
    button.type = "button";
    button.dataset.key = ".";
    button.textContent = words;
    place.append(button);
  }
  function draw() {
    if (fresh) queue().replaceWith(document.importNode(fresh, true));
    fresh = null;
    document.getElementById("rv-news").replaceChildren();
  }
  document.addEventListener("click", (event) => { if (event.target.closest?.("#rv-news .pill")) draw(); });
  document.addEventListener("htmx:after:swap", () => {
    const now = document.getElementById("region-reviews")?.dataset.stamp;
    if (now === undefined || now === stamp) return;
    stamp = now;
    look().catch(() => {});
  });

  const take = (event) => { event.preventDefault(); event.stopImmediatePropagation(); };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || document.documentElement.dataset.keys === "off") return;
    if (event.target.closest?.("input, textarea, select") || document.querySelector("dialog[open], [popover]:popover-open")) return;
    const all = rows(), at = all.findIndex((one) => one.contains(document.activeElement));
    const by = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
    if (by && all.length) {
      take(event);
      all[Math.min(all.length - 1, Math.max(0, at < 0 ? 0 : at + by))].querySelector(".rv-link").focus();
    } else if (event.key === "o" && at >= 0) {
      take(event);
      all[at].querySelector(".rv-link").click();
    } else if (event.key === "g" && at >= 0) {
      take(event);
      if (!event.repeat) all[at].querySelector("[data-row-key=g]")?.click();
    }
  }, true);
})();
