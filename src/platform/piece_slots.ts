/**
 * Where the pieces of a store lie in its memory, and the buffers that others know them by.
 *
 * @module
 */

import type { PieceBuffer } from "../ports/disk.ts";
import type { PieceMemory } from "./piece_memory.ts";

/** The places for pieces in the memory of a store. */
export class Slots {
  /** How many there are. */
  readonly count: number;
  /** What they are in. */
  readonly memory: PieceMemory;
  readonly #bytes: number;
  readonly #views: Uint8Array[] = [];
  readonly #free: number[] = [];

  /** @param place how many, and the bytes of each. */
  constructor(memory: PieceMemory, { count, bytes }: { count: number; bytes: number }) {
    this.memory = memory;
    this.count = count;
    this.#bytes = bytes;
  }

  /** Takes a place, one that was in use a moment ago where there is one. */
  take(): number {
    const slot = this.#free.pop() ?? this.#views.length;
    const [memory, bytes] = [this.memory.buffer, this.#bytes];
    this.#views[slot] ??= new Uint8Array(memory, slot * bytes, bytes);
    return slot;
  }

  /** The bytes of a place that is taken. */
  at(slot: number): Uint8Array {
    return this.#views[slot]!;
  }

  /** A place is free again. */
  free(slot: number): void {
    this.#free.push(slot);
  }
}

/**
 * A buffer that has no place before anything is put there: with small pieces thousands are asked for ahead
 * of those that come.
 */
export class SlotBuffer implements PieceBuffer {
  readonly slots: Slots;
  readonly #onReleased: () => void;
  #slot = -1;
  #isReleased = false;

  /** @param onReleased is told once. */
  constructor(slots: Slots, onReleased: () => void) {
    this.slots = slots;
    this.#onReleased = onReleased;
  }

  /** Its place, taken now where it has none. */
  get slot(): number {
    if (this.#slot < 0) this.#slot = this.slots.take();
    return this.#slot;
  }

  get bytes(): Uint8Array {
    return this.slots.at(this.slot);
  }

  put(data: Uint8Array, at: number): void {
    this.slots.memory.put(this.bytes, data, at);
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    if (this.#slot >= 0) this.slots.free(this.#slot);
    this.#onReleased();
  }
}
