/**
 * Broadcast: every reader at its own pace, and none at another's cost.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { Broadcast } from "../../src/base/broadcast.ts";

async function all<T>(events: AsyncIterable<T>): Promise<T[]> {
  const out: T[] = [];
  for await (const event of events) out.push(event);
  return out;
}

Deno.test("subscribe() gives every reader what is published after it subscribed", async () => {
  const broadcast = new Broadcast<number>();
  broadcast.publish(1);
  const a = broadcast.subscribe();
  broadcast.publish(2);
  const b = broadcast.subscribe();
  broadcast.publish(3);
  broadcast.close();
  broadcast.publish(4);
  assertEquals(await Promise.all([all(a), all(b), all(broadcast.subscribe())]), [[2, 3], [3], []]);
});

Deno.test("subscribe() wakes a reader that waits", async () => {
  const broadcast = new Broadcast<string | undefined>();
  const reader = broadcast.subscribe();
  const [first, second, third] = [reader.next(), reader.next(), reader.next()];
  broadcast.publish("a");
  broadcast.publish(undefined);
  assertEquals(await first, { done: false, value: "a" });
  assertEquals(await second, { done: false, value: undefined });
  broadcast.close();
  assertEquals(await third, { done: true, value: undefined });
  assertEquals(await reader.next(), { done: true, value: undefined });
});

Deno.test("publish() drops the oldest droppable event when a reader stalls", async () => {
  const broadcast = new Broadcast<string>({ limit: 3, isDroppable: (e) => e.startsWith("p") });
  const reader = broadcast.subscribe();
  for (const event of ["start", "p1", "p2", "p3", "file", "p4"]) broadcast.publish(event);
  broadcast.close();
  assertEquals(await all(reader), ["start", "file", "p4"]);
});

Deno.test("publish() keeps every event that may not be dropped", async () => {
  const broadcast = new Broadcast<number>({ limit: 2, isDroppable: () => false });
  const reader = broadcast.subscribe();
  for (let i = 0; i < 5; i++) broadcast.publish(i);
  broadcast.close();
  assertEquals(await all(reader), [0, 1, 2, 3, 4]);
});

Deno.test("subscribe() ends quietly when the signal aborts, queued events and all", async () => {
  const broadcast = new Broadcast<number>();
  const controller = new AbortController();
  const reader = broadcast.subscribe({ signal: controller.signal });
  const waiting = reader.next();
  const queued = broadcast.subscribe({ signal: controller.signal });
  broadcast.publish(1);
  assertEquals(await waiting, { done: false, value: 1 });
  const last = reader.next();
  controller.abort();
  assertEquals(await last, { done: true, value: undefined });
  assertEquals(await all(queued), []);
  assertEquals(await all(broadcast.subscribe({ signal: controller.signal })), []);
});

Deno.test("return() ends a subscription though a read waits or none ever did", async () => {
  const broadcast = new Broadcast<number>();
  const waiting = broadcast.subscribe();
  const pending = waiting.next();
  await waiting.return?.();
  assertEquals(await pending, { done: true, value: undefined });
  const untouched = broadcast.subscribe();
  await untouched.return?.();
  broadcast.publish(1);
  assertEquals(await untouched.next(), { done: true, value: undefined });
});

Deno.test("publish() runs no reader's code before it returns", async () => {
  const broadcast = new Broadcast<number>();
  const seen: number[] = [];
  const done = (async () => {
    for await (const event of broadcast.subscribe()) seen.push(event);
  })();
  await Promise.resolve();
  broadcast.publish(1);
  broadcast.publish(2);
  assertEquals(seen, []);
  broadcast.close();
  await done;
  assertEquals(seen, [1, 2]);
});

Deno.test("for await leaves no reader behind when it breaks", async () => {
  const broadcast = new Broadcast<number>();
  const reader = broadcast.subscribe();
  broadcast.publish(1);
  for await (const _event of reader) break;
  broadcast.publish(2);
  assertEquals(await reader.next(), { done: true, value: undefined });
});
