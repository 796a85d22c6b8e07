// The list of the watch room, loaded by watch.js. A newer state never moves what somebody looks at: rows stay where they are, those that
// somebody else answered are marked, new ones wait behind the pill. Keys go along the rows that are there.
(() => {
  const main = document.querySelector("[data-watch]");
  const pill = main.querySelector("[data-pill]"), words = pill.dataset;
  const said = main.querySelector("[data-pill-said]"), shownText = main.querySelector("[data-pill-text]");
  const answers = new Map(); // of lines that are gone: who saw them
  let held = null; // the newest state, as it came
  let selected = null;

  const region = () => main.querySelector("[data-list]");
  const rows = (root) => [...root.querySelectorAll(".q-list > li")];
  const holds = (row, id) => row.dataset.ids.split(" ").includes(id);
  const text = (name, count) => (count === 1 ? words[`${name}One`] : words[name].replace("{count}", count));

  function gone(row, fresh) {
    const copy = row.cloneNode(true);
    if (fresh.id !== "region-queue" || fresh.querySelector(`[data-more="${row.dataset.lv}"]`)) return copy;
    copy.classList.add("is-gone");
    copy.querySelector(".q-state").textContent = words.textDone;
    return copy;
  }

  // Change a newer state of the list so that every row of the present one stays in its place.
  function merge(present, fresh) {
    const old = rows(present);
    held = fresh.cloneNode(true);
    if (!old.length || document.hidden) return;
    const came = new Map(rows(fresh).map((row) => [row.id, row]));
    const list = fresh.querySelector(".q-list") ?? present.querySelector(".q-list").cloneNode(false);
    list.replaceChildren(...old.map((row) => {
      const now = came.get(row.id) ?? gone(row, fresh);
      came.delete(row.id);
      if (holds(now, selected)) now.firstElementChild.setAttribute("aria-current", "true");
      return now;
    }));
    if (!list.isConnected && list.parentNode === null) fresh.replaceChildren(list);
    setTimeout(explain);
  }

  // Who answered the lines that are gone, and when.
  async function explain() {
    const left = rows(region()).filter((row) => row.matches(".is-gone")), ids = left.map((row) => row.dataset.ids.split(" ")[0]);
    const missing = ids.filter((id) => !answers.has(id));
    if (missing.length) {
      const response = await fetch(`${main.dataset.answered}?ids=${missing.slice(0, 50)}`);
      const page = new DOMParser().parseFromString(response.ok ? await response.text() : "", "text/html");
      for (const one of page.querySelectorAll("[data-id]")) answers.set(one.dataset.id, one.innerHTML);
    }
    for (const row of rows(region())) {
      if (!row.matches(".is-gone")) answers.delete(row.dataset.ids.split(" ")[0]);
      const words = answers.get(row.dataset.ids.split(" ")[0]), place = row.querySelector(".q-state");
      if (row.matches(".is-gone") && words && place.innerHTML !== words) place.innerHTML = words;
    }
  }

  function tell() {
    const here = new Set(rows(region()).map((row) => row.id));
    const came = held ? rows(held).filter((row) => !here.has(row.id)) : [];
    const left = region().querySelectorAll(".is-gone").length;
    const parts = [];
    if (came.length) parts.push(text("textNew", came.length));
    for (const [level, name] of [["critical", "textCritical"], ["high", "textHigh"]]) {
      const count = came.filter((row) => row.dataset.lv === level).length;
      if (count) parts.push(text(name, count));
    }
    if (!came.length && left) parts.push(text("textGone", left));
    const sentence = parts.join(", ");
    pill.hidden = !sentence;
    if (shownText.textContent !== sentence) shownText.textContent = said.textContent = sentence;
  }

  function renew() {
    if (!held) return;
    const fresh = held;
    held = null;
    region().replaceWith(fresh);
    htmx.process(fresh);
    fresh.closest(".scroll")?.scrollTo(0, 0);
    sync();
  }

  // What the selection means for the rest of the page: its row, the keys beside it, where "seen" leads, who has it.
  function sync() {
    const id = document.getElementById("stage")?.dataset.id ?? null;
    const all = rows(region()), at = all.findIndex((row) => id && holds(row, id));
    all.forEach((row, place) => {
      const link = row.firstElementChild;
      if (place === at) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
      if (place === at + 1) link.dataset.key = "j ArrowDown";
      else if (place === at - 1) link.dataset.key = "k ArrowUp";
      else delete link.dataset.key;
    });
    if (id !== selected && at >= 0) all[at].scrollIntoView({ block: "nearest" });
    selected = id;
    const next = [...all.slice(at + 1), ...all.slice(0, Math.max(at, 0))].find((row) => !row.matches(".is-gone"));
    const acts = document.getElementById("acts"), field = acts?.querySelector("[name=next]");
    if (field) field.value = next ? next.dataset.ids.split(" ")[0] : "";
    const figures = document.getElementById("region-figures");
    count("waiting", region().dataset.waiting);
    count("rest", region().dataset.rest ?? figures?.dataset.rest);
    main.querySelector("[data-tally=waiting]").classList.toggle("hot", document.getElementById("region-critical").dataset.total !== "0");
    tell();
  }

  function count(name, value) {
    const place = main.querySelector(`[data-tally=${name}]`);
    if (value !== undefined && place.textContent !== value) place.textContent = value;
  }

  document.addEventListener("htmx:before:swap", (event) => {
    for (const task of event.detail.tasks) {
      const target = typeof task.target === "string" ? document.querySelector(task.target) : task.target;
      const fresh = target?.matches?.("[data-list]") ? task.fragment.querySelector("[data-list]") : null;
      if (fresh) merge(target, fresh);
    }
  });
  document.addEventListener("htmx:after:swap", sync);
  document.addEventListener("sai:frame", sync);
  document.addEventListener("htmx:before:history:restore", (event) => {
    const asked = new URL(event.detail.path, location.href), id = asked.searchParams.get("sel");
    event.preventDefault();
    if (asked.pathname !== location.pathname || !id) location.reload();
    else htmx.ajax("GET", main.dataset.stageUrl.replace("/0/", `/${id}/`), { target: main, swap: "none" });
  });
  pill.addEventListener("click", renew);
  // On a phone the list is a page of its own: a row leads to the other one.
  main.addEventListener("click", (event) => {
    if (matchMedia("(max-width: 859px)").matches && event.target.closest(".q-item")) event.stopPropagation();
  }, true);
  sync();
})();
