// What the application does without a network: it shows the offline page, and in it the last alerts that were kept for
// whoever is signed in. It answers nothing else: streams, forms, regions and pages go to the server as if it were not
// there, and no page of the server is ever shown again later. VERSION and SHELL stand before this (saiweb/views/pwa.py).
const KEPT = "sai-alerts", KEPT_PAGE = "/offline/alerts", KEPT_FOR_MS = 12 * 3600 * 1000, FRESH_MS = 60 * 1000;
const FILES = `sai-shell-${VERSION}`;

const own = async (name) => (await caches.keys()).filter((one) => one.startsWith(name));
const savedAt = (page) => Date.parse(page?.headers.get("date") ?? 0);

async function install() {
  const files = await caches.open(FILES);
  await files.addAll(SHELL.map((address) => new Request(address, { cache: "reload" })));
  await skipWaiting();
}

async function activate() {
  for (const old of await own("sai-shell-")) if (old !== FILES) await caches.delete(old);
  await registration.navigationPreload?.enable();
  await clients.claim();
}

// The alerts that were kept, unless they are too old to be anybody's any more; else the page that says that there are none.
async function offline() {
  for (const name of await own(KEPT)) {
    const page = await (await caches.open(name)).match(KEPT_PAGE);
    if (page && Date.now() - savedAt(page) < KEPT_FOR_MS) return page;
    await caches.delete(name);
  }
  const lang = navigator.language.startsWith("en") ? "en" : "es";
  return (await caches.match(SHELL.find((address) => address.endsWith(`lang=${lang}`)))) ?? Response.error();
}

async function navigate(event) {
  if (new URL(event.request.url).pathname === "/sign-in") await forget();
  try {
    return (await event.preloadResponse) ?? (await fetch(event.request));
  } catch {
    return offline();
  }
}

async function forget(except = "") {
  for (const name of await own(KEPT)) if (name !== except) await caches.delete(name);
}

// Keep the last alerts for one person, with their small pictures; what belongs to another is thrown away first.
async function keep({ whose, lang, withPictures }) {
  const name = `${KEPT}-${whose}`;
  await forget(name);
  const kept = await caches.open(name), before = await kept.match(KEPT_PAGE);
  if (before && Date.now() - savedAt(before) < FRESH_MS) return;
  const answer = await fetch(`${KEPT_PAGE}?lang=${lang}`).catch(() => null);
  if (!answer) return;
  if (!answer.ok || answer.redirected) return forget(); // nobody is signed in any more
  const page = await answer.clone().text();
  const wanted = new Set([...page.matchAll(/src="(\/images\/[^"]+kept=)"/g)].map(([, address]) => address));
  for (const { url } of await kept.keys()) {
    const { pathname, search } = new URL(url);
    if (pathname !== KEPT_PAGE && !wanted.has(pathname + search)) await kept.delete(url);
  }
  await kept.put(KEPT_PAGE, answer);
  if (!withPictures) return;
  for (const address of wanted) if (!(await kept.match(address))) await kept.add(address).catch(() => {});
}

oninstall = (event) => event.waitUntil(install());
onactivate = (event) => event.waitUntil(activate());
onmessage = (event) => event.waitUntil(event.data.forget ? forget() : keep(event.data));
onfetch = (event) => {
  const { request } = event, { origin, pathname, search } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (request.mode === "navigate") event.respondWith(navigate(event));
  else if (SHELL.includes(pathname + search) || search === "?kept=")
    event.respondWith(caches.match(request).then((found) => found ?? fetch(request)));
};
