/**
 * The access link of a simulated host: so many bytes a second, shared fairly by what wants to pass.
 *
 * Up, the streams of a host take turns segment by segment; down, segments pass in the order they come.
 *
 * @module
 */

import type { SimClock } from "./clock.ts";

/** A segment: TCP's usual maximum payload, several at a time, so that block borders never line up. */
const SEGMENT_BYTES = 1448;
const SEGMENTS_AT_ONCE = 11;

/** What has bytes to send over a link. */
export interface Sender {
  /** Takes at most `max` bytes to send now; `undefined` for nothing, until it is enqueued again. */
  take(max: number): Uint8Array | undefined;
  /** The segment has left the link. */
  depart(segment: Uint8Array): void;
}

/** A link of `bytesPerSecond`, `Infinity` for no limit. */
export class Link {
  readonly #clock: SimClock;
  readonly #bytesPerSecond: number;
  readonly #segmentBytes: number;
  readonly #senders = new Set<Sender>();
  #isBusy = false;
  #freeAt = 0;

  /** @param segmentBytes what leaves at a time; 0 is what suits the rate. */
  constructor(clock: SimClock, bytesPerSecond: number, segmentBytes = 0) {
    this.#clock = clock;
    this.#bytesPerSecond = bytesPerSecond;
    this.#segmentBytes = segmentBytes || suitable(bytesPerSecond);
  }

  /** Whether something is on its way out. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** A sender has something to send; it keeps its place if it stands in line already. */
  enqueue(sender: Sender): void {
    this.#senders.add(sender);
    if (!this.#isBusy) this.#pump();
  }

  /** When `bytes` that come in at this moment will have passed, behind all that came before. */
  passes(bytes: number): number {
    this.#freeAt = Math.max(this.#clock.now(), this.#freeAt) + this.#msFor(bytes);
    return this.#freeAt;
  }

  #pump(): void {
    for (const sender of this.#senders) {
      this.#senders.delete(sender);
      const segment = sender.take(this.#segmentBytes);
      if (!segment) continue;
      this.#senders.add(sender);
      const ms = this.#msFor(segment.length);
      if (ms === 0) {
        sender.depart(segment);
        continue;
      }
      this.#isBusy = true;
      this.#clock.at(this.#clock.now() + ms, () => {
        this.#isBusy = false;
        sender.depart(segment);
        this.#pump();
      });
      return;
    }
  }

  #msFor(bytes: number): number {
    return (bytes * 1000) / this.#bytesPerSecond;
  }
}

/** On a slow link one segment at a time, so that a small message need not wait long. */
function suitable(bytesPerSecond: number): number {
  const inTenMs = Math.floor(bytesPerSecond / 100 / SEGMENT_BYTES);
  return SEGMENT_BYTES * Math.min(Math.max(inTenMs, 1), SEGMENTS_AT_ONCE);
}
