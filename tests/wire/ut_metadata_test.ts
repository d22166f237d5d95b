/**
 * Messages of ut_metadata against BEP 9 and against liars.
 *
 * @module
 */

import { assertEquals, assertThrows } from "@std/assert";
import { PeerError } from "../../src/base/errors.ts";
import {
  decodeMetadata,
  encodeMetadataData,
  encodeMetadataReject,
  encodeMetadataRequest,
  MAX_METADATA_BYTES,
  metadataPieceBytes,
  metadataPieceCount,
} from "../../src/wire/ut_metadata.ts";
import { below, forSeeds, mutate, randomBytes } from "../support/prng.ts";

const latin1 = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
const text = (bytes: Uint8Array) => String.fromCharCode(...bytes);

Deno.test("encodeMetadataRequest() and encodeMetadataReject() write the examples of BEP 9", () => {
  assertEquals(text(encodeMetadataRequest(0)), "d8:msg_typei0e5:piecei0ee");
  assertEquals(text(encodeMetadataReject(0)), "d8:msg_typei2e5:piecei0ee");
});

Deno.test("encodeMetadataData() puts the piece behind the dictionary", () => {
  const info = new Uint8Array(3425).fill(0x78);
  assertEquals(
    text(encodeMetadataData(0, info)),
    "d8:msg_typei1e5:piecei0e10:total_sizei3425ee" + "x".repeat(3425),
  );
});

Deno.test("decodeMetadata() gives back what was encoded", () => {
  assertEquals(decodeMetadata(encodeMetadataRequest(7)), { type: "request", piece: 7 });
  assertEquals(decodeMetadata(encodeMetadataReject(6143)), { type: "reject", piece: 6143 });
  const info = Uint8Array.from({ length: 40_000 }, (_, i) => i % 251);
  for (let piece = 0; piece < 3; piece++) {
    assertEquals(decodeMetadata(encodeMetadataData(piece, info)), {
      type: "data",
      piece,
      totalSize: 40_000,
      data: info.subarray(16_384 * piece, 16_384 * (piece + 1)),
    });
  }
});

Deno.test("decodeMetadata() ignores the message when its type is unknown", () => {
  assertEquals(decodeMetadata(latin1("d8:msg_typei3e5:piecei0ee")), undefined);
  assertEquals(decodeMetadata(latin1("d8:msg_typei99ee")), undefined);
});

Deno.test("decodeMetadata() takes data when the peer leaves total_size out", () => {
  assertEquals(decodeMetadata(latin1("d8:msg_typei1e5:piecei0eeabc")), {
    type: "data",
    piece: 0,
    totalSize: undefined,
    data: latin1("abc"),
  });
});

Deno.test("decodeMetadata() gives a view of the payload and no copy", () => {
  const payload = latin1("d8:msg_typei1e5:piecei0e10:total_sizei3eeabc");
  const message = decodeMetadata(payload);
  assertEquals(message?.type === "data" && message.data.buffer === payload.buffer, true);
});

const REFUSED: readonly [what: string, payload: string][] = [
  ["no bencode", "hello"],
  ["nothing", ""],
  ["a list", "le"],
  ["no type", "d5:piecei0ee"],
  ["a type of text", "d8:msg_type1:05:piecei0ee"],
  ["no piece", "d8:msg_typei0ee"],
  ["a negative piece", "d8:msg_typei0e5:piecei-1ee"],
  ["a piece beyond 96 MiB", "d8:msg_typei0e5:piecei6144ee"],
  ["a piece beyond 2^53", "d8:msg_typei0e5:piecei9223372036854775807ee"],
  ["a total_size of 0", "d8:msg_typei1e5:piecei0e10:total_sizei0eex"],
  ["a negative total_size", "d8:msg_typei1e5:piecei0e10:total_sizei-1eex"],
  ["a total_size beyond 96 MiB", "d8:msg_typei1e5:piecei0e10:total_sizei100663297eex"],
  ["a total_size of text", "d8:msg_typei1e5:piecei0e10:total_size1:3eabc"],
  ["no data", "d8:msg_typei1e5:piecei0e10:total_sizei3ee"],
  ["no data and no total_size", "d8:msg_typei1e5:piecei0ee"],
  ["less data than the piece has", "d8:msg_typei1e5:piecei0e10:total_sizei3eeab"],
  ["more data than the piece has", "d8:msg_typei1e5:piecei0e10:total_sizei3eeabcd"],
  ["data behind the end", "d8:msg_typei1e5:piecei1e10:total_sizei3eeabc"],
  ["a short piece that is not the last", "d8:msg_typei1e5:piecei0e10:total_sizei20000eeabc"],
  ["more than 16 KiB", "d8:msg_typei1e5:piecei0ee" + "x".repeat(16_385)],
];

for (const [what, payload] of REFUSED) {
  Deno.test(`decodeMetadata() throws PeerError when there is ${what}`, () => {
    const error = assertThrows(() => decodeMetadata(latin1(payload)), PeerError);
    assertEquals(error.reason, "bad-message");
  });
}

Deno.test("decodeMetadata() throws nothing but PeerError when fed with garbage", () => {
  const good = encodeMetadataData(1, new Uint8Array(16_400));
  forSeeds(1000, (next) => {
    const payload = next() < 0.2 ? randomBytes(next, below(next, 50)) : mutate(next, good);
    try {
      decodeMetadata(payload);
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
    }
  });
});

Deno.test("metadataPieceBytes() adds up to the size when asked for every piece", () => {
  for (const size of [1, 16_383, 16_384, 16_385, 31_235, MAX_METADATA_BYTES]) {
    let sum = 0;
    for (let piece = 0; piece < metadataPieceCount(size); piece++) {
      sum += metadataPieceBytes(size, piece);
    }
    assertEquals(sum, size);
    assertEquals(metadataPieceBytes(size, metadataPieceCount(size)), 0);
  }
});
