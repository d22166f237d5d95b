/**
 * Errors of the system as ours, and their way over from a Worker.
 *
 * @module
 */

import { assertEquals, assertStrictEquals } from "@std/assert";
import * as fs from "node:fs";
import { DiskError, type DiskErrorKind } from "../../src/base/errors.ts";
import { fromPlain, inTheWay, toDiskError, toPlain } from "../../src/platform/disk_errors.ts";

function coded(code: string): Error {
  return Object.assign(new Error(`${code}: as the system says`), { code });
}

const KINDS: Record<string, DiskErrorKind> = {
  ENOSPC: "full",
  EDQUOT: "full",
  EACCES: "permission",
  EPERM: "permission",
  EROFS: "permission",
  ENOENT: "missing",
  EISDIR: "in-the-way",
  ENOTDIR: "in-the-way",
  ELOOP: "in-the-way",
  ENAMETOOLONG: "too-long",
  EMFILE: "other",
  EIO: "other",
  EXOTIC: "other",
};

Deno.test("toDiskError() tells the kinds apart that a person acts on", () => {
  for (const [code, kind] of Object.entries(KINDS)) {
    const error = toDiskError(coded(code), "/d/f", "write");
    assertEquals([code, error.kind, error.path, error.operation], [code, kind, "/d/f", "write"]);
  }
  const full = toDiskError(coded("ENOSPC"), "/d/f", "write");
  assertEquals(full.message, 'Cannot write "/d/f": the disk is full');
});

Deno.test("toDiskError() knows a full disk when it meets one", {
  ignore: Deno.build.os !== "linux",
}, () => {
  const fd = fs.openSync("/dev/full", fs.constants.O_RDWR);
  try {
    fs.writeSync(fd, new Uint8Array(10), 0, 10, 0);
  } catch (error) {
    assertEquals(toDiskError(error, "/dev/full", "write").kind, "full");
  } finally {
    fs.closeSync(fd);
  }
});

Deno.test("toDiskError() knows by its number what the runtime gives no code to", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  const numbered = (text: string) => toDiskError(new Error(text), "f", "write");
  const quota = numbered("Disk quota exceeded (os error 122)");
  assertEquals(quota.message, 'Cannot write "f": the disk quota is used up');
  assertEquals(numbered("Odd (os error 4242)").kind, "other");
  const path = await Deno.makeTempFile();
  try {
    // More than most file systems can hold in a file.
    await Deno.truncate(path, Number.MAX_SAFE_INTEGER);
  } catch (error) {
    const { kind, message } = toDiskError(error, "f", "write");
    const why = "the file system cannot hold a file of this size";
    assertEquals([kind, message], ["full", `Cannot write "f": ${why}`]);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("toDiskError() says something when a thing that is no error was thrown", () => {
  assertEquals(toDiskError("odd", "f", "read").message, 'Cannot read "f": odd');
});

Deno.test("toDiskError() leaves one of ours as it is", () => {
  const error = inTheWay("f", "a folder is in the way", "open");
  assertStrictEquals(toDiskError(error, "other", "read"), error);
});

Deno.test("fromPlain() gives back what toPlain() was given", () => {
  for (const error of [inTheWay("f", "x", "open"), toDiskError(coded("EIO"), "f", "sync")]) {
    const back = fromPlain(structuredClone(toPlain(error)));
    assertEquals(back instanceof DiskError, true);
    const { message, path, operation, kind, hint } = error;
    assertEquals({ ...toPlain(back) }, { message, path, operation, kind, hint });
  }
});
