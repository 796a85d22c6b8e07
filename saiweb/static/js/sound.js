// One short rising tone at a new critical that nobody has, again every 30 s until somebody takes it or marks it seen.
// Of all tabs one sounds (js/tabs.js says which), and what sounded last is remembered between pages. While the sound is
// muted, or the browser allows none yet, the bell is crossed and says so; a mute ends by itself.
(() => {
  const REPEAT_MS = 30000, TONE_S = 0.7;
  const bell = document.querySelector("[data-bell]"), stream = document.querySelector("[data-stream]");
  const form = () => document.getElementById("sound");
  if (!form() || !stream || !("AudioContext" in window)) return;
  const memory = `sai-tone-${form().dataset.whose}`;
  const channel = "BroadcastChannel" in window ? new BroadcastChannel(memory) : null;
  const clock = new Intl.DateTimeFormat(document.documentElement.lang, { timeStyle: "short", hourCycle: "h23", timeZone: bell?.dataset.timeZone });
  const context = new AudioContext(); // running only where the browser allows it
  let canSound = false, isSounder = false, wasBlocked = false, isLeaving = false;

  const volume = () => Number(form().dataset.volume);
  const mutedUntil = () => Date.parse(form().dataset.mutedUntil) || 0;
  const state = () => (mutedUntil() > Date.now() ? "muted" : volume() ? "on" : "off");

  const name = (text) => text[0].toUpperCase() + text.slice(1);

  async function tone(percent) {
    await context.resume();
    const start = context.currentTime + 0.02, end = start + TONE_S;
    const pitch = new OscillatorNode(context, { type: "triangle", frequency: 520 });
    const loudness = new GainNode(context, { gain: 0 });
    pitch.frequency.exponentialRampToValueAtTime(1040, end - 0.2);
    loudness.gain.linearRampToValueAtTime((percent / 100) ** 2, start + 0.04);
    loudness.gain.setValueAtTime((percent / 100) ** 2, end - 0.15);
    loudness.gain.linearRampToValueAtTime(0, end);
    pitch.connect(loudness).connect(context.destination);
    pitch.start(start);
    pitch.stop(end);
    pitch.onended = () => context.suspend(); // an idle one would keep the device's output awake
    document.dispatchEvent(new CustomEvent("sai:tone"));
  }

  function allowed(isAllowed) {
    if (isAllowed) context.suspend();
    if (isAllowed === canSound) return;
    canSound = isAllowed;
    document.dispatchEvent(new CustomEvent("sai:can-sound", { detail: canSound }));
    check();
  }

  function show() {
    const chosen = state(), now = chosen === "on" && isSounder && !canSound ? "blocked" : chosen;
    const time = now === "muted" ? clock.format(mutedUntil()) : "";
    const put = (place, words) => { if (place && place.textContent !== words) place.textContent = words; };
    const part = (one) => form().querySelector(`[data-sound-${one}]`);
    wasBlocked ||= now === "blocked";
    part("unmute").hidden = now !== "muted";
    part("blocked").hidden = now !== "blocked";
    part("allowed").hidden = !(wasBlocked && now === "on");
    const said = document.querySelector("[data-sound-said]");
    put(said, (said?.dataset[`text${name(now)}`] ?? "").replace("{time}", time));
    if (!bell) return;
    bell.dataset.state = now;
    bell.setAttribute("aria-label", bell.dataset[`text${name(now)}`].replace("{time}", time));
    put(bell.querySelector("[data-bell-time]"), time);
  }

  function check() {
    show();
    const alerts = document.getElementById("region-critical")?.dataset;
    if (isLeaving || !isSounder || !canSound || state() !== "on" || !Number(alerts?.total)) return;
    const last = JSON.parse(localStorage.getItem(memory) ?? "{}"), newest = Number(alerts.newest);
    const isNew = newest > (last.newest ?? 0);
    if (!isNew && Date.now() - (last.at ?? 0) < REPEAT_MS) return;
    localStorage.setItem(memory, JSON.stringify({ newest: Math.max(newest, last.newest ?? 0), at: Date.now() }));
    tone(volume());
    navigator.vibrate?.([200, 100, 200]);
  }

  // Somebody else may be signed in by the time this is heard, so the channel is the person's.
  function adopt({ volume: percent, mutedUntil: until }) {
    Object.assign(form().dataset, { volume: percent, mutedUntil: until });
    form().querySelector("[data-sound-volume]").value = percent;
    check();
  }

  stream.addEventListener("sai:stream", ({ detail }) => {
    if (detail.failed === 401 || detail.failed === 403) isSounder = false;
    else if (detail.sounder) isSounder = detail.isSounder;
    check();
  });
  document.addEventListener("htmx:after:swap", (event) => {
    check();
    if (event.detail?.ctx?.sourceElement !== form()) return;
    const { volume: percent, mutedUntil: until } = form().dataset;
    channel?.postMessage({ volume: percent, mutedUntil: until });
  });
  if (channel) channel.onmessage = ({ data }) => adopt(data);
  document.addEventListener("change", (event) => {
    if (event.target.closest("[data-sound-volume]")) form().requestSubmit(form().querySelector("[data-sound-save]"));
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-sound-test]")) tone(Number(form().querySelector("[data-sound-volume]").value));
  });
  for (const gesture of ["pointerup", "keydown"])
    document.addEventListener(gesture, () => { if (!canSound) context.resume().then(() => allowed(true)); });
  // The press that signs out allows sounds, too: nothing rings or is remembered after it.
  document.addEventListener("submit", (event) => {
    if (event.target.getAttribute("action")?.endsWith("/sign-out")) isLeaving = true;
  });
  setInterval(check, 1000);
  setTimeout(() => { if (context.state === "running") allowed(true); }, 300); // one that may run does so a moment later
  check();
})();
