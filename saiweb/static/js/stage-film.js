// Around the picture on the stage: play and its speed, hold to compare with a clear frame, the page's title.
(() => {
  const stage = () => document.querySelector("[data-stage]");
  const isPhone = matchMedia("(max-width: 859px)");
  const link = navigator.connection ?? {};
  let playing = null, speed = 3;

  const step = (detail) => document.dispatchEvent(new CustomEvent("sai:step", { detail }));

  function play(isOn) {
    clearInterval(playing);
    playing = isOn ? setInterval(() => step({ by: 1, isHeld: true, isPlayed: true }), 1000 / speed) : null;
    mark();
  }
  function mark() {
    const button = stage()?.querySelector("[data-play]");
    if (button) button.ariaPressed = String(Boolean(playing));
    for (const one of stage()?.querySelectorAll("[name=speed]") ?? []) one.checked = Number(one.value) === speed;
  }

  function blink(isOn) {
    const box = stage()?.querySelector("[data-screen]"), button = stage()?.querySelector("[data-blink]");
    if (!box || !button) return;
    if (isOn) before();
    box.classList.toggle("is-blinking", isOn);
  }
  function before() { // the clear frame, between the picture and its boxes
    const sheet = stage()?.querySelector("[data-sheet]"), button = stage()?.querySelector("[data-blink]");
    const old = sheet?.querySelector("[data-before]"), address = button?.dataset.blink;
    if (!sheet || !button || old?.dataset.before === address) return;
    old?.remove();
    const image = new Image();
    image.className = "before";
    image.dataset.before = address;
    image.alt = "";
    image.draggable = false;
    image.sizes = "(max-width: 859px) 213px, 60vw";
    image.srcset = `${button.dataset.blinkSmall} 640w, ${address} 1280w`;
    sheet.querySelector("img").after(image);
  }

  function entitle() {
    const words = stage()?.dataset.title;
    for (const one of document.querySelectorAll("[data-entitled]")) one.textContent = words;
    if (words && stage().dataset.place === "viewer") document.title = document.title.replace(/^(\(\d+\) )?.*( · SAI)$/, `$1${words}$2`);
  }

  async function copy(button) { // the address of this frame alone, without the list it was opened from
    await navigator.clipboard.writeText(button.href);
    const word = button.querySelector(".vh");
    word.dataset.was ??= word.textContent;
    word.textContent = button.dataset.copy;
    button.classList.add("is-copied");
    setTimeout(() => { word.textContent = word.dataset.was; button.classList.remove("is-copied"); }, 2000);
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("[data-copy]");
    if (link && navigator.clipboard && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      copy(link).catch(() => { location.href = link.href; });
      return;
    }
    const tool = event.detail && event.target.closest?.("[data-stage] .tools");
    if (tool) setTimeout(() => tool.querySelector(":focus:not(:focus-visible)")?.blur()); // so that Space plays again
    if (event.target.closest?.("[data-stage] [data-play]")) return play(!playing);
    const button = event.target.closest?.("[data-stage] [data-blink]");
    if (!button || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    if (!event.isTrusted) blink(true); // the key, until it is let go
    else if (event.detail === 0) blink(!stage().querySelector(".is-blinking")); // Enter on the button
  });
  document.addEventListener("pointerdown", (event) => {
    const button = event.target.closest?.("[data-stage] [data-blink]");
    if (button && event.button === 0) blink(true);
    if (button) button.setPointerCapture(event.pointerId);
  });
  for (const over of ["keyup", "pointerup", "pointercancel", "blur"])
    addEventListener(over, (event) => { if (!(over === "keyup" && event.key === "Enter")) blink(false); });
  document.addEventListener("contextmenu", (event) => { if (event.target.closest?.("[data-blink]")) event.preventDefault(); });
  document.addEventListener("change", (event) => {
    if (event.target.name !== "speed" || !stage()?.contains(event.target)) return;
    speed = Number(event.target.value);
    if (playing) play(true);
  });
  document.addEventListener("sai:end", () => play(false));
  document.addEventListener("sai:frame", (event) => {
    if (event.detail.isSettled) mark(), prepare();
    else entitle(), blink(false);
  });
  const prepare = () => { if (!isPhone.matches && !link.saveData) before(); };
  document.readyState === "complete" ? prepare() : addEventListener("load", prepare);
})();
