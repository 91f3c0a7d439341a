/** Keeps the app's own files at hand without a network. What it knows of customers it never sees: that goes by the device
 * protocol and lies in IndexedDB. */

export {};

const CACHE = "crm-handheld";
const PAGE = "/handheld";

interface Extendable extends Event {
  waitUntil(until: Promise<unknown>): void;
}
interface Fetching extends Extendable {
  request: Request;
  respondWith(answer: Promise<Response>): void;
}
/** What a service worker has that a page hasn't; the compiler's libraries of both exclude each other. */
const worker = globalThis as unknown as EventTarget & {
  skipWaiting(): Promise<void>;
  clients: { claim(): Promise<void> };
};

/** Fetch the page and all that it names, and keep them together: old ones as long as not all new ones are here. */
async function fill(): Promise<void> {
  const page = await fetch(PAGE, { headers: { accept: "text/html" }, cache: "no-store" });
  if (!page.ok || page.redirected) throw new Error(`no page: ${page.status}`);
  const html = await page.clone().text();
  const names = new Set([...html.matchAll(/(?:src|href)="(\/(?:static|handheld)\/[^"]+)"/g)].map((match) => match[1]!));
  const files = await Promise.all(
    [...names].map(async (name) => {
      const answer = await fetch(name, { cache: "no-cache" });
      if (!answer.ok) throw new Error(`no ${name}: ${answer.status}`);
      return [name, answer] as const;
    }),
  );
  const cache = await caches.open(CACHE);
  for (const [name, answer] of [...files, [PAGE, page] as const]) await cache.put(name, answer);
  // Addresses have their content in them, so what the page doesn't name any more is old.
  for (const { url } of await cache.keys()) {
    const path = url.slice(location.origin.length);
    if (path !== PAGE && !names.has(path)) await cache.delete(url);
  }
}

async function answer(request: Request, path: string): Promise<Response> {
  const kept = await (await caches.open(CACHE)).match(path, { ignoreVary: true });
  return kept ?? (await fetch(request));
}

worker.addEventListener("install", (event) => {
  (event as Extendable).waitUntil(fill().then(() => worker.skipWaiting()));
});

worker.addEventListener("activate", (event) => {
  (event as Extendable).waitUntil(worker.clients.claim());
});

worker.addEventListener("fetch", (event) => {
  const { request } = event as Fetching;
  const { origin, pathname, search } = new URL(request.url);
  const isOpened = request.mode === "navigate" && pathname === PAGE;
  if (request.method !== "GET" || origin !== location.origin) return;
  if (!isOpened && !pathname.startsWith("/static/")) return;
  // The next opening has what is new; this one doesn't wait for a network that may not be there.
  if (isOpened) (event as Fetching).waitUntil(fill().catch(() => {}));
  (event as Fetching).respondWith(answer(request, isOpened ? PAGE : pathname + search));
});
