/**
 * Records of torrents by infohash, packed into one typed array. A torrent is a number that stays the same for
 * as long as the torrent is there.
 *
 * ```
 * word   0 … 4      5          6     7
 *        infohash   completed  kept  next that is free
 * ```
 *
 * @module
 */

import type { HalfSipHash } from "../base/half_siphash.ts";
import { NO_SLOT } from "./peer_slab.ts";
import { SlotIndex } from "./slot_index.ts";

const WORDS = 8;
const COMPLETED = 5;
const KEPT = 6;
const NEXT = 7;
const LEAST = 256;

/** The torrents. */
export class TorrentSlab {
  #words = new Uint32Array(LEAST * WORDS);
  #bytes = new Uint8Array(this.#words.buffer);
  #free = NO_SLOT;
  /** Numbers that were ever used. */
  #used = 0;
  readonly #index = new SlotIndex();
  readonly #hash: HalfSipHash;

  /** No torrents yet. The hash is under a key that strangers do not know, since they choose infohashes. */
  constructor(hash: HalfSipHash) {
    this.#hash = hash;
  }

  /** How many torrents there are. */
  get size(): number {
    return this.#index.size;
  }

  /** Torrents that fit in the array as it is; the highest number is below. */
  get capacity(): number {
    return this.#words.length / WORDS;
  }

  /** Bytes of its arrays. */
  get bytes(): number {
    return this.#words.byteLength + this.#index.bytes;
  }

  /** The torrent with this infohash (20 bytes), -1 where there is none. */
  find(infoHash: Uint8Array): number {
    const at = this.#seek(infoHash);
    return at < 0 ? -1 : this.#index.slotAt(at);
  }

  /** Adds a torrent, which must not be there; takes a copy of the infohash. */
  add(infoHash: Uint8Array): number {
    let torrent = this.#free;
    if (torrent !== NO_SLOT) this.#free = this.#words[torrent * WORDS + NEXT]!;
    else {
      torrent = this.#used++;
      if (torrent === this.capacity) this.#grow();
    }
    this.#bytes.set(infoHash, torrent * 4 * WORDS);
    this.#words.fill(0, torrent * WORDS + COMPLETED, torrent * WORDS + WORDS);
    this.#index.add(this.#hash.hash32(infoHash, 20), torrent);
    return torrent;
  }

  /** Removes a torrent. */
  remove(torrent: number): void {
    this.#index.removeAt(this.#seek(this.infoHashOf(torrent)));
    this.#words[torrent * WORDS + NEXT] = this.#free;
    this.#free = torrent;
  }

  /** Its infohash: a view, valid until the next torrent is added. */
  infoHashOf(torrent: number): Uint8Array {
    return this.#bytes.subarray(torrent * 4 * WORDS, torrent * 4 * WORDS + 20);
  }

  /** Downloads that were completed. */
  completedOf(torrent: number): number {
    return this.#words[torrent * WORDS + COMPLETED]!;
  }

  /** Counts one more download that was completed. */
  complete(torrent: number): void {
    this.#words[torrent * WORDS + COMPLETED]!++;
  }

  /** Whether it stays when nobody is there. */
  isKept(torrent: number): boolean {
    return this.#words[torrent * WORDS + KEPT] === 1;
  }

  /** Makes it stay when nobody is there. */
  keep(torrent: number): void {
    this.#words[torrent * WORDS + KEPT] = 1;
  }

  /** Every torrent, slowly. */
  *all(): Generator<number> {
    const isFree = new Uint8Array(this.#used);
    for (let t = this.#free; t !== NO_SLOT; t = this.#words[t * WORDS + NEXT]!) isFree[t] = 1;
    for (let t = 0; t < this.#used; t++) if (isFree[t] === 0) yield t;
  }

  #seek(infoHash: Uint8Array): number {
    const index = this.#index;
    let at = index.find(this.#hash.hash32(infoHash, 20));
    while (at >= 0 && !this.#isAt(index.slotAt(at), infoHash)) at = index.findNext(at);
    return at;
  }

  #isAt(torrent: number, infoHash: Uint8Array): boolean {
    const start = torrent * 4 * WORDS;
    for (let i = 0; i < 20; i++) if (this.#bytes[start + i] !== infoHash[i]) return false;
    return true;
  }

  #grow(): void {
    const words = new Uint32Array(2 * this.#words.length);
    words.set(this.#words);
    this.#words = words;
    this.#bytes = new Uint8Array(words.buffer);
  }
}
