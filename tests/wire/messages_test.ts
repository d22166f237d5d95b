/**
 * Each message in both directions against its bytes, and streams of them in any order and cut anywhere.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { hex } from "../../src/base/bytes.ts";
import { Decoder } from "../../src/wire/decoder.ts";
import { Encoder } from "../../src/wire/encoder.ts";
import { pieceMessage } from "../sim/raw_wire.ts";
import { below, forSeeds, pick, prng } from "../support/prng.ts";
import { feed, Recorder, Relay, sendRandom } from "./recorder.ts";

const block = Uint8Array.of(0xaa, 0xbb, 0xcc);

/** The call, its bytes as BEP 3, 5, 6 and 10 draw them, and how it is encoded. */
const MESSAGES: readonly [call: string, bytes: string, encode: (to: Encoder) => void][] = [
  ["keepAlive", "00000000", (to) => to.keepAlive()],
  ["choke", "00000001 00", (to) => to.choke()],
  ["unchoke", "00000001 01", (to) => to.unchoke()],
  ["interested", "00000001 02", (to) => to.interested()],
  ["notInterested", "00000001 03", (to) => to.notInterested()],
  ["have 66051", "00000005 04 00010203", (to) => to.have(0x010203)],
  ["have 4294967295", "00000005 04 ffffffff", (to) => to.have(0xffffffff)],
  ["bitfield aabbcc", "00000004 05 aabbcc", (to) => to.bitfield(block)],
  ["request 1 16384 16383", "0000000d 06 00000001 00004000 00003fff", (to) => {
    to.request(1, 16_384, 16_383);
  }],
  ["piece 2 32768 aabbcc", "0000000c 07 00000002 00008000 aabbcc", (to) => {
    to.raw(pieceMessage(2, 32_768, block));
  }],
  ["cancel 1 16384 16384", "0000000d 08 00000001 00004000 00004000", (to) => {
    to.cancel(1, 16_384, 16_384);
  }],
  ["port 6881", "00000003 09 1ae1", (to) => to.port(6881)],
  ["suggest 7", "00000005 0d 00000007", (to) => to.suggest(7)],
  ["haveAll", "00000001 0e", (to) => to.haveAll()],
  ["haveNone", "00000001 0f", (to) => to.haveNone()],
  ["reject 3 0 16384", "0000000d 10 00000003 00000000 00004000", (to) => {
    to.reject(3, 0, 16_384);
  }],
  ["allowedFast 1059", "00000005 11 00000423", (to) => to.allowedFast(1059)],
  ["extended 0 aabbcc", "00000005 14 00 aabbcc", (to) => to.extended(0, block)],
  ["extended 3 ", "00000002 14 03", (to) => to.extended(3, new Uint8Array())],
];

for (const [call, bytes, encode] of MESSAGES) {
  const name = call.split(" ")[0]!;

  Deno.test(`Encoder writes the bytes of the specification when ${call} is appended`, () => {
    const encoder = new Encoder();
    encode(encoder);
    assertEquals(hex(encoder.take()), bytes.replaceAll(" ", ""));
  });

  Deno.test(`Decoder calls ${name} when its bytes arrive: ${bytes}`, () => {
    const recorder = new Recorder();
    feed(new Decoder(), recorder, fromHex(bytes));
    assertEquals(recorder.calls, [call]);
  });
}

Deno.test("Decoder keeps the order when every message comes in one read", () => {
  const encoder = new Encoder();
  for (const [, , encode] of MESSAGES) encode(encoder);
  const recorder = new Recorder();
  feed(new Decoder(), recorder, encoder.take());
  assertEquals(recorder.calls, MESSAGES.map(([call]) => call));
});

Deno.test("Decoder gives the same calls when every byte comes alone", () => {
  const encoder = new Encoder();
  for (const [, , encode] of MESSAGES) encode(encoder);
  const recorder = new Recorder();
  feed(new Decoder(), recorder, encoder.take(), () => 1);
  assertEquals(recorder.calls, MESSAGES.map(([call]) => call));
});

Deno.test("Decoder gives the same calls when the stream is cut anywhere", () => {
  forSeeds(60, (next) => {
    const relay = new Relay();
    const sent = new Recorder();
    for (let i = 0; i < 40; i++) {
      const seed = below(next, 2 ** 31);
      const maxBytes = pick(next, [3, 300, 20_000]);
      // The same message to both: once to be written down, once to be encoded.
      sendRandom(prng(seed), sent, maxBytes);
      sendRandom(prng(seed), relay, maxBytes);
    }
    const stream = relay.out.take();
    const largest = pick(next, [7, 1000, 70_000]);
    const received = new Recorder();
    feed(new Decoder(), received, stream, () => 1 + below(next, largest));
    assertEquals(received.calls, sent.calls);
  });
});

Deno.test("Decoder gives the same calls when frames are larger than the buffer", () => {
  forSeeds(4, (next) => {
    const relay = new Relay();
    const sent = new Recorder();
    for (let i = 0; i < 3; i++) {
      const big = new Uint8Array(100_000 + below(next, 400_000)).fill(below(next, 256));
      for (const to of [relay, sent]) {
        to.onBitfield(big);
        to.onPiece(i, 0, big.subarray(0, 16_384));
        to.onExtended(i, big);
        to.onUnchoke();
      }
    }
    const received = new Recorder();
    feed(new Decoder(), received, relay.out.take(), () => 1 + below(next, 200_000));
    assertEquals(received.calls, sent.calls);
  });
});

Deno.test("Encoder gives back the same bytes when what was decoded is encoded", () => {
  forSeeds(60, (next) => {
    const first = new Relay();
    for (let i = 0; i < 40; i++) sendRandom(next, first, 500);
    const stream = first.out.take();
    const second = new Relay();
    feed(new Decoder(), second, stream, () => 1 + below(next, 2000));
    assertEquals(hex(second.out.take()), hex(stream));
  });
});

function fromHex(text: string): Uint8Array {
  return Uint8Array.from(text.replaceAll(" ", "").match(/../g) ?? [], (pair) => parseInt(pair, 16));
}
