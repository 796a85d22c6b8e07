// What is new about reviews, on every page of whoever judges: the counts in the navigation follow, and a deadline that
// nobody was told of yet comes as a toast, once per browser. js/live.js brings the stamp that says that there is news.
(() => {
  const TOLD = "sai-reviews-told"; // the number of the newest notice that this browser has shown
  const stampNow = () => document.getElementById("region-reviews")?.dataset.stamp;
  const newest = () => Number(document.getElementById("reviews-top")?.dataset.newest ?? 0);
  const told = () => Number(localStorage.getItem(TOLD) ?? newest());
  const tell = () => { if (!document.hidden) localStorage.setItem(TOLD, Math.max(told(), newest())); };
  let stamp = stampNow();

  async function ask() {
    const box = document.getElementById("notice"), since = document.hidden ? "" : `?after=${told()}`;
    const response = await fetch(`/reviews/standing${since}`, { headers: { "HX-Request": "true" } });
    if (!response.ok) return;
    await htmx.swap({ text: await response.text(), sourceElement: box, target: box, swap: "none" });
    tell();
  }
  const look = () => { if (!document.hidden && newest() > told()) ask().catch(() => {}); };

  document.addEventListener("htmx:after:swap", () => {
    if (stampNow() === undefined || stampNow() === stamp) return;
    stamp = stampNow();
    ask().catch(() => {});
  });
  document.addEventListener("visibilitychange", look);
  if (localStorage.getItem(TOLD) === null || document.querySelector(".rv-page")) tell(); // the queue lists them
  document.readyState === "complete" ? look() : addEventListener("load", look);
})();
