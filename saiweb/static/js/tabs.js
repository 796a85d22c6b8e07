// One stream for all tabs of a browser that show the same person's pages in one language: whoever holds the lock
// reads it (js/stream.js) for the topics of all, and hands every message on. When that tab goes, the lock does too,
// and the next one opens a stream, which begins with the present state of everything. A tab that comes later lets the
// stream be opened anew, for the same reason. Where locks or channels are missing each tab reads for itself.
(() => {
  const box = document.querySelector("[data-stream]");
  if (!box) return;
  const SILENT_MS = 5000, SILENT_HIDDEN_MS = 15000, LOOK_MS = 1000;
  const text = box.dataset, lock = `sai-${text.audience}`, me = Math.random().toString(36).slice(2);
  const canShare = "locks" in navigator && "BroadcastChannel" in window;
  const tabs = new Map(); // what each tab needs and whether it may sound, while this one leads
  const frames = new Map(); // the last of each region
  const own = { topics: text.topics.split(","), canSound: false };
  let channel = null, worker = null, letGo = null, leaving = null, isHere = false;
  let term = 0; // of the leader: the later one is right
  let leaderAt = 0; // when it was heard

  const say = (message) => channel?.postMessage(message);

  function show(event) {
    box.dispatchEvent(new CustomEvent("sai:stream", { detail: { ...event, isSounder: event.sounder === me } }));
    if (event.failed === 401 || event.failed === 403) leave();
  }

  function everyone(event) {
    const sounder = [[me, own], ...tabs].find(([, tab]) => tab.canSound)?.[0] ?? me;
    say({ term, event: { ...event, sounder } });
    show({ ...event, sounder });
  }

  const address = () => {
    const topics = new Set([own, ...tabs.values()].flatMap((tab) => tab.topics));
    return `${text.events}&topics=${[...topics].sort()}`;
  };

  function fromWorker({ data }) {
    if (data.kept) for (const frame of frames.values()) everyone({ frame });
    else everyone(data);
    if (data.frame) frames.set(data.frame.slice(0, data.frame.indexOf(">")), data.frame);
  }

  function lead() {
    term = Math.max(term + 1, Date.now());
    worker = new Worker(text.worker);
    worker.onmessage = fromWorker;
    worker.postMessage({ open: address() });
    say({ term, call: true });
    return new Promise((end) => { letGo = end; });
  }

  function stepDown() {
    worker?.terminate();
    worker = letGo = null;
    tabs.clear();
    frames.clear();
  }

  function queue(options) {
    navigator.locks.request(lock, options, lead).catch(() => {
      if (!worker || !isHere) return;
      stepDown(); // somebody took the lock, having heard nothing from here
      leaderAt = Date.now();
      queue({ signal: leaving.signal });
    });
  }

  function hear({ data: message }) {
    if (message.term) {
      if (message.term < term) return;
      term = message.term;
      leaderAt = Date.now();
      if (message.call) hello();
      else show(message.event);
    } else if (worker) {
      if (message.hello) tabs.set(message.hello, message);
      if (message.bye) tabs.delete(message.bye);
      worker.postMessage(message.topics && !message.isKnown ? { open: address() } : { address: address(), now: message.now });
    }
  }

  const hello = (more) => say({ hello: me, ...own, ...more });

  function join() {
    if (isHere) return;
    isHere = true;
    if (!canShare) return void lead();
    leaderAt = Date.now();
    leaving = new AbortController();
    channel = new BroadcastChannel(lock);
    channel.onmessage = hear;
    hello();
    queue({ signal: leaving.signal });
  }

  function leave() {
    if (!isHere) return;
    isHere = false;
    say({ bye: me });
    leaving?.abort();
    letGo?.();
    stepDown();
    channel?.close();
    channel = null;
  }

  // Somebody looks again, or the network is back: do not wait for the end of a pause.
  function hurry() {
    if (document.hidden || !isHere) return;
    if (worker) worker.postMessage({ now: true });
    else hello({ now: true, isKnown: true });
  }

  setInterval(() => {
    const patience = document.hidden ? SILENT_HIDDEN_MS : SILENT_MS;
    if (!isHere || worker || !canShare || Date.now() - leaderAt < patience) return;
    leaderAt = Date.now();
    queue({ steal: true }); // the tab that leads sleeps or hangs
  }, LOOK_MS);
  document.addEventListener("visibilitychange", hurry);
  addEventListener("online", hurry);
  addEventListener("pagehide", leave);
  addEventListener("pageshow", (event) => { if (event.persisted) join(); });
  document.addEventListener("sai:can-sound", (event) => {
    own.canSound = event.detail;
    if (isHere && !worker) hello({ isKnown: true });
  });
  join();
})();
