/**
 * All forms of the piece hasher give the digests of `node:crypto`, whatever the lengths.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { makePieceHasher } from "../../src/platform/hash_choice.ts";
import type { HashSource } from "../../src/platform/piece_hasher.ts";
import { below, forSeeds, randomBytes } from "../support/prng.ts";

function inMemory(bytes: Uint8Array): HashSource {
  return {
    length: bytes.length,
    bytes,
    read: () => {
      throw new Error("the bytes are there");
    },
  };
}

function streamed(bytes: Uint8Array): HashSource {
  return {
    length: bytes.length,
    read: (offset, into) => {
      into.set(bytes.subarray(offset, offset + into.length));
      return offset + into.length <= bytes.length;
    },
  };
}

function sha1(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(createHash("sha1").update(bytes).digest());
}

for (const lanes of [1, 4, 8] as const) {
  const name = `makePieceHasher(${lanes})`;
  const hasher = makePieceHasher(lanes);
  const digests = (sources: HashSource[]) =>
    hasher.sha1(sources).map((digest) => digest && Uint8Array.from(digest));

  Deno.test(`${name} gives SHA-1 when a message ends anywhere in a block`, () => {
    for (let length = 0; length <= 200; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => i * 31 + length);
      assertEquals(digests([inMemory(bytes)]), [sha1(bytes)], `${length} bytes`);
      assertEquals(digests([streamed(bytes)]), [sha1(bytes)], `${length} bytes, streamed`);
    }
  });

  Deno.test(`${name} gives SHA-1 when messages of any lengths come together`, () => {
    forSeeds(30, (next) => {
      const count = 1 + below(next, 19);
      const common = below(next, 400_000);
      const messages = Array.from(
        { length: count },
        () => randomBytes(next, next() < 0.7 ? common : below(next, 300_000)),
      );
      const sources = messages.map((bytes) => next() < 0.5 ? inMemory(bytes) : streamed(bytes));
      assertEquals(digests(sources), messages.map(sha1));
    });
  });

  Deno.test(`${name} gives SHA-1 when the bytes are on shared memory`, () => {
    const bytes = new Uint8Array(new SharedArrayBuffer(300_001)).fill(7);
    assertEquals(digests([inMemory(bytes)]), [sha1(bytes.slice())]);
  });

  Deno.test(`${name} gives nothing for a message when its bytes cannot be had`, () => {
    const bytes = new Uint8Array(500_000).fill(3);
    const gone = (from: number): HashSource => ({
      length: bytes.length,
      read: (offset, into) => offset + into.length <= from && (into.fill(3), true),
    });
    const found = digests([streamed(bytes), gone(200_000), gone(0), streamed(bytes), gone(0)]);
    assertEquals(found, [sha1(bytes), undefined, undefined, sha1(bytes), undefined]);
  });
}

for (const lanes of [4, 8] as const) {
  Deno.test(`makePieceHasher(${lanes}) hashes where messages lie when their memory is attached`, () => {
    const hasher = makePieceHasher(lanes);
    const memory = new WebAssembly.Memory({ initial: 40, maximum: 40, shared: true });
    const all = new Uint8Array(memory.buffer);
    forSeeds(12, (next) => {
      hasher.attach(memory);
      const length = below(next, 200_000);
      const count = 1 + below(next, 12);
      const messages = Array.from({ length: count }, () => randomBytes(next, length));
      const sources = messages.map((bytes, i) => {
        all.set(bytes, i * 200_003);
        return inMemory(all.subarray(i * 200_003, i * 200_003 + length));
      });
      // One from elsewhere in between.
      sources.splice(1, 0, inMemory(messages[0]!));
      const before = all.slice();
      const digests = hasher.sha1(sources).map((digest) => Uint8Array.from(digest!));
      assertEquals(digests, [messages[0]!, messages[0]!, ...messages.slice(1)].map(sha1));
      assertEquals(all, before, "the messages are untouched");
      hasher.detach(memory);
      assertEquals(hasher.sha1(sources.slice(0, 1)).map((digest) => Uint8Array.from(digest!)), [
        sha1(messages[0]!),
      ]);
    });
  });
}

Deno.test("makePieceHasher(8) gives SHA-1 when it has found out how many at a time are faster", () => {
  const hasher = makePieceHasher(8);
  const length = 2 ** 20;
  const messages = Array.from({ length: 8 }, (_, i) => new Uint8Array(length).fill(i + 1));
  const expected = messages.map(sha1);
  // Long past the 32 MiB that it tries either way.
  for (let i = 0; i < 10; i++) {
    assertEquals(hasher.sha1(messages.map(inMemory)).map((d) => Uint8Array.from(d!)), expected);
  }
  assertEquals(hasher.sha1(messages.slice(0, 5).map(inMemory)).length, 5);
});
