// What a page shows of one execution follows what happens to it: when the server says that something changed, and when
// the reader comes back, it asks whether this one did, or its film. Nothing is swapped while a frame is compared, or a
// wish written.
(() => {
  const AGAIN_MS = 1000, UNSAVED = /<hx-partial hx-target="#verdicts"[\s\S]*?<\/hx-partial>/;
  const stage = () => document.querySelector("[data-stage]");
  const stamp = () => document.getElementById("region-changes")?.dataset.stamp;
  const versionOf = (id) => document.getElementById(id)?.dataset.version ?? "";
  const seen = () => stage().dataset.version + versionOf("verdicts");
  let known = stamp(), asking = null, later = 0;

  async function ask() {
    const box = stage();
    if (!box || document.hidden) return;
    asking?.abort();
    asking = new AbortController();
    const id = box.dataset.id, was = seen();
    const film = versionOf("film"), address = box.dataset.fragment.replace("/0/", `/${id}/`);
    const response = await fetch(`${address}&seen=${was}${film && `&film=${film}`}`, { headers: { "HX-Request": "true" }, signal: asking.signal });
    if (response.status !== 200) return;
    let text = await response.text();
    if (stage()?.dataset.id !== id || seen() !== was) return;
    clearTimeout(later);
    if (stage().querySelector(".is-blinking")) return (later = setTimeout(look, AGAIN_MS));
    if (document.querySelector("#verdicts details[open]")) text = text.replace(UNSAVED, "");
    htmx.swap({ text, sourceElement: stage(), target: stage(), swap: "none" });
  }
  const look = () => ask().catch(() => {});

  document.addEventListener("htmx:after:swap", () => {
    if (known === stamp()) return;
    known = stamp();
    look();
  });
  document.addEventListener("visibilitychange", look);
  look();
})();
