/**
 * A bounded number of descriptors, the longest unused closed first.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import * as fs from "node:fs";
import { DiskError } from "../../src/base/errors.ts";
import { type Handle, HandleCache } from "../../src/platform/handle_cache.ts";

const THIS = new URL(import.meta.url).pathname;

function openThis(): Handle {
  return { fd: fs.openSync(THIS, fs.constants.O_RDONLY), isWritable: false, path: THIS };
}

function isOpen({ fd }: Handle): boolean {
  try {
    fs.fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}

Deno.test("add() closes the one that was not used for longest", () => {
  const cache = new HandleCache(3);
  const handles = [1, 2, 3, 4, 5].map((key) => {
    const handle = openThis();
    cache.add(key, handle);
    if (key === 3) cache.get(1);
    return handle;
  });
  assertEquals([1, 2, 3, 4, 5].map((key) => cache.get(key) === handles[key - 1]), [
    true,
    false,
    false,
    true,
    true,
  ]);
  assertEquals(cache.size, 3);
  cache.closeRange(0, 10);
  assertEquals([cache.size, isOpen(handles[4]!)], [0, false]);
});

Deno.test("closeRange() closes what is in the range and nothing else", () => {
  const cache = new HandleCache(10);
  const handles = [1, 2, 3].map((key) => {
    const handle = openThis();
    cache.add(key, handle);
    return handle;
  });
  cache.closeRange(2, 3);
  assertEquals(handles.map(isOpen), [true, false, true]);
  cache.close(2);
  cache.closeRange(0, 10);
  assertEquals(cache.size, 0);
});

Deno.test("close() says so when closing fails, and forgets the handle", () => {
  const cache = new HandleCache(10);
  const handle = openThis();
  fs.closeSync(handle.fd);
  cache.add(1, handle);
  assertThrows(() => cache.close(1), DiskError);
  assert(cache.get(1) === undefined);
});
