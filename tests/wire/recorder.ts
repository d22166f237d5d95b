/**
 * Handlers of messages for the tests of this room: one writes the calls down, one sends them on. And a
 * generator of random messages.
 *
 * @module
 */

import { hex } from "../../src/base/bytes.ts";
import type { Decoder, WireHandler } from "../../src/wire/decoder.ts";
import { Encoder } from "../../src/wire/encoder.ts";
import { pieceMessage } from "../sim/raw_wire.ts";
import { below, randomBytes } from "../support/prng.ts";

/** Writes every call down as one line, with what a view held at that time. */
export class Recorder implements WireHandler {
  readonly calls: string[] = [];
  /** Called after each line. */
  onCall: () => void = () => {};

  onKeepAlive(): void {
    this.#add("keepAlive");
  }
  onChoke(): void {
    this.#add("choke");
  }
  onUnchoke(): void {
    this.#add("unchoke");
  }
  onInterested(): void {
    this.#add("interested");
  }
  onNotInterested(): void {
    this.#add("notInterested");
  }
  onHave(index: number): void {
    this.#add(`have ${index}`);
  }
  onBitfield(bits: Uint8Array): void {
    this.#add(`bitfield ${print(bits)}`);
  }
  onRequest(index: number, begin: number, length: number): void {
    this.#add(`request ${index} ${begin} ${length}`);
  }
  onPiece(index: number, begin: number, block: Uint8Array): void {
    this.#add(`piece ${index} ${begin} ${print(block)}`);
  }
  onCancel(index: number, begin: number, length: number): void {
    this.#add(`cancel ${index} ${begin} ${length}`);
  }
  onPort(port: number): void {
    this.#add(`port ${port}`);
  }
  onSuggest(index: number): void {
    this.#add(`suggest ${index}`);
  }
  onHaveAll(): void {
    this.#add("haveAll");
  }
  onHaveNone(): void {
    this.#add("haveNone");
  }
  onReject(index: number, begin: number, length: number): void {
    this.#add(`reject ${index} ${begin} ${length}`);
  }
  onAllowedFast(index: number): void {
    this.#add(`allowedFast ${index}`);
  }
  onExtended(id: number, payload: Uint8Array): void {
    this.#add(`extended ${id} ${print(payload)}`);
  }

  #add(call: string): void {
    this.calls.push(call);
    this.onCall();
  }
}

/** Appends every message to an encoder, as it came. */
export class Relay implements WireHandler {
  readonly out = new Encoder();

  onKeepAlive(): void {
    this.out.keepAlive();
  }
  onChoke(): void {
    this.out.choke();
  }
  onUnchoke(): void {
    this.out.unchoke();
  }
  onInterested(): void {
    this.out.interested();
  }
  onNotInterested(): void {
    this.out.notInterested();
  }
  onHave(index: number): void {
    this.out.have(index);
  }
  onBitfield(bits: Uint8Array): void {
    this.out.bitfield(bits);
  }
  onRequest(index: number, begin: number, length: number): void {
    this.out.request(index, begin, length);
  }
  onPiece(index: number, begin: number, block: Uint8Array): void {
    this.out.raw(pieceMessage(index, begin, block));
  }
  onCancel(index: number, begin: number, length: number): void {
    this.out.cancel(index, begin, length);
  }
  onPort(port: number): void {
    this.out.port(port);
  }
  onSuggest(index: number): void {
    this.out.suggest(index);
  }
  onHaveAll(): void {
    this.out.haveAll();
  }
  onHaveNone(): void {
    this.out.haveNone();
  }
  onReject(index: number, begin: number, length: number): void {
    this.out.reject(index, begin, length);
  }
  onAllowedFast(index: number): void {
    this.out.allowedFast(index);
  }
  onExtended(id: number, payload: Uint8Array): void {
    this.out.extended(id, payload);
  }
}

/** Short byte strings in full, long ones as their length and a checksum. */
export function print(bytes: Uint8Array): string {
  if (bytes.length <= 16) return hex(bytes);
  let sum = 0;
  for (let i = 0; i < bytes.length; i++) sum = (Math.imul(sum, 31) + bytes[i]!) >>> 0;
  return `${bytes.length} bytes, sum ${sum}`;
}

/** Reads `stream` through a decoder, with reads of at most `chunk()` bytes. */
export function feed(
  decoder: Decoder,
  handler: WireHandler,
  stream: Uint8Array,
  chunk: () => number = () => Infinity,
): void {
  let at = 0;
  while (at < stream.length) {
    const into = decoder.reserve();
    const n = Math.min(into.length, Math.max(1, chunk()), stream.length - at);
    into.set(stream.subarray(at, at + n));
    decoder.commit(n, handler);
    at += n;
  }
}

/** Calls one random method of a handler with random arguments; payloads have at most `maxBytes`. */
export function sendRandom(next: () => number, to: WireHandler, maxBytes: number): void {
  const uint32 = () => below(next, 2 ** 32);
  const bytes = (limit: number) => randomBytes(next, 1 + below(next, Math.min(limit, maxBytes)));
  const sends: (() => void)[] = [
    () => to.onKeepAlive(),
    () => to.onChoke(),
    () => to.onUnchoke(),
    () => to.onInterested(),
    () => to.onNotInterested(),
    () => to.onHave(uint32()),
    () => to.onBitfield(bytes(512 * 1024)),
    () => to.onRequest(uint32(), uint32(), uint32()),
    () => to.onPiece(uint32(), uint32(), bytes(16_384)),
    () => to.onCancel(uint32(), uint32(), uint32()),
    () => to.onPort(below(next, 65_536)),
    () => to.onSuggest(uint32()),
    () => to.onHaveAll(),
    () => to.onHaveNone(),
    () => to.onReject(uint32(), uint32(), uint32()),
    () => to.onAllowedFast(uint32()),
    () => to.onExtended(below(next, 256), bytes(1_000_000)),
  ];
  sends[below(next, sends.length)]!();
}
