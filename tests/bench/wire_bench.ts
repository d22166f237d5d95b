/**
 * What the peer protocol itself costs, without sockets, hashing or copies into pieces: run with
 * `deno bench -A tests/bench/wire_bench.ts`. One iteration is 64 MiB of blocks, or 100,000 messages.
 *
 * @module
 */

import { BLOCK_BYTES, MIB } from "../../src/base/units.ts";
import { Decoder, type WireHandler } from "../../src/wire/decoder.ts";
import { Encoder } from "../../src/wire/encoder.ts";
import { pieceMessage } from "../sim/raw_wire.ts";

/** Counts, so that nothing is optimised away. */
class Counter implements WireHandler {
  messages = 0;
  bytes = 0;
  onKeepAlive(): void {
    this.messages++;
  }
  onChoke(): void {
    this.messages++;
  }
  onUnchoke(): void {
    this.messages++;
  }
  onInterested(): void {
    this.messages++;
  }
  onNotInterested(): void {
    this.messages++;
  }
  onHave(index: number): void {
    this.messages++;
    this.bytes += index & 1;
  }
  onBitfield(bits: Uint8Array): void {
    this.messages++;
    this.bytes += bits.length;
  }
  onRequest(_index: number, _begin: number, length: number): void {
    this.messages++;
    this.bytes += length;
  }
  onPiece(_index: number, _begin: number, block: Uint8Array): void {
    this.messages++;
    this.bytes += block.length;
  }
  onCancel(): void {
    this.messages++;
  }
  onPort(): void {
    this.messages++;
  }
  onSuggest(): void {
    this.messages++;
  }
  onHaveAll(): void {
    this.messages++;
  }
  onHaveNone(): void {
    this.messages++;
  }
  onReject(): void {
    this.messages++;
  }
  onAllowedFast(): void {
    this.messages++;
  }
  onExtended(_id: number, payload: Uint8Array): void {
    this.messages++;
    this.bytes += payload.length;
  }
}

const BLOCKS = (64 * MIB) / BLOCK_BYTES;

/** A receive buffer's worth of stream that repeats after `FRAMES` blocks: reads are copies out of it. */
const FRAMES = 64;
const blocks = new Encoder();
for (let i = 0; i < FRAMES; i++) {
  blocks.raw(pieceMessage(i, 0, new Uint8Array(BLOCK_BYTES)));
}
const blockStream = blocks.take().slice();

const small = new Encoder();
for (let i = 0; i < 1000; i++) i % 2 ? small.have(i) : small.request(i, BLOCK_BYTES, BLOCK_BYTES);
const smallStream = small.take().slice();

/** Feeds `stream` over and over, `total` bytes, `chunk` at a time. `isCopied` is what a socket would do. */
function feed(decoder: Decoder, counter: Counter, stream: Uint8Array, chunk: number): void {
  let at = 0;
  while (at < stream.length) {
    const into = decoder.reserve();
    const n = Math.min(chunk, into.length, stream.length - at);
    into.set(stream.subarray(at, at + n));
    decoder.commit(n, counter);
    at += n;
  }
}

for (const chunk of [16 * 1024, 64 * 1024, 256 * 1024]) {
  const decoder = new Decoder();
  const counter = new Counter();
  Deno.bench({
    name: `64 MiB of blocks in reads of ${chunk / 1024} KiB`,
    group: "decode blocks, with the copy of the read",
    fn: () => {
      for (let i = 0; i < BLOCKS / FRAMES; i++) feed(decoder, counter, blockStream, chunk);
    },
  });
}

Deno.bench({
  name: "64 MiB copied in pieces of 256 KiB",
  group: "decode blocks, with the copy of the read",
  baseline: true,
  fn: () => {
    const into = new Uint8Array(256 * 1024);
    for (let i = 0; i < BLOCKS / FRAMES; i++) {
      for (let at = 0; at < blockStream.length; at += into.length) {
        into.set(blockStream.subarray(at, Math.min(at + into.length, blockStream.length)));
      }
    }
  },
});

{
  const decoder = new Decoder();
  const counter = new Counter();
  // The buffer keeps what was read into it: only the lengths and ids of the frames are looked at.
  const into = decoder.reserve();
  const frame = 13 + BLOCK_BYTES;
  into.set(blockStream.subarray(0, 3 * frame));
  Deno.bench("64 MiB of blocks, the decoder alone (reads of three blocks)", {
    group: "decode, nothing else",
  }, () => {
    for (let i = 0; i < BLOCKS; i += 3) {
      decoder.reserve();
      decoder.commit(3 * frame, counter);
    }
  });
}

{
  const decoder = new Decoder();
  const counter = new Counter();
  Deno.bench("100,000 have and request messages", { group: "decode, nothing else" }, () => {
    for (let i = 0; i < 100; i++) feed(decoder, counter, smallStream, 64 * 1024);
  });
}

{
  const encoder = new Encoder();
  Deno.bench("100,000 requests, a take every 100", { group: "encode" }, () => {
    for (let i = 0; i < 1000; i++) {
      for (let j = 0; j < 100; j++) encoder.request(i, j * BLOCK_BYTES, BLOCK_BYTES);
      encoder.take();
    }
  });
}
