/**
 * The side file keeps state and neighbour bytes through torn writes, damage and another run.
 *
 * @module
 */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { Bitfield } from "../../src/base/bitfield.ts";
import { MemoryDisk } from "./support/memory_disk.ts";
import { layoutFor, type ResumeState } from "../../src/disk/resume.ts";
import { type RecordRules, ResumeFile } from "../../src/disk/resume_file.ts";
import { systemHasher as hasher } from "../../src/platform/hasher.ts";

const PIECES = 20;
const FILES = 3;
const PATH = "d/.side";
const layout = layoutFor(PIECES, FILES);
// Every piece has three spans of ten bytes each.
const rules: RecordRules = {
  pieces: PIECES,
  files: FILES,
  maskedBytes: (_, mask) => {
    if (mask.length !== 1) return undefined;
    return [0x80, 0x40, 0x20].reduce((sum, bit) => sum + ((mask[0]! & bit) === 0 ? 0 : 10), 0);
  },
};

async function load(disk: MemoryDisk) {
  const file = await disk.openSideFile("d", ".side");
  return await ResumeFile.load(file, { infoHash: new Uint8Array(20), hasher, rules });
}

function stateOf(...verified: number[]): ResumeState {
  const bits = new Bitfield(PIECES);
  for (const piece of verified) bits.add(piece);
  return {
    bootMark: "b",
    verified: bits,
    kept: new Bitfield(PIECES),
    logEnd: layout.log,
    sizes: Float64Array.of(1, -1, 3),
    times: Float64Array.of(4, 0, 6),
  };
}

function bytesOf(disk: MemoryDisk): Uint8Array {
  return disk.files.get(PATH)!.bytes;
}

Deno.test("load() gives no state when the file is new, and writes nothing", async () => {
  const disk = new MemoryDisk({ hasher });
  const { resume, state } = await load(disk);
  assertEquals(state, undefined);
  assert(!resume.isStarted);
  await resume[Symbol.asyncDispose]();
  assertEquals(bytesOf(disk).length, 0);
});

Deno.test("load() gives the last state when several were saved", async () => {
  const disk = new MemoryDisk({ hasher });
  for (let run = 0; run < 5; run++) {
    const { resume, state } = await load(disk);
    if (run > 0) assertEquals(state, stateOf(run, run + 10));
    await resume.save(stateOf(run));
    await resume.save(stateOf(run + 1, run + 11));
    await resume[Symbol.asyncDispose]();
  }
});

Deno.test("load() gives the state before when the last one is torn", async () => {
  const disk = new MemoryDisk({ hasher });
  const { resume } = await load(disk);
  await resume.save(stateOf(1));
  const before = bytesOf(disk).slice();
  await resume.save(stateOf(1, 2));
  await resume[Symbol.asyncDispose]();
  const bytes = bytesOf(disk);
  const torn = bytes.findLastIndex((byte, i) => byte !== before[i]);
  bytes[torn] = before[torn] ?? 0;
  const again = await load(disk);
  assertEquals(again.state, stateOf(1));
  // The next save goes over the torn one.
  await again.resume.save(stateOf(3));
  await again.resume[Symbol.asyncDispose]();
  assertEquals((await load(disk)).state, stateOf(3));
});

Deno.test("load() starts anew when the header is wrong, and the old states stay dead", async () => {
  const disk = new MemoryDisk({ hasher });
  const { resume } = await load(disk);
  for (const piece of [1, 2, 3]) await resume.save(stateOf(piece));
  await resume.keep(7, Uint8Array.of(0x80), new Uint8Array(10));
  await resume[Symbol.asyncDispose]();
  bytesOf(disk)[20]! ^= 1;
  const again = await load(disk);
  assertEquals(again.state, undefined);
  assertEquals([...again.resume.recordedPieces()], []);
  await again.resume.save(stateOf(9));
  await again.resume[Symbol.asyncDispose]();
  const third = await load(disk);
  assertEquals(third.state, stateOf(9));
  assertEquals([...third.resume.recordedPieces()], []);
});

Deno.test("keep() survives another run, the last record of a piece wins", async () => {
  const disk = new MemoryDisk({ hasher });
  const { resume } = await load(disk);
  await resume.keep(4, Uint8Array.of(0x80), new Uint8Array(10).fill(1));
  await resume.keep(5, Uint8Array.of(0xc0), new Uint8Array(20).fill(2));
  await resume.keep(4, Uint8Array.of(0x20), new Uint8Array(10).fill(3));
  await resume.keep(4, Uint8Array.of(0x60), new Uint8Array(20).fill(4));
  await resume[Symbol.asyncDispose]();
  const again = await load(disk);
  assertEquals(new Set(again.resume.recordedPieces()), new Set([4, 5]));
  assertEquals(again.resume.neighbours(4)?.mask, Uint8Array.of(0x60));
  const into = new Uint8Array(6);
  assert(await again.resume.read(4, 14, into));
  assertEquals(into, new Uint8Array(6).fill(4));
  assert(!await again.resume.read(4, 15, into));
  assert(!await again.resume.read(6, 0, into));
});

Deno.test("keep() writes over a record of the same shape", async () => {
  const disk = new MemoryDisk({ hasher });
  const { resume } = await load(disk);
  await resume.keep(4, Uint8Array.of(0x80), new Uint8Array(10).fill(1));
  const { length } = bytesOf(disk);
  for (let i = 2; i < 9; i++) {
    await resume.keep(4, Uint8Array.of(0x80), new Uint8Array(10).fill(i));
  }
  assertEquals(bytesOf(disk).length, length);
  const into = new Uint8Array(10);
  assert(await resume.read(4, 0, into));
  assertEquals(into, new Uint8Array(10).fill(8));
});

Deno.test("keep() and save() lose nothing when they begin a file together", async () => {
  const disk = new MemoryDisk({ hasher });
  const { resume } = await load(disk);
  await Promise.all([
    resume.keep(1, Uint8Array.of(0x80), new Uint8Array(10).fill(1)),
    resume.save(stateOf(1)),
    resume.keep(2, Uint8Array.of(0x80), new Uint8Array(10).fill(2)),
  ]);
  await resume[Symbol.asyncDispose]();
  const again = await load(disk);
  assertEquals(again.state?.verified, stateOf(1).verified);
  assertEquals([...again.resume.recordedPieces()], [1, 2]);
});

Deno.test("read() gives nothing when kept bytes were changed", async () => {
  const disk = new MemoryDisk({ hasher });
  const { resume } = await load(disk);
  await resume.keep(1, Uint8Array.of(0x80), new Uint8Array(10).fill(1));
  await resume[Symbol.asyncDispose]();
  const bytes = bytesOf(disk);
  bytes[bytes.length - 1]! ^= 1;
  const again = await load(disk);
  assertNotEquals(again.resume.neighbours(1), undefined);
  assert(!await again.resume.read(1, 0, new Uint8Array(1)));
  assertEquals(again.resume.neighbours(1), undefined);
});

Deno.test("load() ends the log at its first bad record and goes on from there", async () => {
  const disk = new MemoryDisk({ hasher });
  const { resume } = await load(disk);
  for (const piece of [1, 2, 3]) {
    await resume.keep(piece, Uint8Array.of(0x80), new Uint8Array(10).fill(piece));
  }
  await resume[Symbol.asyncDispose]();
  const recordBytes = (bytesOf(disk).length - layout.log) / 3;
  bytesOf(disk)[layout.log + recordBytes + 5]! ^= 1;
  const again = await load(disk);
  assertEquals([...again.resume.recordedPieces()], [1]);
  await again.resume.keep(9, Uint8Array.of(0x80), new Uint8Array(10).fill(9));
  await again.resume[Symbol.asyncDispose]();
  assertEquals([...(await load(disk)).resume.recordedPieces()], [1, 9, 3]);
});

Deno.test("isLogWhole is false when records are gone that were there at the last save", async () => {
  const disk = new MemoryDisk({ hasher });
  const { resume } = await load(disk);
  await resume.keep(1, Uint8Array.of(0x80), new Uint8Array(10));
  const end = bytesOf(disk).length;
  await resume.keep(2, Uint8Array.of(0x80), new Uint8Array(10));
  await resume.save(stateOf(1, 2));
  await resume.keep(3, Uint8Array.of(0x80), new Uint8Array(10));
  await resume[Symbol.asyncDispose]();
  const whole = bytesOf(disk);
  for (const cut of [0, 1, 54, 55, 56, 100, whole.length - end]) {
    disk.crash();
    disk.put(PATH, whole.slice(0, whole.length - cut));
    const again = await load(disk);
    assertEquals(again.resume.isLogWhole, cut <= (whole.length - end) / 2, `${cut} bytes cut`);
  }
});

Deno.test("load() refuses records that cannot be of this torrent", async () => {
  const disk = new MemoryDisk({ hasher });
  const { resume } = await load(disk);
  // More bytes than its mask has, as a hostile file might say.
  await resume.keep(1, Uint8Array.of(0x80), new Uint8Array(11));
  await resume[Symbol.asyncDispose]();
  assertEquals([...(await load(disk)).resume.recordedPieces()], []);
});
