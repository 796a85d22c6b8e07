// The verdict's form: a draft is saved as one types, one request at a time, always before anything is signed; layers
// that an answer brings are opened (the signing key, what is different in a stale form). htmx sends the verdict.
(() => {
  const PAUSE_MS = 500;
  const rail = () => document.getElementById("rail");
  const cockpit = () => document.querySelector("[data-cockpit]");
  let timer = null, saving = null, isDirty = false;
  let sending = null; // the form whose verdict is on its way: the next one's is another

  const body = (form) => {
    const data = new FormData(form);
    data.delete("act");
    return new URLSearchParams(data);
  };
  const say = (words) => { const place = document.getElementById("draft-state"); if (place) place.textContent = words; };

  function save() {
    clearTimeout(timer);
    const form = rail();
    if (!form || !isDirty || sending === form) return saving;
    if (saving) return saving.then(save);
    isDirty = false;
    say(cockpit().dataset.savingText);
    saving = post(form).catch(() => { isDirty = true; say(cockpit()?.dataset.unsavedText ?? ""); }).finally(() => { saving = null; });
    return saving;
  }

  async function post(form) {
    const response = await fetch(form.dataset.draft, { method: "POST", body: body(form), headers: { "HX-Request": "true" } });
    const address = response.headers.get("HX-Redirect"), target = response.headers.get("HX-Retarget");
    if (address) return location.assign(address);
    const text = await response.text();
    if (form !== rail()) return; // signed meanwhile: another review is on the screen
    if (target) {
      document.querySelector(target).innerHTML = text;
      say(cockpit().dataset.unsavedText);
      return open();
    }
    if (!response.ok) throw new Error(response.status);
    const version = /data-version="(\d+)"/.exec(text)?.[1];
    if (version) document.getElementById("draft-version").value = version;
    await htmx.swap({ text, sourceElement: form, target: form, swap: "none" });
    document.dispatchEvent(new Event("sai:boxes"));
  }

  function open() {
    const kept = document.querySelector("#key-layer [name=version]"), mine = document.getElementById("draft-version");
    if (kept && mine) mine.value = kept.value; // what was to be signed is the draft now
    for (const one of document.querySelectorAll("dialog[data-modal]:not([open])")) {
      one.showModal();
      one.addEventListener("close", () => one.remove());
    }
  }

  function changed(event) {
    if (event.target.form !== rail() || !event.target.name) return;
    isDirty = true;
    clearTimeout(timer);
    timer = setTimeout(save, PAUSE_MS);
    const { name, checked } = event.target, levels = rail().elements.risk_level; // a reason why it is false says: nothing
    if (name === "false_alarm_reasons" && checked && !levels.value) levels[0].click();
  }
  document.addEventListener("input", changed);
  document.addEventListener("change", changed);

  document.addEventListener("submit", (event) => {
    const form = event.target, button = event.submitter;
    if (form !== rail()) return;
    if (!button?.name) { // Enter in a field: never signs
      event.preventDefault();
      event.stopImmediatePropagation();
      isDirty = true;
      return save();
    }
    if (saving || sending === form) {
      event.preventDefault();
      event.stopImmediatePropagation();
      if (sending !== form) saving.then(() => { if (form === rail()) form.requestSubmit(button); });
      return;
    }
    clearTimeout(timer);
    isDirty = false;
    sending = form;
    document.activeElement?.blur(); // htmx would put the cursor into the next one's field, where no key acts
  }, true);
  document.addEventListener("htmx:finally:request", () => {
    isDirty = isDirty || (sending !== null && sending === rail() && !document.querySelector("dialog[open]")); // not taken
    if (isDirty) timer = setTimeout(save, PAUSE_MS);
    sending = null;
  });
  document.addEventListener("htmx:after:swap", () => {
    open();
    if (document.querySelector("[data-wrong]") && rail()) {
      const field = rail().elements[document.querySelector("[data-wrong]").dataset.wrong];
      (field?.[0] ?? field)?.focus?.();
    }
  });
  document.addEventListener("click", (event) => { event.target.closest?.("[data-close]")?.closest("dialog")?.close(); });
  addEventListener("pagehide", () => { // what was typed in the last half second
    if (isDirty && sending !== rail() && rail()) navigator.sendBeacon(rail().dataset.draft, body(rail()));
  });
})();
