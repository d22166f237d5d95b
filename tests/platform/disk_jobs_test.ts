/**
 * Pieces that came together, and who waits for them.
 *
 * @module
 */

import { assertEquals, assertRejects } from "@std/assert";
import { PieceBatch } from "../../src/platform/disk_jobs.ts";
import type { PieceVerdict } from "../../src/ports/disk.ts";

const ORIGIN = { store: 1, hasFollowers: () => false };

/** Whether a promise is settled, as far as microtasks go. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(() => settled = true, () => settled = true);
  for (let i = 0; i < 10; i++) await Promise.resolve();
  return settled;
}

Deno.test("a PieceBatch is done when its last piece is", async () => {
  const told: [PieceVerdict, number][] = [];
  const batch = new PieceBatch(2, ORIGIN, (verdict, item) => void told.push([verdict, item]));
  batch.settle({ isGood: true }, 1);
  assertEquals(await isSettled(batch.done), false);
  batch.settle({ isGood: false }, 0);
  await batch.done;
  assertEquals(told, [[{ isGood: true }, 1], [{ isGood: false }, 0]]);
  await new PieceBatch(0, ORIGIN, () => {}).done;
});

Deno.test("a PieceBatch rejects with the first failure, and not before the last piece is done", async () => {
  const batch = new PieceBatch(3, ORIGIN, () => {
    throw new Error("of who was told");
  });
  batch.fail(new Error("first"));
  batch.settle({ isGood: true }, 1);
  assertEquals(await isSettled(batch.done), false);
  batch.fail(new Error("last"));
  await assertRejects(() => batch.done, Error, "first");
  const other = new PieceBatch(1, ORIGIN, () => {
    throw new Error("of who was told");
  });
  other.settle({ isGood: true }, 0);
  await assertRejects(() => other.done, Error, "of who was told");
});
