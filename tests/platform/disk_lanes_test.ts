/**
 * A lane answers everything it is sent, whatever becomes of its Worker.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { InlineLane, WorkerLane } from "../../src/platform/disk_lanes.ts";
import type { Reply, Request } from "../../src/platform/disk_messages.ts";

// A Worker that does what the test says.
class ScriptedWorker {
  readonly sent: Request[] = [];
  isEnded = false;
  onmessage: ((event: MessageEvent<Reply>) => void) | null = null;
  onerror: ((event: ErrorEvent) => void) | null = null;
  onmessageerror: (() => void) | null = null;

  postMessage(request: Request): void {
    this.sent.push(request);
  }

  terminate(): void {
    this.isEnded = true;
  }

  answer(reply: Reply): void {
    this.onmessage?.(new MessageEvent("message", { data: reply }));
  }

  fail(message: string): boolean {
    const event = new ErrorEvent("error", { message, cancelable: true });
    this.onerror?.(event);
    return event.defaultPrevented;
  }
}

function setup() {
  const worker = new ScriptedWorker();
  const replies: Reply[] = [];
  let arrived = Promise.withResolvers<void>();
  const lane = new WorkerLane((reply) => {
    replies.push(reply);
    arrived.resolve();
    arrived = Promise.withResolvers();
  }, () => worker as unknown as Worker);
  const next = () => arrived.promise;
  return { worker, replies, lane, next };
}

const sync = (id: number): Request => ({ type: "sync", store: 1, id });

Deno.test("a lane passes requests and answers on", () => {
  const { worker, replies, lane } = setup();
  lane.post(sync(1));
  lane.post(sync(2));
  assertEquals(worker.sent, [sync(1), sync(2)]);
  worker.answer({ id: 1 });
  worker.answer({ id: 2, values: Float64Array.of(3) });
  assertEquals(replies, [{ id: 1 }, { id: 2, values: Float64Array.of(3) }]);
  lane.end();
  assert(worker.isEnded);
});

Deno.test("a lane serves on this thread when its Worker never comes up", async () => {
  const { worker, replies, lane, next } = setup();
  lane.post(sync(1));
  assert(worker.fail("cannot be loaded"), "the error is dealt with");
  lane.post(sync(2));
  while (replies.length < 2) await next();
  // Nothing is open, which the service itself says.
  assertEquals(replies.map(({ id, bug }) => [id, bug?.includes("is not open")]), [
    [1, true],
    [2, true],
  ]);
  assert(worker.isEnded);
  lane.end();
});

Deno.test("a lane answers what it owes with a bug when its Worker breaks", async () => {
  const { worker, replies, lane, next } = setup();
  lane.post(sync(1));
  worker.answer({ id: 1 });
  lane.post(sync(2));
  lane.post(sync(3));
  assert(worker.fail("out of luck"));
  lane.post(sync(4));
  while (replies.length < 4) await next();
  assertEquals(replies.slice(1).map(({ id, bug }) => [id, bug]), [
    [2, "the disk worker ended: out of luck"],
    [3, "the disk worker ended: out of luck"],
    [4, "the disk worker ended: out of luck"],
  ]);
});

Deno.test("a lane answers with a bug when a message could not be read", async () => {
  const { worker, replies, lane, next } = setup();
  lane.post(sync(1));
  worker.answer({ id: 1 });
  lane.post(sync(2));
  worker.onmessageerror?.();
  await next();
  assert(replies[1]?.bug?.startsWith("the disk worker ended"));
});

Deno.test("an inline lane that was ended answers no more", async () => {
  const replies: Reply[] = [];
  const lane = new InlineLane((reply) => replies.push(reply));
  lane.post(sync(1));
  lane.end();
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(replies, []);
});
