/**
 * Scopes: ending one ends all it owns, in order, whatever fails on the way.
 *
 * @module
 */

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { Cancelled, Scope } from "../../src/base/scope.ts";

function untilAbort(signal: AbortSignal): Promise<void> {
  return new Promise((_, reject) =>
    signal.addEventListener("abort", () => reject(signal.reason), { once: true })
  );
}

Deno.test("dispose aborts, joins the tasks, then cleans up last first", async () => {
  const log: string[] = [];
  const scope = new Scope("session");
  scope.defer(() => void log.push("first"));
  scope.defer(async () => {
    await Promise.resolve();
    log.push("second");
  });
  scope.use({ [Symbol.dispose]: () => void log.push("third") });
  scope.use({
    [Symbol.asyncDispose]: async () => {
      await Promise.resolve();
      log.push("fourth");
    },
  });
  scope.spawn(async (signal) => {
    await untilAbort(signal).catch(() => {});
    await Promise.resolve();
    log.push("task");
  });
  await scope[Symbol.asyncDispose]();
  assertEquals(log, ["task", "fourth", "third", "second", "first"]);
  assertInstanceOf(scope.signal.reason, Cancelled);
  assertEquals(scope.failure, undefined);
});

Deno.test("dispose gives every caller the same end", async () => {
  const scope = new Scope("s");
  let cleanups = 0;
  scope.defer(() => void cleanups++);
  const [a, b] = [scope[Symbol.asyncDispose](), scope[Symbol.asyncDispose]()];
  assertEquals(a, b);
  await a;
  await scope[Symbol.asyncDispose]();
  assertEquals(cleanups, 1);
});

Deno.test("spawn() fails the scope when a task fails, and the first failure counts", async () => {
  const scope = new Scope("s");
  const boom = new Error("boom");
  scope.spawn(() => Promise.reject(boom));
  scope.spawn(untilAbort);
  await untilAbort(scope.signal).catch(() => {});
  assertEquals(scope.failure, { error: boom });
  assertEquals(scope.signal.reason, boom);
  await scope[Symbol.asyncDispose]();
  assertEquals(scope.failure, { error: boom });
});

Deno.test("spawn() starts nothing and says so when the scope has ended", async () => {
  const scope = new Scope("s");
  assert(scope.spawn(() => Promise.resolve()));
  await scope[Symbol.asyncDispose]();
  const isStarted = scope.spawn(() => {
    throw new Error("must not run");
  });
  assertEquals([isStarted, scope.failure], [false, undefined]);
});

Deno.test("dispose joins a task that another task spawned before the end", async () => {
  const scope = new Scope("s");
  const log: string[] = [];
  scope.spawn((signal) => {
    scope.spawn(async () => {
      await untilAbort(signal).catch(() => {});
      for (let i = 0; i < 5; i++) await Promise.resolve();
      log.push("inner");
    });
    return Promise.resolve();
  });
  await scope[Symbol.asyncDispose]();
  assertEquals(log, ["inner"]);
});

Deno.test("child() ends with its parent, with the parent's reason", async () => {
  const parent = new Scope("torrent");
  const child = parent.child("peer");
  assertEquals(child.name, "torrent/peer");
  const log: string[] = [];
  child.defer(() => void log.push("child"));
  parent.defer(() => void log.push("parent"));
  const reason = new Error("enough");
  parent.abort(reason);
  assertEquals(child.signal.reason, reason);
  await parent[Symbol.asyncDispose]();
  assertEquals(log, ["parent", "child"]);
});

Deno.test("child() leaves its parent alone when it ends or fails first", async () => {
  const parent = new Scope("torrent");
  let cleanups = 0;
  for (let i = 0; i < 3; i++) {
    const child = parent.child("peer");
    child.defer(() => void cleanups++);
    child.spawn(() => Promise.reject(new Error("reset")));
    await untilAbort(child.signal).catch(() => {});
    await child[Symbol.asyncDispose]();
  }
  assertEquals([cleanups, parent.signal.aborted, parent.failure], [3, false, undefined]);
  await parent[Symbol.asyncDispose]();
  assertEquals(cleanups, 3);
});

Deno.test("Scope is born aborted when its parent's signal has aborted", async () => {
  const reason = new Error("late");
  await using scope = new Scope("s", { parent: AbortSignal.abort(reason) });
  assertEquals(scope.signal.reason, reason);
});

Deno.test("dispose runs every cleanup when one of them throws", async () => {
  const log: string[] = [];
  const scope = new Scope("s");
  scope.defer(() => void log.push("first"));
  scope.defer(() => Promise.reject(new Error("second")));
  scope.defer(() => void log.push("third"));
  await assertRejects(() => scope[Symbol.asyncDispose](), Error, "second");
  assertEquals(log, ["third", "first"]);

  const worse = new Scope("worse");
  for (const name of ["a", "b"]) worse.defer(() => Promise.reject(new Error(name)));
  const error = await assertRejects(() => worse[Symbol.asyncDispose](), AggregateError, "worse");
  assertEquals(error.errors.map((e: Error) => e.message), ["b", "a"]);
});

Deno.test("dispose lets go of the parent's signal", async () => {
  const parent = new AbortController();
  const scope = new Scope("s", { parent: parent.signal });
  await scope[Symbol.asyncDispose]();
  parent.abort(new Error("later"));
  assert(scope.signal.reason instanceof Cancelled);
});
