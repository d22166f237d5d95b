/**
 * Places in a torrent from which somebody reads on, and the pieces that are due because of it.
 *
 * ```
 * pieces  | read | next …… wanted in order …… | rarest first |
 *                   ▲ reader
 * ```
 *
 * Ahead of a reader pieces come in order, each from a peer that can bring it in time. A torrent that is
 * kept in memory alone has a window besides: only pieces of it are asked for, and what the reader has
 * passed is let go and offered to nobody any more. The window is as wide as there is memory, so its first
 * piece can always be loaded.
 *
 * Invariants: with a window, a lacking piece can be picked only inside of it, and what we have lies in it.
 *
 * @module
 */

import type { Bitfield } from "../base/bitfield.ts";
import { BugError } from "../base/errors.ts";
import { BLOCK_BYTES, MIB, type Millis, type PieceIndex } from "../base/units.ts";
import type { PieceMap } from "../metainfo/piece_map.ts";
import type { Assembly, OpenPiece } from "./assembly.ts";
import type { Availability } from "./availability.ts";
import type { Giving } from "./giving.ts";
import type { Holdings } from "./holdings.ts";
import type { InFlight } from "./in_flight.ts";
import type { Peer } from "./peer.ts";

/** How far ahead of a reader pieces come in order, where memory sets no narrower bound. */
const AHEAD_BYTES: number = 32 * MIB;
/** A peer this many times slower than the fastest does not get what is needed first. */
const SLOW = 4;

/** Somebody who reads pieces in order. */
export interface Reader {
  /** The piece it needs next. */
  readonly next: number;
  /** The piece behind the last it wants. */
  readonly end: number;
  /** Since when it waits for `next`, `Infinity` while it does not. */
  readonly waitsSince: Millis;
}

/** What readers work with. */
export interface ReaderParts {
  readonly map: PieceMap;
  readonly have: Bitfield;
  readonly lacking: Bitfield;
  readonly assembly: Assembly;
  readonly availability: Availability;
  readonly holdings: Holdings;
  readonly inFlight: InFlight;
  readonly giving: Giving;
  /** Connected peers, live. */
  readonly peers: readonly Peer[];
  /** Pieces that memory is there for, where there is nothing but memory. */
  readonly window: number | undefined;
  /** Closes a piece that is not finished. */
  readonly close: (open: OpenPiece) => void;
}

/** The readers of one torrent. */
export class Readers {
  readonly #parts: ReaderParts;
  readonly #all: Place[] = [];
  // The window, where there is one: first piece, and the one behind the last.
  #first = 0;
  #end = 0;
  #dropped: number[] = [];
  // Bytes a second, when it was last looked: of the fastest peer, and of all.
  #fastest = 0;
  #total = 0;

  constructor(parts: ReaderParts) {
    this.#parts = parts;
  }

  /** Everybody who reads, first come first. Not to be changed. */
  get all(): readonly Reader[] {
    return this.#all;
  }

  /** Whether there is a window. */
  get isWindowed(): boolean {
    return this.#parts.window !== undefined;
  }

  /** Whether the window reaches to the end of what is read: nothing will come into it. */
  get isAtEnd(): boolean {
    return this.#all.every(({ end }) => this.#end >= end);
  }

  /** Whether a lacking piece may be asked for. */
  covers(piece: number): boolean {
    return !this.isWindowed || (piece >= this.#first && piece < this.#end);
  }

  /** Somebody reads from piece `first` to before `end`. With a window there can be one only. */
  open(first: number, end: number): Reader {
    if (this.isWindowed && this.#all.length > 0) {
      throw new BugError("Cannot read in two places: there is memory for one");
    }
    const place: Place = { next: first, end, waitsSince: Infinity };
    this.#all.push(place);
    this.#slide(place);
    return place;
  }

  /** The reader needs `next` now, and nothing before it any more. */
  advance(reader: Reader, next: number): void {
    const place = this.#placeOf(reader);
    if (place === undefined) return;
    place.next = next;
    place.waitsSince = Infinity;
    this.#slide(place);
  }

  /** The reader has to wait for its next piece. */
  wait(reader: Reader, now: Millis): void {
    const place = this.#placeOf(reader);
    if (place !== undefined) place.waitsSince = Math.min(place.waitsSince, now);
  }

  /** The reader has gone. */
  close(reader: Reader): void {
    const place = this.#placeOf(reader);
    if (place === undefined) return;
    this.#all.splice(this.#all.indexOf(place), 1);
    this.#slide({ next: 0, end: 0 });
  }

  /** The piece behind the last that is wanted in order for a reader. */
  endOf(reader: Reader): number {
    if (this.isWindowed) return Math.min(this.#end, reader.end);
    const ahead = Math.ceil(AHEAD_BYTES / this.#parts.map.pieceLength);
    return Math.min(reader.end, reader.next + ahead);
  }

  /**
   * How many pieces ahead of a reader a peer starts, so that what it brings is not late: none, unless it
   * is far slower than others.
   */
  lead(peer: Peer, reader: Reader): number {
    const rate = peer.adaptedRate;
    if (rate * SLOW >= this.#fastest) return 0;
    // A newcomer shows what it can do where it does no harm.
    if (rate === 0) return (this.endOf(reader) - reader.next) >>> 1;
    const seconds = ((peer.requests.length + 1) * BLOCK_BYTES) / rate;
    return Math.floor((seconds * this.#total) / this.#parts.map.pieceLength);
  }

  /** Looks how fast the peers are. Call about twice a second. */
  measure(): void {
    this.#fastest = this.#total = 0;
    for (const { adaptedRate } of this.#parts.peers) {
      this.#fastest = Math.max(this.#fastest, adaptedRate);
      this.#total += adaptedRate;
    }
  }

  /** Whether nothing is asked for since it is the reader who takes his time, or there is none. */
  get isHeld(): boolean {
    if (!this.isWindowed) return false;
    for (let piece = this.#first; piece < this.#end; piece++) {
      if (this.#parts.lacking.has(piece)) return false;
    }
    return true;
  }

  /** A peer says that it understands BEP 54: it may know what is held for a moment. */
  onForgiving(peer: Peer): void {
    if (!this.isWindowed) return;
    for (let piece = this.#first; piece < this.#end; piece++) {
      if (this.#parts.have.has(piece)) peer.encoder.have(piece as PieceIndex);
    }
  }

  /** A piece has verified. False where nobody wants it any more: it is let go. */
  onVerified(piece: number): boolean {
    if (this.covers(piece)) return true;
    this.#letGo(piece);
    return false;
  }

  /** Pieces that were let go since the last call: their memory is free. */
  takeDropped(): readonly number[] {
    const dropped = this.#dropped;
    if (dropped.length > 0) this.#dropped = [];
    return dropped;
  }

  #placeOf(reader: Reader): Place | undefined {
    return this.#all.find((place) => place === reader);
  }

  /** The window follows its reader. */
  #slide({ next, end }: { next: number; end: number }): void {
    const { window } = this.#parts;
    if (window === undefined) return;
    const [first, stop] = [this.#first, this.#end];
    this.#first = next;
    this.#end = Math.min(end, next + window);
    for (let piece = first; piece < Math.min(stop, this.#first); piece++) this.#leave(piece);
    for (let piece = Math.max(first, this.#end); piece < stop; piece++) this.#leave(piece);
    for (let piece = next; piece < Math.min(this.#end, first); piece++) this.#enter(piece);
    for (let piece = Math.max(next, stop); piece < this.#end; piece++) this.#enter(piece);
  }

  #leave(piece: number): void {
    const { assembly, availability, have } = this.#parts;
    const open = assembly.get(piece);
    if (open === undefined) {
      if (have.has(piece)) this.#letGo(piece);
      else availability.leave(piece);
    } else if (!open.isWithDisk) {
      this.#parts.inFlight.cancelAll(open);
      this.#parts.close(open);
    }
  }

  #enter(piece: number): void {
    const { assembly, availability, have, holdings, lacking, peers } = this.#parts;
    if (have.has(piece) || assembly.get(piece) !== undefined) return;
    if (lacking.add(piece)) {
      for (const peer of peers) if (peer.have.has(piece)) holdings.onWanted(peer);
    }
    availability.enter(piece);
  }

  #letGo(piece: number): void {
    this.#parts.giving.lose(piece as PieceIndex);
    this.#dropped.push(piece);
  }
}

interface Place extends Reader {
  next: number;
  waitsSince: Millis;
}
