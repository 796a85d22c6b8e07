// A worker that reads the event stream for js/tabs.js: passes frames and beats on, notices silence, and tries again
// by itself, with growing pauses and chance, so that browsers do not come back all at once. It is a worker because
// the timers of a hidden page may sleep for a minute. Told `open`, it opens that address beside what is open, and
// leaves the old stream when the new one has answered; `address` is for the next time; `now` waits no longer.
const SILENCE_MS = 4000, FIRST_PAUSE_MS = 500, LONGEST_PAUSE_MS = 5000, GATHER_MS = 20, TICK_MS = 1000, BEAT_MS = 2000;
const OVER = [401, 403];
let address = "";
let current = null, attempt = null; // who may end the stream that is read, and the one that is asked for
let failures = 0, waiting = 0, heardAt = 0;

function connectIn(pause) {
  clearTimeout(waiting);
  waiting = setTimeout(connect, pause);
}

async function connect() {
  clearTimeout(waiting);
  attempt?.abort();
  const mine = attempt = new AbortController();
  const limit = setTimeout(() => mine.abort(), SILENCE_MS);
  const options = { signal: mine.signal, cache: "no-store", headers: { Accept: "text/event-stream" } };
  const answer = await fetch(address, options).catch(() => null);
  clearTimeout(limit);
  if (attempt !== mine) return mine.abort();
  attempt = null;
  if (!answer?.ok) {
    mine.abort();
    if (current && !OVER.includes(answer?.status)) return postMessage({ kept: true });
    return fail(answer?.status);
  }
  current?.abort();
  current = mine;
  failures = 0;
  heardAt = Date.now();
  await read(answer.body).catch(() => {});
  if (current === mine) fail();
}

// With a status the server has refused, without one nobody answered or the stream broke.
function fail(status) {
  current?.abort();
  current = null;
  postMessage({ failed: status ?? 0 });
  if (OVER.includes(status)) return;
  const pause = Math.min(FIRST_PAUSE_MS * 2 ** failures++, LONGEST_PAUSE_MS) * (0.7 + Math.random() * 0.6);
  postMessage({ retryAt: Date.now() + pause });
  connectIn(pause);
}

async function read(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    heardAt = Date.now();
    const messages = (rest + value).split("\n\n");
    rest = messages.pop();
    messages.forEach(pass);
  }
}

// saiweb/realtime/frames.py writes these: one beat, or the lines of a region.
function pass(message) {
  const lines = message.split("\n");
  const data = lines.filter((line) => line.startsWith("data: ")).map((line) => line.slice(6)).join("\n");
  if (lines[0] === "event: beat") postMessage({ beat: Number(data) });
  else if (data) postMessage({ frame: data });
}

onmessage = ({ data: told }) => {
  address = told.open ?? told.address ?? address;
  if (told.open) connectIn(GATHER_MS);
  else if (told.now && !attempt && (!current || Date.now() - heardAt > BEAT_MS + TICK_MS)) connect();
};

setInterval(() => {
  if (!current) postMessage({ tick: true }); // whoever asks is here, although the server is silent
  else if (Date.now() - heardAt > SILENCE_MS) current.abort();
}, TICK_MS);
