/**
 * What the decoder refuses, how much memory it takes, and how it is stopped.
 *
 * @module
 */

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { BugError, type PeerCloseReason, PeerError } from "../../src/base/errors.ts";
import { KIB, MIB } from "../../src/base/units.ts";
import { putUint32 } from "../../src/base/bytes.ts";
import { Decoder, MAX_BUFFER_BYTES, MIN_BUFFER_BYTES } from "../../src/wire/decoder.ts";
import { Encoder } from "../../src/wire/encoder.ts";
import { pieceMessage } from "../sim/raw_wire.ts";
import { below, forSeeds, mutate, pick, randomBytes } from "../support/prng.ts";
import { feed, Recorder, Relay, sendRandom } from "./recorder.ts";

/** The five bytes that start a frame. */
function header(length: number, id: number): Uint8Array {
  const out = new Uint8Array(5);
  putUint32(out, 0, length);
  out[4] = id;
  return out;
}

/** A frame of `length` whose payload is zeros. */
function frame(length: number, id: number): Uint8Array {
  const out = new Uint8Array(4 + length);
  out.set(header(length, id));
  return out;
}

// --- lengths

const REFUSED: readonly [what: string, length: number, id: number, reason: PeerCloseReason][] = [
  ["choke with a payload", 2, 0, "bad-message"],
  ["unchoke with a payload", 5, 1, "bad-message"],
  ["interested with a payload", 2, 2, "bad-message"],
  ["not interested with a payload", 2, 3, "bad-message"],
  ["have without an index", 1, 4, "bad-message"],
  ["have with a short index", 4, 4, "bad-message"],
  ["have with a long index", 9, 4, "bad-message"],
  ["request without a length", 9, 6, "bad-message"],
  ["request with more", 17, 6, "bad-message"],
  ["piece without a block", 9, 7, "bad-message"],
  ["piece without a begin", 5, 7, "bad-message"],
  ["piece of 16 KiB and a byte", 10 + 16 * KIB, 7, "message-too-long"],
  ["piece of 1 MiB", MIB, 7, "message-too-long"],
  ["cancel without a length", 9, 8, "bad-message"],
  ["port of one byte", 2, 9, "bad-message"],
  ["port of four bytes", 5, 9, "bad-message"],
  ["suggest with more", 6, 13, "bad-message"],
  ["have all with a payload", 2, 14, "bad-message"],
  ["have none with a payload", 2, 15, "bad-message"],
  ["reject without a length", 9, 16, "bad-message"],
  ["allowed fast with more", 9, 17, "bad-message"],
  ["extended without an id", 1, 20, "bad-message"],
  ["extended of 1 MiB and a byte", MIB + 1, 20, "message-too-long"],
  ["an unknown id with 1 MiB and a byte", MIB + 1, 99, "message-too-long"],
  ["a length of 2^31", 2 ** 31, 0, "message-too-long"],
  ["a length of 2^32 - 1", 2 ** 32 - 1, 20, "message-too-long"],
  ["bitfield without bits, pieces unknown", 1, 5, "bad-bitfield"],
  ["bitfield of 512 KiB and a byte, pieces unknown", 2 + 512 * KIB, 5, "bad-bitfield"],
];

for (const [what, length, id, reason] of REFUSED) {
  Deno.test(`Decoder.commit() refuses at the header when there is ${what}`, () => {
    const recorder = new Recorder();
    const error = assertThrows(
      () => feed(new Decoder(), recorder, header(length, id)),
      PeerError,
    );
    assertEquals(error.reason, reason);
    assert(error.isFault);
    assertEquals(recorder.calls, []);
  });
}

Deno.test("Decoder.commit() refuses before the id when no message may be that long", () => {
  const decoder = new Decoder();
  assertThrows(() => feed(decoder, new Recorder(), header(MIB + 1, 0).subarray(0, 4)), PeerError);
});

Deno.test("Decoder.commit() takes a bitfield of the exact length only when pieces are known", () => {
  for (const [pieceCount, bytes] of [[1, 1], [8, 1], [9, 2], [1313, 165]] as const) {
    const recorder = new Recorder();
    feed(new Decoder({ pieceCount }), recorder, frame(1 + bytes, 5));
    assertEquals(recorder.calls.length, 1);
    for (const wrong of [bytes - 1, bytes + 1, 512 * KIB]) {
      const error = assertThrows(
        () => feed(new Decoder({ pieceCount }), recorder, header(1 + wrong, 5)),
        PeerError,
      );
      assertEquals(error.reason, "bad-bitfield");
    }
  }
});

Deno.test("Decoder.setPieceCount() holds for the next bitfield when called between reads", () => {
  const decoder = new Decoder();
  const recorder = new Recorder();
  feed(decoder, recorder, frame(100, 5));
  decoder.setPieceCount(80);
  feed(decoder, recorder, frame(11, 5));
  assertEquals(recorder.calls.length, 2);
  assertThrows(() => feed(decoder, recorder, header(100, 5)), PeerError);
});

Deno.test("Decoder.commit() takes the longest message of each kind", () => {
  for (const [length, id] of [[9 + 16 * KIB, 7], [1 + 512 * KIB, 5], [MIB, 20]] as const) {
    const recorder = new Recorder();
    const decoder = new Decoder();
    feed(decoder, recorder, frame(length, id));
    feed(decoder, recorder, frame(1, 0));
    assertEquals([recorder.calls.length, recorder.calls[1]], [2, "choke"]);
  }
});

// --- unknown ids

Deno.test("Decoder.commit() skips unknown ids when they come between messages", () => {
  const encoder = new Encoder();
  encoder.have(1);
  for (const id of [10, 11, 12, 18, 19, 21, 22, 23, 255]) {
    encoder.raw(frame(1, id));
    encoder.raw(frame(300, id));
  }
  encoder.have(2);
  const stream = encoder.take();
  for (const chunk of [1, 3, 299, 100_000]) {
    const recorder = new Recorder();
    feed(new Decoder(), recorder, stream, () => chunk);
    assertEquals(recorder.calls, ["have 1", "have 2"]);
  }
});

Deno.test("Decoder.commit() buffers nothing of an unknown id when its frame is long", () => {
  const decoder = new Decoder();
  const recorder = new Recorder();
  feed(decoder, recorder, frame(MIB, 200), () => 1000);
  feed(decoder, recorder, frame(1, 1));
  assertEquals(recorder.calls, ["unchoke"]);
  assertEquals(decoder.bufferBytes, MIN_BUFFER_BYTES);
});

// --- memory

Deno.test("Decoder allocates nothing when a peer only claims a long message", () => {
  const decoder = new Decoder();
  feed(decoder, new Recorder(), header(MIB, 20));
  assertEquals(decoder.bufferBytes, MIN_BUFFER_BYTES);
  feed(decoder, new Recorder(), new Uint8Array(60_000), () => 1000);
  assertEquals(decoder.bufferBytes, MIN_BUFFER_BYTES);
});

Deno.test("Decoder holds at most twice what has arrived when a long message comes", () => {
  for (const [length, id] of [[MIB, 20], [500_000, 20], [1 + 512 * KIB, 5]] as const) {
    const decoder = new Decoder();
    const recorder = new Recorder();
    const stream = frame(length, id);
    for (let at = 0; at < stream.length; at += 1000) {
      feed(decoder, recorder, stream.subarray(at, at + 1000));
      const arrived = at + 1000;
      assert(decoder.bufferBytes <= Math.max(2 * arrived, MIN_BUFFER_BYTES));
      assert(decoder.bufferBytes <= MIB + 4);
    }
    assertEquals(recorder.calls.length, 1);
    assert(decoder.bufferBytes <= MAX_BUFFER_BYTES, "shrinks back");
  }
});

Deno.test("useMemory() takes effect when the buffer was full, and no frame is lost by it", () => {
  const decoder = new Decoder();
  const recorder = new Recorder();
  const encoder = new Encoder();
  const memory = new Uint8Array(MAX_BUFFER_BYTES);
  for (let i = 0; i < 64; i++) {
    encoder.raw(pieceMessage(i, 0, new Uint8Array(16 * KIB).fill(i)));
  }
  const stream = encoder.take().slice();
  const half = stream.length >> 1;
  feed(decoder, recorder, stream.subarray(0, half));
  assert(decoder.reserve().buffer !== memory.buffer);
  decoder.useMemory(memory);
  feed(decoder, recorder, stream.subarray(half));
  assertStrictEquals(decoder.reserve().buffer, memory.buffer);
  assertEquals(recorder.calls.length, 64);
});

Deno.test("Decoder grows its buffer to 256 KiB and no further when reads fill it", () => {
  const decoder = new Decoder();
  const recorder = new Recorder();
  const encoder = new Encoder();
  for (let i = 0; i < 100; i++) {
    encoder.raw(pieceMessage(i, 0, new Uint8Array(16 * KIB).fill(i)));
  }
  feed(decoder, recorder, encoder.take());
  assertEquals(recorder.calls.length, 100);
  assertEquals(decoder.bufferBytes, MAX_BUFFER_BYTES);
});

Deno.test("Decoder keeps its buffer small when reads are small", () => {
  const decoder = new Decoder();
  for (let i = 0; i < 100; i++) feed(decoder, new Recorder(), frame(16_393, 7), () => 10_000);
  assertEquals(decoder.bufferBytes, MIN_BUFFER_BYTES);
});

Deno.test("Decoder.reserve() gives the same view when nothing was left over", () => {
  const decoder = new Decoder();
  const first = decoder.reserve();
  assertStrictEquals(decoder.reserve(), first);
  first.set(frame(5, 4));
  decoder.commit(9, new Recorder());
  assertStrictEquals(decoder.reserve(), first);
  assertEquals(first.length, MIN_BUFFER_BYTES);
});

// --- stopping

Deno.test("Decoder.stop() ends the delivery when called from a handler", () => {
  const decoder = new Decoder();
  const recorder = new Recorder();
  recorder.onCall = () => {
    if (recorder.calls.length === 2) decoder.stop();
  };
  const stream = new Encoder();
  for (let i = 0; i < 5; i++) stream.have(i);
  feed(decoder, recorder, stream.take());
  assertEquals(recorder.calls, ["have 0", "have 1"]);
  feed(decoder, recorder, frame(1, 0));
  feed(decoder, recorder, header(2 ** 32 - 1, 7));
  assertEquals(recorder.calls.length, 2);
  assert(decoder.reserve().length > 0);
});

Deno.test("Decoder.commit() passes an error on and stops when a handler throws", () => {
  const decoder = new Decoder();
  const recorder = new Recorder();
  const thrown = new PeerError("bad-index");
  recorder.onCall = () => {
    throw thrown;
  };
  const stream = new Encoder();
  stream.have(1);
  stream.have(2);
  const error = assertThrows(() => feed(decoder, recorder, stream.take()), PeerError);
  assertStrictEquals(error, thrown);
  feed(decoder, recorder, frame(1, 0));
  assertEquals(recorder.calls, ["have 1"]);
});

Deno.test("Decoder.commit() delivers what came before when a later frame is refused", () => {
  const recorder = new Recorder();
  const stream = new Encoder();
  stream.have(1);
  stream.raw(header(9, 0));
  assertThrows(() => feed(new Decoder(), recorder, stream.take()), PeerError);
  assertEquals(recorder.calls, ["have 1"]);
});

Deno.test("Decoder.commit() throws BugError when told of more than was reserved", () => {
  assertThrows(() => new Decoder().commit(MIN_BUFFER_BYTES + 1, new Recorder()), BugError);
  assertThrows(() => new Decoder().commit(-1, new Recorder()), BugError);
});

// --- garbage

/** Feeds in random chunks, checks the bounds after each, and lets nothing pass but PeerError. */
function survive(next: () => number, stream: Uint8Array): void {
  const decoder = new Decoder(next() < 0.5 ? {} : { pieceCount: 1 + below(next, 100) });
  const largest = pick(next, [5, 500, 100_000]);
  let at = 0;
  try {
    while (at < stream.length) {
      const into = decoder.reserve();
      assert(into.length > 0, "reserve() is empty");
      const n = Math.min(into.length, 1 + below(next, largest), stream.length - at);
      into.set(stream.subarray(at, at + n));
      decoder.commit(n, new Recorder());
      at += n;
      assert(decoder.bufferBytes <= Math.max(2 * at, MIN_BUFFER_BYTES), "buffer beyond bytes");
      assert(decoder.bufferBytes <= MIB + 4, "buffer beyond limit");
    }
  } catch (error) {
    if (!(error instanceof PeerError)) throw error;
  }
}

Deno.test("Decoder throws nothing but PeerError when fed with noise", () => {
  forSeeds(300, (next) => survive(next, randomBytes(next, below(next, 3000))));
});

Deno.test("Decoder throws nothing but PeerError when frames have random ids and lengths", () => {
  forSeeds(150, (next) => {
    const encoder = new Encoder();
    for (let i = below(next, 5); i >= 0; i--) {
      const length = below(next, pick(next, [3, 20, 20_000, 2 * MIB]));
      encoder.raw(header(length, below(next, 24)));
      encoder.raw(new Uint8Array(Math.max(0, length - 1 + (next() < 0.1 ? 1 : 0))));
    }
    survive(next, encoder.take());
  });
});

Deno.test("Decoder throws nothing but PeerError when a good stream is damaged", () => {
  forSeeds(300, (next) => {
    const relay = new Relay();
    for (let i = 0; i < 20; i++) sendRandom(next, relay, 60);
    survive(next, mutate(next, relay.out.take()));
  });
});
