/**
 * Stamps of files: which change is ours, and which is somebody else's.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { type Change, FileStamps } from "../../src/disk/file_stamps.ts";
import type { FileStat } from "../../src/ports/disk.ts";

const SEEN: FileStat = { size: 100, mtimeMs: 10_000, id: 7 };

/** What is found of a file that was seen as above, after these writes. */
function found(
  stat: Partial<FileStat> | undefined,
  writes: readonly (readonly [begunAt: number, endedAt?: number])[] = [],
  options: { isClockShared?: boolean } = {},
): Change {
  const stamps = new FileStamps(1);
  Object.assign(stamps, options);
  stamps.set(0, SEEN);
  for (const [begunAt] of writes) stamps.begin(0, begunAt);
  for (const [, endedAt] of writes) if (endedAt !== undefined) stamps.end(0, endedAt);
  return stamps.compare(0, stat && { ...SEEN, ...stat }, stamps.markOf(0));
}

Deno.test("compare() finds every change of a file that we leave alone", () => {
  assertEquals(found({}), "none");
  for (const change of [{ size: 99 }, { size: 101 }, { mtimeMs: 10_001 }, { id: 8 }]) {
    assertEquals(found(change), "sure", JSON.stringify(change));
  }
  assertEquals(found(undefined), "sure");
});

Deno.test("compare() takes what has the time of our writes for ours", () => {
  const writes = [[20_000, 20_050], [20_010, 20_090]] as const;
  assertEquals(found({ mtimeMs: 20_090 }, writes), "none");
  assertEquals(found({ mtimeMs: 20_012, size: 400 }, writes), "none");
  assertEquals(found({ mtimeMs: 18_500 }, writes), "none", "coarse file systems");
  assertEquals(found({ mtimeMs: 20_091 }, writes), "likely");
  assertEquals(found({ mtimeMs: 17_000 }, writes), "likely");
  assertEquals(found({ mtimeMs: 17_000 }, writes, { isClockShared: false }), "none");
});

Deno.test("compare() sees by number and size alone while a write is under way", () => {
  const writes = [[20_000]] as const;
  assertEquals(found({ mtimeMs: 30_000 }, writes), "none");
  assertEquals(found({ id: 8 }, writes), "sure");
  assertEquals(found({ size: 99 }, writes), "sure");
  assertEquals(found(undefined, writes), "sure");
});

Deno.test("compare() says nothing of a file that was written to while it was looked at", () => {
  const stamps = new FileStamps(1);
  stamps.set(0, SEEN);
  const mark = stamps.markOf(0);
  stamps.begin(0, 50_000);
  stamps.end(0, 50_001);
  assertEquals(stamps.compare(0, { ...SEEN, mtimeMs: 9_000 }, mark), "none");
  assertEquals(stamps.timeOf(0), 0);
});

Deno.test("compare() does not miss what was never there", () => {
  const stamps = new FileStamps(2);
  assertEquals([stamps.compare(0, undefined, 0), stamps.isExpected(0)], ["none", false]);
  stamps.begin(0, 1_000);
  assertEquals(stamps.compare(0, undefined, stamps.markOf(0)), "none");
  stamps.end(0, 1_001);
  assertEquals(stamps.compare(0, undefined, stamps.markOf(0)), "sure");
});
