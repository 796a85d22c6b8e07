// One short rising tone at a new critical that nobody has, again every 30 s until somebody takes it or marks it seen.
// Of all tabs one sounds (js/tabs.js says which), and what sounded last is remembered between pages. While the sound is
// muted the bell is crossed and says until when; a mute ends by itself.
(() => {
  const REPEAT_MS = 30000, TONE_S = 0.7;
  const bell = document.querySelector("[data-bell]"), muted = document.querySelector("[data-sound-muted]");
  const blocked = document.querySelector("[data-sound-blocked]"), stream = document.querySelector("[data-stream]");
  const form = () => document.getElementById("sound");
  if (!form() || !stream || !("AudioContext" in window)) return;
  const memory = `sai-tone-${form().dataset.whose}`;
  const channel = "BroadcastChannel" in window ? new BroadcastChannel(memory) : null;
  const clock = new Intl.DateTimeFormat(document.documentElement.lang, { timeStyle: "short", hourCycle: "h23", timeZone: muted?.dataset.timeZone });
  const context = new AudioContext(); // running only where the browser allows it
  let canSound = false, isSounder = false;

  const volume = () => Number(form().dataset.volume);
  const mutedUntil = () => Date.parse(form().dataset.mutedUntil) || 0;
  const state = () => (mutedUntil() > Date.now() ? "muted" : volume() ? "on" : "off");

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
    const now = state(), isMuted = now === "muted";
    bell?.setAttribute("aria-label", bell.dataset[`text${now[0].toUpperCase()}${now.slice(1)}`]);
    if (bell) bell.dataset.state = now;
    if (blocked) blocked.hidden = canSound || !isSounder || now !== "on";
    const again = form().querySelector("[data-sound-unmute]");
    if (again) again.hidden = !isMuted;
    if (!muted) return;
    muted.hidden = !isMuted;
    const words = isMuted ? muted.dataset.text.replace("{time}", clock.format(mutedUntil())) : "";
    const place = muted.querySelector("span");
    if (place.textContent !== words) place.textContent = words;
  }

  function check() {
    show();
    const alerts = document.getElementById("region-critical")?.dataset;
    if (!isSounder || !canSound || state() !== "on" || !Number(alerts?.total)) return;
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
  setInterval(check, 1000);
  setTimeout(() => { if (context.state === "running") allowed(true); }, 300); // one that may run does so a moment later
  check();
})();
