/**
 * The exchange of one torrent: joins peers, picker, assembly, availability and blame.
 *
 * It never waits, sends or writes. What a peer should be told goes into that peer's encoder; a whole piece
 * waits in {@link Swarm.takeWhole} for the disk, whose answer comes back through {@link Swarm.onVerdict};
 * {@link Swarm.tick} lets time pass. The session moves the bytes and calls in between.
 *
 * Invariants: a missing wanted piece is either pickable, open, or with the disk; `peer.useful` counts the
 * pieces a peer has of those that are missing and wanted.
 *
 * @module
 */

import { Bitfield } from "../base/bitfield.ts";
import { PeerError } from "../base/errors.ts";
import { BLOCK_BYTES, type Millis, type PieceIndex } from "../base/units.ts";
import type { PieceMap } from "../metainfo/piece_map.ts";
import type { PieceVerdict } from "../ports/disk.ts";
import { Assembly, HERE, type OpenPiece } from "./assembly.ts";
import { Availability } from "./availability.ts";
import { Closing } from "./closing.ts";
import { DontHave } from "./dont_have.ts";
import { Extensions } from "./extensions.ts";
import { Giving } from "./giving.ts";
import { Holdings } from "./holdings.ts";
import { InFlight } from "./in_flight.ts";
import { checkSwarm } from "./invariants.ts";
import type { Peer } from "./peer.ts";
import { Picker } from "./picker.ts";
import type { SwarmCounters, SwarmOptions } from "./swarm_options.ts";
import { adapt, isOverdue, onBlock, rankOf } from "./pipeline.ts";
import { Readers } from "./readers.ts";
import { Verdicts } from "./verdicts.ts";

/** A peer that was silent for this long is dropped (BEP 3 peers send a keep-alive every two minutes). */
export const IDLE_TIMEOUT_MS = 150_000;
/** A keep-alive goes out after this long without a message. */
export const KEEP_ALIVE_MS = 100_000;

/** The peers and pieces of one torrent. */
export class Swarm {
  readonly map: PieceMap;
  /** Verified pieces. */
  readonly have: Bitfield;
  /** Wanted pieces that are not verified. */
  readonly lacking: Bitfield;
  readonly assembly: Assembly;
  readonly counters: SwarmCounters = { downloaded: 0, uploaded: 0, wasted: 0, corrupt: 0 };
  /** What we give. */
  readonly giving: Giving;
  /** What is spoken beside BEP 3. */
  readonly extensions: Extensions;
  /** Who reads, and where. */
  readonly readers: Readers;
  readonly #availability: Availability;
  readonly #holdings: Holdings;
  readonly #picker: Picker;
  readonly #verdicts: Verdicts;
  readonly #closing: Closing;
  readonly #options: SwarmOptions;
  readonly #peers: Peer[] = [];
  readonly #inFlight: InFlight;
  #whole: OpenPiece[] = [];
  // Time of the last block of a piece that verified.
  #provenAt: Millis;
  #tickedAt: Millis;
  #forgivenAt: Millis;

  constructor(options: SwarmOptions) {
    const { map, random, now } = options;
    this.#options = options;
    this.map = map;
    this.extensions = options.extensions ?? new Extensions();
    this.extensions.add(new DontHave(this, (peer) => this.readers.onForgiving(peer)));
    this.have = Bitfield.fromWire(options.have.bytes, map.pieceCount)!;
    this.lacking = new Bitfield(map.pieceCount);
    const pickable = new Bitfield(map.pieceCount);
    for (let i = 0; i < map.pieceCount; i++) {
      if (!options.wanted.has(i) || this.have.has(i)) continue;
      this.lacking.add(i);
      if (options.window === undefined) pickable.add(i);
    }
    this.assembly = new Assembly(map);
    this.#availability = new Availability(pickable, random);
    this.#holdings = new Holdings(this.lacking, this.#availability);
    this.#closing = new Closing({
      map,
      assembly: this.assembly,
      availability: this.#availability,
      counters: this.counters,
      peers: this.#peers,
      covers: (piece) => this.readers.covers(piece),
    });
    this.#inFlight = new InFlight({
      map,
      assembly: this.assembly,
      onAbandoned: (open) => this.#closing.drop(open),
    });
    this.giving = new Giving({
      map,
      have: this.have,
      peers: this.#peers,
      random,
      count: (piece) => this.#availability.count(piece),
      isSeeding: () => this.isComplete,
      allowedFast: options.allowedFast,
    });
    if (options.isSuperSeed === true && this.isComplete) {
      this.#holdings.watcher = this.giving.pretend();
    }
    this.readers = new Readers({
      map,
      have: this.have,
      lacking: this.lacking,
      assembly: this.assembly,
      availability: this.#availability,
      holdings: this.#holdings,
      inFlight: this.#inFlight,
      giving: this.giving,
      peers: this.#peers,
      window: options.window,
      close: (open) => this.#closing.abandon(open),
    });
    this.#picker = new Picker({
      map,
      assembly: this.assembly,
      availability: this.#availability,
      inFlight: this.#inFlight,
      readers: this.readers,
      random,
      allocate: options.allocate,
      isSequential: options.isSequential,
      isThrottled: options.isThrottled,
    });
    this.#verdicts = new Verdicts({
      assembly: this.assembly,
      counters: this.counters,
      peers: this.#peers,
      drop: (open) => this.#closing.drop(open),
    });
    this.#provenAt = this.#tickedAt = this.#forgivenAt = now;
  }

  /** Connected peers, past the handshake. Not to be changed. */
  get peers(): readonly Peer[] {
    return this.#peers;
  }

  /** Whether every wanted piece is verified. */
  get isComplete(): boolean {
    return this.lacking.count === 0;
  }

  /** A peer takes part: says what we have. It gets a slot where it has none. */
  join(peer: Peer): void {
    if (peer.slot < 0) peer.slot = this.#inFlight.freeSlot();
    this.#peers.push(peer);
    this.#inFlight.add(peer);
    // What is held for a moment is told to those who understand that it goes again, once they say so.
    this.giving.offer(peer, { isNothing: this.readers.isWindowed });
  }

  /** A peer is gone: what was asked of it is free again. */
  removePeer(peer: Peer): void {
    const at = this.#peers.indexOf(peer);
    if (at < 0) return;
    this.#peers.splice(at, 1);
    this.#inFlight.delete(peer);
    this.#closing.release(peer);
    this.#holdings.onGone(peer);
    this.giving.onGone(peer);
  }

  /** The peer has exactly these pieces; said once, first. Copies the bits. */
  onPieces(peer: Peer, bits: Bitfield): void {
    this.#holdings.onPieces(peer, bits);
  }

  /** The peer has one more piece. */
  onHave(peer: Peer, piece: PieceIndex): void {
    this.#holdings.onHave(peer, piece);
  }

  /** The peer has a piece no longer (BEP 54). */
  onDontHave(peer: Peer, piece: PieceIndex): void {
    this.#holdings.onDontHave(peer, piece);
    this.counters.wasted += this.#inFlight.endTrial(peer, piece);
  }

  /** A block arrived. `data` is a view, copied if it is kept. Hot path. */
  onBlock(peer: Peer, index: number, begin: number, data: Uint8Array, now: Millis): void {
    const piece = this.map.index(index);
    const block = begin / BLOCK_BYTES;
    if (piece === undefined || !Number.isInteger(block) || begin >= this.map.pieceBytes(piece)) {
      throw new PeerError("bad-block");
    }
    if (data.length !== this.map.blockBytes(piece, block)) throw new PeerError("bad-block");
    this.counters.downloaded += data.length;
    const askedAt = peer.requests.remove(piece, block);
    if (askedAt >= 0) onBlock(peer, askedAt, now);
    else if (!this.#inFlight.mayBeLate(peer, piece, data.length)) {
      this.counters.wasted += data.length;
      return;
    }
    peer.chatter.refund(data.length);
    peer.down.add(data.length, now);
    peer.lastBlockAt = now;
    peer.rejects = 0;
    peer.isDoubtful = false;
    if (peer.isSnubbed) {
      peer.isSnubbed = false;
      peer.pausedUntil = 0;
    }
    const open = this.assembly.get(piece);
    if (
      open === undefined || open.isWithDisk || open.state[block] === HERE ||
      (open.exclusive >= 0 && open.exclusive !== peer.slot)
    ) {
      this.counters.wasted += data.length;
      return;
    }
    this.#inFlight.cancelOthers(open, block, peer);
    if (this.assembly.put(open, block, data, peer.giver, now)) {
      this.assembly.hand(open);
      this.#whole.push(open);
    }
  }

  /** Asks the peer for more. */
  fill(peer: Peer, now: Millis): void {
    if (peer.closing === undefined && now >= peer.pausedUntil) this.#picker.fill(peer, now);
  }

  /**
   * Asks every peer that has room for more: memory or pieces have come free. Those that give come first,
   * then those that were not asked yet, or many that stall could keep what there is among themselves.
   */
  fillAll(now: Millis): void {
    for (let rank = 0; rank <= 2; rank++) {
      for (const peer of this.#peers) {
        if (peer.requests.length < peer.depth && rankOf(peer) === rank) this.fill(peer, now);
      }
    }
  }

  /** The peer refused a request (BEP 6). */
  onReject(peer: Peer, piece: PieceIndex, block: number, now: Millis): void {
    this.#inFlight.onReject(peer, piece, block, now);
  }

  /** Everything that was asked of the peer may be asked of others. */
  releaseAll(peer: Peer): void {
    this.#inFlight.releaseAll(peer);
  }

  /** Pieces that became whole since the last call; each is the disk's until {@link onVerdict}. */
  takeWhole(): OpenPiece[] {
    if (this.#whole.length === 0) return NONE;
    const whole = this.#whole;
    this.#whole = [];
    return whole;
  }

  /** Whether the disk should tell the digests of a good piece's blocks. */
  wantsDigests(piece: PieceIndex): boolean {
    return this.#verdicts.wantsDigests(piece);
  }

  /** The disk has hashed and, if good, written the piece. Its memory goes back to the pool. */
  onVerdict(open: OpenPiece, verdict: PieceVerdict): void {
    if (verdict.isGood) this.#provenAt = Math.max(this.#provenAt, open.lastBlockAt);
    // What is closed keeps its tables until the next piece is opened.
    this.#closing.close(open);
    if (verdict.isGood) this.#onGood(open, verdict.blockDigests);
    else this.#onCorrupt(open, verdict.blockDigests);
  }

  /**
   * A verified piece is gone from the disk: it is not offered any more, and where `isWanted`, fetched again.
   * False where it was not offered.
   */
  onLost(piece: PieceIndex, isWanted: boolean): boolean {
    if (!this.giving.lose(piece)) return false;
    if (!isWanted || !this.lacking.add(piece)) return true;
    // Nobody is late with it.
    this.#provenAt = Math.max(this.#provenAt, this.#tickedAt);
    for (const peer of this.#peers) if (peer.have.has(piece)) this.#holdings.onWanted(peer);
    this.#availability.enter(piece);
    return true;
  }

  /** Givers that were proven to lie since the last call. */
  takeGuilty(): readonly number[] {
    return this.#verdicts.takeGuilty();
  }

  /** Time of the last block that was kept and has not been proven corrupt since, or of the start. */
  get progressAt(): Millis {
    let at = this.#provenAt;
    for (const open of this.assembly.all) {
      if (open.here > 0 && open.lastBlockAt > at) at = open.lastBlockAt;
    }
    return at;
  }

  /** Lets time pass: depths, timeouts, keep-alives. Call about twice a second. */
  tick(now: Millis): void {
    const elapsed = now - this.#tickedAt;
    if (elapsed <= 0) return;
    this.#tickedAt = now;
    if (now - this.#forgivenAt >= 60_000) {
      this.#forgivenAt = now;
      for (const peer of this.#peers) peer.unaskedBytes = 0;
    }
    if (this.readers.isHeld) this.#provenAt = now;
    const isHeldUp = this.#options.isThrottled?.(now) === true;
    for (const peer of this.#peers) {
      adapt(peer, elapsed);
      this.#inFlight.watch(peer, now);
      // What our own limit holds up is not late.
      if (!isHeldUp && isOverdue(peer, now) && this.#inFlight.releaseOverdue(peer, now)) {
        this.#closing.release(peer);
      }
      if (now - peer.lastReadAt >= IDLE_TIMEOUT_MS) peer.closing ??= "idle";
      if (this.isComplete && peer.isUploadOnly) peer.closing ??= "no-use";
      if (now - peer.lastWriteAt >= KEEP_ALIVE_MS && peer.encoder.length === 0) {
        peer.encoder.keepAlive();
      }
    }
    this.#closing.releaseOld(now);
    this.#picker.rescue(this.#peers, now);
    this.fillAll(now);
    if (this.#closing.freeMemory(now)) this.fillAll(now);
    this.giving.tick(now);
  }

  /** Proves the invariants; for tests. */
  checkInvariants(): void {
    const { map, have, lacking, assembly } = this;
    const [availability, peers] = [this.#availability, this.#peers];
    checkSwarm({ map, have, lacking, assembly, availability, peers, readers: this.readers });
  }

  #onGood(open: OpenPiece, digests: Uint8Array | undefined): void {
    const { piece } = open;
    this.have.add(piece);
    this.lacking.delete(piece);
    const isKept = this.readers.onVerified(piece);
    for (const peer of this.#peers) {
      if (peer.isSeed || peer.have.has(piece)) this.#holdings.onVerified(peer);
      else if (isKept && (!this.readers.isWindowed || peer.knowsDontHave)) peer.encoder.have(piece);
    }
    this.#verdicts.onGood(open, digests);
  }

  #onCorrupt(open: OpenPiece, digests: Uint8Array | undefined): void {
    this.counters.corrupt += this.map.pieceBytes(open.piece);
    this.#closing.putBack(open);
    this.#verdicts.onCorrupt(open, digests);
  }
}

const NONE: never[] = [];
