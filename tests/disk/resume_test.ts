/**
 * The layout of the side file: what is written is read back, and nothing else is.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { Bitfield } from "../../src/base/bitfield.ts";
import {
  decodeRecordHead,
  decodeSlot,
  encodeHeader,
  encodeRecord,
  encodeSlot,
  HEADER_BYTES,
  isHeadIntact,
  layoutFor,
  RECORD_HEAD_BYTES,
  type ResumeState,
} from "../../src/disk/resume.ts";
import { systemHasher as hasher } from "../../src/platform/hasher.ts";
import { below, forSeeds, randomBytes } from "../support/prng.ts";

function randomState(next: () => number, pieces: number, files: number): ResumeState {
  const randomBits = () => {
    const bits = new Bitfield(pieces);
    for (let i = 0; i < pieces; i++) if (next() < 0.5) bits.add(i);
    return bits;
  };
  return {
    bootMark: "boot ".repeat(below(next, 12)),
    verified: randomBits(),
    kept: randomBits(),
    logEnd: below(next, 2 ** 50),
    sizes: Float64Array.from({ length: files }, () => below(next, 2 ** 50) - 1),
    times: Float64Array.from({ length: files }, () => below(next, 2 ** 45)),
  };
}

Deno.test("layoutFor() puts slots and log on disk blocks of their own", () => {
  for (const [pieces, files] of [[1, 1], [7, 300], [4_000_000, 100_000]] as const) {
    const { slots, slotBytes, log } = layoutFor(pieces, files);
    assert(HEADER_BYTES <= slots[0]);
    assertEquals([slots[0] % 4096, slots[1] % 4096, log % 4096], [0, 0, 0]);
    assert(slots[0] + slotBytes <= slots[1] && slots[1] + slotBytes <= log);
    const state = randomState(() => 0.5, pieces, files);
    const slot = encodeSlot(layoutFor(pieces, files), state, 1, hasher);
    assert(slot.length <= slotBytes);
  }
});

Deno.test("encodeHeader() differs when the torrent or its numbers do", () => {
  const one = encodeHeader(layoutFor(10, 2), new Uint8Array(20), hasher);
  assertEquals(one.length, HEADER_BYTES);
  const others = [
    encodeHeader(layoutFor(11, 2), new Uint8Array(20), hasher),
    encodeHeader(layoutFor(10, 3), new Uint8Array(20), hasher),
    encodeHeader(layoutFor(10, 2), new Uint8Array(20).fill(1), hasher),
  ];
  for (const other of others) assert(other.some((byte, i) => byte !== one[i]));
});

Deno.test("decodeSlot() gives what encodeSlot() was given", () => {
  forSeeds(50, (next) => {
    const layout = layoutFor(1 + below(next, 100), below(next, 20));
    const state = randomState(next, layout.pieces, layout.files);
    const sequence = below(next, 2 ** 32);
    const slot = new Uint8Array(layout.slotBytes);
    slot.set(encodeSlot(layout, state, sequence, hasher));
    const found = decodeSlot(layout, slot, hasher);
    assertEquals(found?.sequence, sequence);
    assertEquals(found?.state, state);
  });
});

Deno.test("decodeSlot() refuses a slot when any bit is wrong or it is cut", () => {
  forSeeds(20, (next) => {
    const layout = layoutFor(1 + below(next, 40), below(next, 4));
    const slot = encodeSlot(layout, randomState(next, layout.pieces, layout.files), 9, hasher);
    const bit = below(next, slot.length * 8);
    const flipped = slot.slice();
    flipped[bit >>> 3]! ^= 1 << (bit & 7);
    assertEquals(decodeSlot(layout, flipped, hasher), undefined);
    assertEquals(decodeSlot(layout, slot.subarray(0, below(next, slot.length)), hasher), undefined);
    assertEquals(decodeSlot(layoutFor(layout.pieces + 8, layout.files), slot, hasher), undefined);
  });
});

Deno.test("decodeRecordHead() gives what encodeRecord() was given", () => {
  forSeeds(20, (next) => {
    const mask = randomBytes(next, 1 + below(next, 5));
    const data = randomBytes(next, below(next, 500));
    const piece = below(next, 2 ** 32);
    const record = encodeRecord({ piece, mask, data }, hasher);
    const head = decodeRecordHead(record)!;
    assertEquals([head.piece, head.maskBytes, head.dataBytes], [piece, mask.length, data.length]);
    assertEquals(head.digest, Uint8Array.from(hasher.sha1(data)));
    assertEquals(record.subarray(RECORD_HEAD_BYTES + mask.length), data);
    assert(isHeadIntact(record, mask, hasher));
    const bit = below(next, RECORD_HEAD_BYTES * 8);
    record[bit >>> 3]! ^= 1 << (bit & 7);
    assert(!isHeadIntact(record, mask, hasher) || decodeRecordHead(record) === undefined);
  });
});

Deno.test("decodeRecordHead() gives nothing when the bytes are too few or something else", () => {
  assertEquals(decodeRecordHead(new Uint8Array(RECORD_HEAD_BYTES)), undefined);
  assertEquals(decodeRecordHead(new Uint8Array(3)), undefined);
});
