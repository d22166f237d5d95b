/**
 * What a peer said it has before we knew how many pieces there are.
 *
 * Bounded by the most pieces that a torrent may have, and grown only as far as the peer has spoken. Once the
 * number is known it is said again to whom it concerns, and checked as if it came then.
 *
 * @module
 */

import { PeerError } from "../base/errors.ts";
import type { WireHandler } from "../wire/decoder.ts";
import { MAX_BITFIELD_BYTES } from "../wire/message.ts";

/** The pieces of one peer, unchecked. */
export class EarlyPieces {
  #bits: Uint8Array = NOTHING;
  /** Length of the bitfield it sent, -1 where there was none. */
  #bitfieldBytes = -1;
  #hasAll = false;
  #hasNone = false;

  /** Whether it has said that it has any. */
  get hasAny(): boolean {
    return this.#hasAll || this.#bits.some((byte) => byte !== 0);
  }

  /** A whole bitfield; copied. @throws {PeerError} it has said all or none, or another length. */
  onBitfield(bits: Uint8Array): void {
    const isOther = this.#bitfieldBytes >= 0 && bits.length !== this.#bitfieldBytes;
    if (this.#hasAll || this.#hasNone || isOther) throw new PeerError("bad-bitfield");
    this.#bitfieldBytes = bits.length;
    this.#reach(bits.length);
    for (let i = 0; i < bits.length; i++) this.#bits[i]! |= bits[i]!;
  }

  /** One more piece. @throws {PeerError} an index that no torrent has. */
  onHave(index: number): void {
    if (index >= 8 * MAX_BITFIELD_BYTES) throw new PeerError("bad-index");
    this.#reach((index >>> 3) + 1);
    this.#bits[index >>> 3]! |= 0x80 >>> (index & 7);
  }

  /** Every piece. @throws {PeerError} it has said something else before. */
  onHaveAll(): void {
    this.#onlyOnce();
    this.#hasAll = true;
  }

  /** No piece. @throws {PeerError} it has said something else before. */
  onHaveNone(): void {
    this.#onlyOnce();
    this.#hasNone = true;
  }

  /** Says it again, now that the number of pieces is known. @throws {PeerError} it does not fit. */
  replay(
    to: Pick<WireHandler, "onBitfield" | "onHaveAll" | "onHaveNone">,
    pieceCount: number,
  ): void {
    if (this.#hasAll) return to.onHaveAll();
    const bytes = Math.ceil(pieceCount / 8);
    if (this.#bitfieldBytes >= 0 && this.#bitfieldBytes !== bytes) {
      throw new PeerError("bad-bitfield");
    }
    if (this.#bits.subarray(bytes).some((byte) => byte !== 0)) throw new PeerError("bad-index");
    if (this.#hasNone) to.onHaveNone();
    if (this.#bits.length === 0) return;
    const bits = new Uint8Array(bytes);
    bits.set(this.#bits.subarray(0, bytes));
    to.onBitfield(bits);
  }

  #onlyOnce(): void {
    if (this.#hasAll || this.#hasNone || this.#bits.length > 0) throw new PeerError("bad-bitfield");
  }

  #reach(bytes: number): void {
    if (bytes <= this.#bits.length) return;
    const longer = new Uint8Array(
      Math.min(Math.max(bytes, 2 * this.#bits.length), MAX_BITFIELD_BYTES),
    );
    longer.set(this.#bits);
    this.#bits = longer;
  }
}

const NOTHING = new Uint8Array(0);
