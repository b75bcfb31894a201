// Keeps what was opened under /tra-cuu, so that it can be read without a network. The network goes first: a plan may have been replaced.
"use strict";
const CACHE = "tra-cuu-1";
const OFFLINE = "/tra-cuu/ngoai-tuyen";
const KEPT = 120;
const PATIENCE = 4000;

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.add(OFFLINE)).then(() => self.skipWaiting()));
});
self.addEventListener("activate", (event) => {
  const old = caches.keys().then((names) => Promise.all(names.filter((name) => name.startsWith("tra-cuu-") && name !== CACHE).map((name) => caches.delete(name))));
  event.waitUntil(old.then(() => self.clients.claim()));
});

const trim = async (cache) => {
  const kept = (await cache.keys()).filter((request) => new URL(request.url).pathname !== OFFLINE);
  for (const request of kept.slice(0, Math.max(0, kept.length - KEPT))) await cache.delete(request);
};
const ask = async (request) => {
  const response = await fetch(request, { signal: AbortSignal.timeout(PATIENCE) });
  if (response.ok) {
    const cache = await caches.open(CACHE);
    await cache.delete(request); // put anew, it is the youngest
    await cache.put(request, response.clone());
    await trim(cache);
  }
  return response;
};
self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  const ours = url.origin === location.origin && (url.pathname.startsWith("/tra-cuu") || url.pathname.startsWith("/static/"));
  if (event.request.method !== "GET" || !ours || url.pathname === "/tra-cuu/sw.js") return;
  event.respondWith(
    ask(event.request).catch(async () => {
      const found = await caches.match(event.request);
      if (found) return found;
      if (event.request.mode === "navigate") return (await caches.match(OFFLINE)) || Response.error();
      return Response.error();
    }),
  );
});
