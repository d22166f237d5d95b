/**
 * The queue between sockets of `node:dgram` and their receivers.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { DatagramQueue } from "../../src/platform/node_datagram.ts";

const FROM = { host: "192.0.2.1", port: 7 };
const bytes = (value: number) => Uint8Array.of(value);

Deno.test("take() gives what has come in order, then what comes", async () => {
  const queue = new DatagramQueue(9);
  for (const value of [1, 2]) queue.put(bytes(value), FROM);
  assertEquals(await queue.take(), { data: bytes(1), from: FROM });
  assertEquals(await queue.take(), { data: bytes(2), from: FROM });
  const next = queue.take();
  queue.put(bytes(3), FROM);
  queue.put(bytes(4), FROM);
  assertEquals(await next, { data: bytes(3), from: FROM });
  assertEquals(queue.drain(), [{ data: bytes(4), from: FROM }]);
});

Deno.test("put() drops what comes past the bound", () => {
  const queue = new DatagramQueue(2);
  for (const value of [1, 2, 3]) queue.put(bytes(value), FROM);
  assertEquals(queue.drain().map(({ data }) => data[0]), [1, 2]);
});

Deno.test("close() lets go whoever waits, and what has come", async () => {
  const queue = new DatagramQueue(2);
  const waiting = queue.take();
  queue.close();
  assertEquals([await waiting, await queue.take()], [null, null]);
  const full = new DatagramQueue(2);
  full.put(bytes(1), FROM);
  full.close();
  assertEquals(await full.take(), null);
});
