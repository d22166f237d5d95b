/**
 * Records of peers, packed into one typed array: 64 bytes each, which is what a processor fetches at once.
 *
 * ```
 * word     0        1      2      3        4      5      6 … 10           11 … 15
 *          torrent  place  flags  seen at  older  newer  address          peer id
 *                                                        18 of 20 bytes   20 bytes
 * chain    oldest ◀─older── · ──newer─▶ · … newest       by the time they were last heard of
 * ```
 *
 * Slots are numbers; those that are free are chained through `newer`. All peers live equally long after they
 * were heard of, so the oldest end of the chain is where the dead are, and nothing needs to be searched.
 *
 * @module
 */

/** No slot. */
export const NO_SLOT = 0xffff_ffff;

const WORDS = 16;
const PLACE = 1;
const FLAGS = 2;
const SEEN_AT = 3;
const OLDER = 4;
const NEWER = 5;
const ADDRESS = 4 * 6;
const ID = 4 * 11;
const LEAST = 1024;

const SEED = 1;
const V6 = 2;

/** What a record is made of. */
export interface PeerRecord {
  /** A torrent's number. */
  readonly torrent: number;
  /** 4 or 16 bytes. */
  readonly ip: Uint8Array;
  /** Where it accepts peers. */
  readonly port: number;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  /** Whether it has everything. */
  readonly isSeed: boolean;
}

/** The records. */
export class PeerSlab {
  #words = new Uint32Array(LEAST * WORDS);
  #pairs = new Uint16Array(this.#words.buffer);
  #bytes = new Uint8Array(this.#words.buffer);
  #oldest = NO_SLOT;
  #newest = NO_SLOT;
  #free = NO_SLOT;
  /** Slots that were ever used. */
  #used = 0;
  #size = 0;

  /** How many peers there are. */
  get size(): number {
    return this.#size;
  }

  /** All records as bytes; valid until a peer is added. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** The same as pairs of bytes. */
  get pairs(): Uint16Array {
    return this.#pairs;
  }

  /** The peer that was heard of longest ago, {@link NO_SLOT} where there is none. */
  get oldest(): number {
    return this.#oldest;
  }

  /** Adds a peer that is heard of now, in no list yet; returns its slot. Keeps copies. */
  add(record: PeerRecord, seconds: number): number {
    let slot = this.#free;
    if (slot !== NO_SLOT) this.#free = this.#words[slot * WORDS + NEWER]!;
    else {
      slot = this.#used++;
      if (slot * WORDS === this.#words.length) this.#grow();
    }
    this.#size++;
    const { ip, port } = record;
    const at = slot * WORDS;
    this.#words[at] = record.torrent;
    this.#words[at + FLAGS] = (record.isSeed ? SEED : 0) | (ip.length === 16 ? V6 : 0);
    const address = this.addressAt(slot);
    for (let i = 0; i < ip.length; i++) this.#bytes[address + i] = ip[i]!;
    this.#bytes[address + ip.length] = port >> 8;
    this.#bytes[address + ip.length + 1] = port;
    this.setId(slot, record.peerId);
    this.#link(slot, seconds);
    return slot;
  }

  /** Removes a peer. */
  remove(slot: number): void {
    this.#unlink(slot);
    this.#words[slot * WORDS + NEWER] = this.#free;
    this.#free = slot;
    this.#size--;
  }

  /** A peer was heard of again. */
  touch(slot: number, seconds: number): void {
    this.#unlink(slot);
    this.#link(slot, seconds);
  }

  /** Its torrent. */
  torrentOf(slot: number): number {
    return this.#words[slot * WORDS]!;
  }

  /** Whether its address is one of IPv6. */
  isV6(slot: number): boolean {
    return (this.#words[slot * WORDS + FLAGS]! & V6) !== 0;
  }

  /** Whether it has everything. */
  isSeed(slot: number): boolean {
    return (this.#words[slot * WORDS + FLAGS]! & SEED) !== 0;
  }

  /** A leech becomes a seed, a seed a leech. */
  turn(slot: number): void {
    this.#words[slot * WORDS + FLAGS]! ^= SEED;
  }

  /** When it was last heard of, in seconds. */
  seenAt(slot: number): number {
    return this.#words[slot * WORDS + SEEN_AT]!;
  }

  /** Where it is in its list. */
  placeOf(slot: number): number {
    return this.#words[slot * WORDS + PLACE]!;
  }

  /** Notes where it is in its list. */
  setPlace(slot: number, place: number): void {
    this.#words[slot * WORDS + PLACE] = place;
  }

  /** Where in {@link bytes} its compact address begins, at an even place: 4 + 2 or 16 + 2 bytes (BEP 7, 23). */
  addressAt(slot: number): number {
    return slot * 4 * WORDS + ADDRESS;
  }

  /** Where in {@link bytes} its peer id begins: 20 bytes. */
  idAt(slot: number): number {
    return slot * 4 * WORDS + ID;
  }

  /** Writes another peer id. */
  setId(slot: number, id: Uint8Array): void {
    const at = this.idAt(slot);
    // A loop, since `set` costs more for 20 bytes.
    for (let i = 0; i < 20; i++) this.#bytes[at + i] = id[i]!;
  }

  #link(slot: number, seconds: number): void {
    const words = this.#words;
    const at = slot * WORDS;
    words[at + SEEN_AT] = seconds;
    words[at + OLDER] = this.#newest;
    words[at + NEWER] = NO_SLOT;
    if (this.#newest === NO_SLOT) this.#oldest = slot;
    else words[this.#newest * WORDS + NEWER] = slot;
    this.#newest = slot;
  }

  #unlink(slot: number): void {
    const words = this.#words;
    const older = words[slot * WORDS + OLDER]!;
    const newer = words[slot * WORDS + NEWER]!;
    if (older === NO_SLOT) this.#oldest = newer;
    else words[older * WORDS + NEWER] = newer;
    if (newer === NO_SLOT) this.#newest = older;
    else words[newer * WORDS + OLDER] = older;
  }

  #grow(): void {
    const words = new Uint32Array(2 * this.#words.length);
    words.set(this.#words);
    this.#words = words;
    this.#pairs = new Uint16Array(words.buffer);
    this.#bytes = new Uint8Array(words.buffer);
  }
}
