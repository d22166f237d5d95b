/**
 * TCP on loopback: bytes arrive, and every way a stream can end reads as its end.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { NetworkError } from "../../src/base/errors.ts";
import { dialTcp, listenTcp } from "../../src/platform/tcp.ts";
import type { ByteStream } from "../../src/ports/network.ts";

async function pair(): Promise<[ByteStream, ByteStream, Disposable]> {
  const listener = listenTcp({ port: 0 });
  const accepted = listener.accept();
  const dialled = await dialTcp({ host: "127.0.0.1", port: listener.address.port });
  return [dialled, (await accepted)!, listener];
}

async function readAll(stream: ByteStream): Promise<number> {
  const into = new Uint8Array(65_536);
  let total = 0;
  for (let n = await stream.read(into); n !== null; n = await stream.read(into)) total += n;
  return total;
}

Deno.test("write() sends everything when it is more than a socket takes at once", async () => {
  const [a, b, listener] = await pair();
  using _a = a;
  using _b = b;
  using _listener = listener;
  const bytes = 8_000_000;
  const received = readAll(b);
  assert(await a.write(new Uint8Array(bytes)));
  a.close();
  assertEquals(await received, bytes);
});

Deno.test("accept() gives addresses without the IPv6 mapping", async () => {
  const [a, b, listener] = await pair();
  using _a = a;
  using _b = b;
  using _listener = listener;
  assertEquals(b.remote, a.local);
  assertEquals(a.remote, b.local);
  assertEquals(b.remote.host, "127.0.0.1");
});

Deno.test("read() gives null when this end is closed meanwhile, or before", async () => {
  const [a, b, listener] = await pair();
  using _b = b;
  using _listener = listener;
  const pending = a.read(new Uint8Array(1));
  a.close();
  a.close();
  assertEquals(await pending, null);
  assertEquals(await a.read(new Uint8Array(1)), null);
  assertEquals(await a.write(new Uint8Array(1)), false);
});

Deno.test("write() gives false when the other end has gone", async () => {
  const [a, b, listener] = await pair();
  using _a = a;
  using _listener = listener;
  // Unread bytes make the close a reset.
  await a.write(new Uint8Array(10));
  await b.read(new Uint8Array(1));
  b.close();
  assertEquals(await a.read(new Uint8Array(1)), null);
  let isOpen = true;
  for (let i = 0; isOpen && i < 1000; i++) isOpen = await a.write(new Uint8Array(65_536));
  assertEquals(isOpen, false);
});

Deno.test("write() gives false when closed while it waits for a peer that never reads", async () => {
  const [a, b, listener] = await pair();
  using _b = b;
  using _listener = listener;
  const pending = a.write(new Uint8Array(50_000_000));
  a.close();
  assertEquals(await pending, false);
});

Deno.test("dialTcp() says refused when nobody listens", async () => {
  const listener = listenTcp({ port: 0 });
  const { port } = listener.address;
  listener.close();
  const error = await assertRejects(() => dialTcp({ host: "127.0.0.1", port }), NetworkError);
  assertEquals(error.kind, "refused");
  assertEquals(error.message, `Cannot connect to 127.0.0.1:${port}: connection refused`);
});

Deno.test("dialTcp() throws the signal's reason when aborted", async () => {
  const listener = listenTcp({ port: 0 });
  const { port } = listener.address;
  const signal = AbortSignal.abort(new Error("enough"));
  await assertRejects(() => dialTcp({ host: "127.0.0.1", port }, { signal }), Error, "enough");
  listener.close();
});

Deno.test("accept() gives null when the listener is closed meanwhile, or before", async () => {
  const listener = listenTcp({ port: 0 });
  const pending = listener.accept();
  listener.close();
  listener.close();
  assertEquals(await pending, null);
  assertEquals(await listener.accept(), null);
});

Deno.test("listenTcp() says in-use when the port is taken", () => {
  using listener = listenTcp({ port: 0 });
  const { port } = listener.address;
  const error = assertThrows(() => listenTcp({ port }), NetworkError);
  assertEquals(error.kind, "in-use");
});

Deno.test("listenTcp() keeps to the host when one is given", async () => {
  using listener = listenTcp({ port: 0, host: "127.0.0.1" });
  assertEquals(listener.address.host, "127.0.0.1");
  const accepted = listener.accept();
  using _a = await dialTcp(listener.address);
  using _b = (await accepted)!;
});
