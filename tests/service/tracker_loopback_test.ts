/**
 * A tracker server on real sockets: a smoke test of the ports and of the platform under them.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { formatAddress } from "../../src/base/address.ts";
import { NetworkError } from "../../src/base/errors.ts";
import { serveHttp } from "../../src/platform/http_server.ts";
import { openWorld } from "../../src/platform/mod.ts";
import { TrackerServer } from "../../src/service/tracker_server.ts";
import { announceHttp, scrapeHttp } from "../../src/session/tracker_http.ts";
import { UdpTrackers } from "../../src/session/tracker_udp.ts";
import type { AnnounceRequest } from "../../src/tracker/announce.ts";

const REQUEST: AnnounceRequest = {
  infoHash: Uint8Array.from({ length: 20 }, (_, i) => 255 - 13 * i),
  peerId: new Uint8Array(20).fill(0xe9),
  port: 6881,
  uploaded: 0,
  downloaded: 0,
  left: 1,
  numWant: 50,
  key: 1,
};

async function setup() {
  const stack = new AsyncDisposableStack();
  const world = stack.use(openWorld({ workers: 0 }));
  const torrents = new Map([["a.torrent", new Uint8Array(3)]]);
  const tracker = await TrackerServer.start({ ...world, serveHttp }, { port: 0, torrents });
  stack.use(tracker);
  const { port } = tracker.address;
  const common = { isUserTyped: true, allowPrivate: true, timeoutMs: 5000, userAgent: "test" };
  const options = { world, signal: new AbortController().signal, ...common };
  return { stack, world, tracker, port, options };
}

Deno.test("clients find one another over HTTP and UDP on loopback, IPv4 and IPv6", async () => {
  const { stack, world, tracker, port, options } = await setup();
  await using _ = stack;
  const udp = new UdpTrackers(world);
  const found = async (url: string, peerPort: number) => {
    const request = { ...REQUEST, port: peerPort };
    const { peers } = url.startsWith("udp:")
      ? await udp.announce(url, request, options)
      : await announceHttp(url, request, options);
    return peers.map(formatAddress).sort();
  };
  assertEquals(await found(`http://127.0.0.1:${port}/announce`, 1), []);
  assertEquals(await found(`udp://127.0.0.1:${port}`, 2), ["127.0.0.1:1"]);
  assertEquals(await found(`udp://127.0.0.1:${port}/announce?x`, 1), ["127.0.0.1:2"]);
  const scraped = await scrapeHttp(
    `http://127.0.0.1:${port}/announce`,
    [REQUEST.infoHash],
    options,
  );
  assertEquals(scraped, [{ seeds: 0, completed: 0, leeches: 2 }]);
  if (tracker.address.host === "::") {
    assertEquals(await found(`udp://[::1]:${port}`, 3), []);
    assertEquals(await found(`http://[::1]:${port}/announce`, 4), [
      "127.0.0.1:1",
      "127.0.0.1:2",
      "[::1]:3",
    ]);
  }
});

Deno.test("the tracker answers GET and HEAD and refuses the rest, on loopback", async () => {
  const { stack, port } = await setup();
  await using _ = stack;
  const ask = async (path: string, method = "GET") => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method });
    return [response.status, (await response.bytes()).length];
  };
  assertEquals(await ask("/a.torrent"), [200, 3]);
  assertEquals(await ask("/a.torrent", "HEAD"), [200, 0]);
  assertEquals((await ask("/a.torrent", "POST"))[0], 405);
  assertEquals((await ask("/b.torrent"))[0], 404);
  const page = await fetch(`http://127.0.0.1:${port}/`);
  assert((await page.text()).includes(`<code>udp://127.0.0.1:${port}/announce</code>`));
});

Deno.test("the tracker survives requests of every kind of nonsense, on loopback", async () => {
  const { stack, port } = await setup();
  await using _ = stack;
  const requests = [
    "GET /announce?info_hash=\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /announce HTTP/1.1\r\nHost: a/b?c#d\r\nConnection: close\r\n\r\n",
    "GET http://evil/announce?a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "GET * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    `GET /${"x".repeat(100_000)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    "\x00\x00\x00\x00\r\n\r\n",
  ];
  for (const request of requests) {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    await conn.write(Uint8Array.from(request, (char) => char.charCodeAt(0))).catch(() => {});
    await conn.closeWrite().catch(() => {});
    for (const buffer = new Uint8Array(4096); await conn.read(buffer).catch(() => null) !== null;);
    conn.close();
  }
  const response = await fetch(`http://127.0.0.1:${port}/stats`);
  assertEquals((await response.json()).type, "tracker");
});

Deno.test("a taken port is an error, and a tracker that ended leaves it free, on loopback", async () => {
  const { stack, world, port } = await setup();
  // A connection that says nothing does not hold up the end.
  using _silent = await Deno.connect({ hostname: "127.0.0.1", port });
  {
    await using _ = stack;
    const again = TrackerServer.start({ ...world, serveHttp }, { port });
    const error = await assertRejects(() => again, NetworkError);
    assertEquals(error.kind, "in-use");
  }
  await using next = await TrackerServer.start({ ...world, serveHttp }, { port });
  assertEquals(next.address.port, port);
});
