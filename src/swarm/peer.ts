/**
 * One peer of one torrent, as plain state: the four bits of BEP 3, what it has, what is asked of it
 * and how fast it gives. Rules live in the rooms that change it; nothing here sends or reads.
 *
 * @module
 */

import type { Address } from "../base/address.ts";
import { Bitfield } from "../base/bitfield.ts";
import type { PeerCloseReason } from "../base/errors.ts";
import { Meter } from "../base/meter.ts";
import type { Millis, PieceIndex } from "../base/units.ts";
import type { Encoder } from "../wire/encoder.ts";
import type { ExtensionHandshake } from "../wire/extension.ts";
import { Chatter } from "./chatter.ts";
import type { EarlyPieces } from "./early_pieces.ts";
import { RequestQueue } from "./request_queue.ts";
import { Uploads } from "./uploads.ts";

/** What is known of a peer when its handshake is done. */
export interface PeerInit {
  /** Dense number, free again once the peer is gone; names the peer in per-block tables (-1: none yet). */
  readonly slot?: number;
  /** Names the peer's address for good; survives a reconnect. Used for blame. */
  readonly giver: number;
  /** The other end. */
  readonly address: Address;
  /** 20 bytes, as the peer says. */
  readonly peerId: Uint8Array;
  /** BEP 6. */
  readonly supportsFast: boolean;
  /** BEP 10. */
  readonly supportsExtended: boolean;
  /** Whether we dialled it. */
  readonly isOutgoing: boolean;
  /** Where messages to it are put. */
  readonly encoder: Encoder;
  /** Pieces of the torrent. */
  readonly pieceCount: number;
  /** The time now. */
  readonly now: Millis;
}

/** A connected peer. */
export class Peer {
  slot: number;
  readonly giver: number;
  readonly address: Address;
  readonly peerId: Uint8Array;
  readonly supportsFast: boolean;
  readonly supportsExtended: boolean;
  readonly isOutgoing: boolean;
  readonly encoder: Encoder;
  readonly connectedAt: Millis;

  /** We do not serve it. */
  amChoking = true;
  /** It has something we want. */
  amInterested = false;
  /** It does not serve us. */
  peerChoking = true;
  /** It wants something of us. */
  peerInterested = false;

  /** What it has; no bits while the number of pieces is not known. */
  have: Bitfield;
  /** What it said it has while that number was not known. */
  early: EarlyPieces | undefined;
  /** It said what it has at the start (bitfield, have-all, have-none) or anything after that moment. */
  saidPieces = false;
  /** How often it had everything and then took a piece back (BEP 54). */
  seedsEnded = 0;
  /** Pieces it has that we want and lack. */
  useful = 0;
  /** Pieces it serves while choking us (BEP 6). */
  readonly allowedFast: Set<number> = new Set();
  /** Pieces we give it while we choke it (BEP 6), and how many bytes of each it has not asked for yet. */
  readonly granted: Map<PieceIndex, number> = new Map();
  /** Pieces it suggested to us, oldest first (BEP 6). */
  readonly suggestions: PieceIndex[] = [];
  /** Pieces we suggested to it that it has not asked for. */
  readonly suggested: PieceIndex[] = [];
  /** When it last asked for one of them, or had none before. */
  followedAt: Millis = 0;
  /** It does not follow suggestions. */
  isStubborn = false;
  /** The UDP port of its DHT node (BEP 5) that it told of and nobody has taken note of, or 0. */
  dhtPort = 0;
  /** Its extension handshake (BEP 10), once there. */
  extensions: ExtensionHandshake | undefined;
  /** How many extension handshakes it has sent. */
  extensionHandshakes = 0;
  /** Names of the extensions that we told it of. */
  toldExtensions: readonly string[] = [];

  /** Blocks asked of it, oldest first. */
  readonly requests: RequestQueue = new RequestQueue();
  /** How many blocks to keep in flight. */
  depth = INITIAL_DEPTH;
  /** Depth still grows with every block. */
  isInSlowStart = true;
  /** It let a request time out and has sent nothing since. */
  isSnubbed = false;
  /** It has owed us blocks for some seconds and given none: others may take its place. */
  isSilent = false;
  /** Something was asked of it in vain since its last block: others come first. */
  isDoubtful = false;
  /** Blocks that were asked for and given up on, and may still arrive. */
  lateAllowance = 0;
  /** What was given up on as overdue, and would be taken back once it comes from somebody else. */
  readonly overdue: RequestQueue = new RequestQueue();
  /** Pauses that its refusals made since its last block. */
  rejects = 0;
  /** Nothing is asked of it before this time. */
  pausedUntil: Millis = 0;
  /** What it may yet say that brings nothing. */
  readonly chatter: Chatter;
  /** Payload bytes that came unasked. */
  unaskedBytes = 0;
  /** A piece that this peer contributed to has verified. */
  isTrusted = false;
  /** It contributed to a corrupt piece and loads pieces alone until one of them proves it. */
  isOnParole = false;
  /** Open pieces it takes part in while it is not trusted: at most two. */
  readonly trial: number[] = [];
  /** The open piece it works on. */
  current = -1;
  /** It could take more requests but memory or pieces were short. */
  isStarved = false;
  /** Where the last search through its pieces ended. */
  cursor = 0;
  /** `Availability.entries` when nothing was found to open that it has, -1 after it said to have more. */
  dryAt = -1;

  /** Blocks it asked for and is owed. */
  readonly owed: Uploads = new Uploads();
  /** When we last began or ceased to serve it. */
  servedAt: Millis;
  /** Blocks are being written to it. */
  isTaking = false;
  /** When it was last seen to make use of being served. */
  busyAt: Millis;
  /** Payload bytes that were sent to it when that was last looked at. */
  watchedTotal = 0;
  /** Requests of it that were not granted. */
  refusedRequests = 0;
  /** Requests of it for pieces we lack. */
  lackedRequests = 0;

  /** Payload bytes received that were asked for. */
  readonly down: Meter = new Meter();
  /** Payload bytes sent. */
  readonly up: Meter = new Meter();
  /** Time of the last wanted block, or of the connection. */
  lastBlockAt: Millis;
  /** Time of the last bytes of any kind. */
  lastReadAt: Millis;
  /** Time of the last write. */
  lastWriteAt: Millis;
  /** When it last began to serve us. */
  unchokedAt: Millis | undefined;
  /** Bytes received when its depth was last adapted. */
  adaptedTotal = 0;
  /** Bytes per second when its depth was last adapted. */
  adaptedRate = 0;
  /** What a block of it takes of late, in ms; 0 before the first. */
  blockMs = 0;
  /** Shortest time seen from a request to its block, in ms. */
  minRttMs = Infinity;

  /** Set when the connection is to be closed, with the reason. */
  closing: PeerCloseReason | undefined;

  constructor(init: PeerInit) {
    this.slot = init.slot ?? -1;
    this.giver = init.giver;
    this.address = init.address;
    this.peerId = init.peerId;
    this.supportsFast = init.supportsFast;
    this.supportsExtended = init.supportsExtended;
    this.isOutgoing = init.isOutgoing;
    this.encoder = init.encoder;
    this.have = new Bitfield(init.pieceCount);
    this.connectedAt = init.now;
    this.chatter = new Chatter(init.now);
    this.servedAt = init.now;
    this.busyAt = init.now;
    this.lastBlockAt = init.now;
    this.lastReadAt = init.now;
    this.lastWriteAt = init.now;
  }

  /** Whether it has every piece. */
  get isSeed(): boolean {
    return this.have.isFull && this.have.length > 0;
  }

  /** Whether it gets nothing more: it has everything, or all that it wants (BEP 21). */
  get isUploadOnly(): boolean {
    return this.isSeed || this.extensions?.uploadOnly === true;
  }

  /** Whether it can be told that a piece is gone (BEP 54). */
  get knowsDontHave(): boolean {
    return (this.extensions?.ids.get("lt_donthave") ?? 0) > 0;
  }

  /** The number of pieces is known by now. */
  learnPieceCount(pieceCount: number): void {
    if (this.have.length !== pieceCount) this.have = new Bitfield(pieceCount);
  }

  /** Whether a piece may be asked of it now. */
  mayRequest(piece: number): boolean {
    return !this.peerChoking || this.allowedFast.has(piece);
  }
}

/** Blocks in flight before anything is known of a peer's speed. */
export const INITIAL_DEPTH = 8;
