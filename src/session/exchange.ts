/**
 * The running exchange of one torrent: the swarm as the stage of its peers, pieces to and from the disk.
 *
 * It ends in one of three ways: every wanted piece is verified, the disk fails, or its scope is disposed.
 *
 * @module
 */

import type { Bitfield } from "../base/bitfield.ts";
import type { FileIndex, Millis, PieceIndex } from "../base/units.ts";
import type { BlockBatch } from "../disk/block_batch.ts";
import type { TorrentDisk } from "../disk/torrent_disk.ts";
import type { Metainfo } from "../metainfo/torrent_file.ts";
import type { Hasher } from "../ports/hash.ts";
import type { Clock } from "../ports/clock.ts";
import type { PieceVerdict, ReceiveBuffer } from "../ports/disk.ts";
import type { Random } from "../ports/random.ts";
import { replayLobby } from "../swarm/lobby.ts";
import type { OpenPiece } from "../swarm/assembly.ts";
import type { Peer } from "../swarm/peer.ts";
import { AllowedFast } from "../swarm/allowed_fast.ts";
import { PeerProtocol } from "../swarm/protocol.ts";
import { Swarm } from "../swarm/swarm.ts";
import { BlockSender, type BlockSenderHost } from "./block_sender.ts";
import type { Connections } from "./connections.ts";
import type { PeerHandler, Stage } from "./stage.ts";

/** What an exchange works with. */
export interface ExchangeParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly hasher: Pick<Hasher, "sha1">;
  readonly metainfo: Metainfo;
  readonly disk: TorrentDisk;
  /** The peers, who are to enter by `connections.enter`. */
  readonly connections: Connections;
  /** Pieces to get; what is verified already does not count. */
  readonly wanted: Bitfield;
  readonly isSequential: boolean;
  /** As the first seed, give every piece once before twice (BEP 16). */
  readonly isSuperSeed: boolean;
  /** A selected file has become complete. */
  readonly onFile: (file: FileIndex) => void;
  /** Pieces that can be held where there is nothing but memory; `undefined` where there is a disk. */
  readonly window: number | undefined;
  /** One more piece is verified. */
  readonly onPiece: () => void;
}

/** The exchange of one torrent. */
export class Exchange implements Stage, BlockSenderHost {
  readonly swarm: Swarm;
  readonly #parts: ExchangeParts;
  #isFollowUpDue = false;
  #completion = Promise.withResolvers<void>();

  constructor(parts: ExchangeParts) {
    const { clock, random, metainfo, disk, connections } = parts;
    this.#parts = parts;
    this.swarm = new Swarm({
      map: metainfo.pieceMap,
      have: disk.have,
      wanted: parts.wanted,
      random,
      allocate: () => disk.allocate(),
      isSequential: parts.isSequential,
      isSuperSeed: parts.isSuperSeed,
      window: parts.window,
      allowedFast: new AllowedFast(metainfo.pieceMap, {
        infoHash: metainfo.infoHash,
        sha1: parts.hasher.sha1,
      }),
      isThrottled: (now) => connections.downLimit.delay(now) > 0,
      extensions: connections.extensions,
      now: clock.now(),
    });
    this.#completion.promise.catch(() => {});
  }

  /**
   * Resolves when every wanted piece is verified, which may happen again after {@link lose}; rejects with the
   * `DiskError` that ended it.
   */
  get complete(): Promise<void> {
    return this.#completion.promise;
  }

  get peers(): readonly Peer[] {
    return this.swarm.peers;
  }

  get pieceCount(): number {
    return this.swarm.map.pieceCount;
  }

  get isComplete(): boolean {
    return this.swarm.isComplete;
  }

  get isPretending(): boolean {
    return this.swarm.giving.isPretending;
  }

  enter(peer: Peer): PeerHandler {
    peer.learnPieceCount(this.pieceCount);
    this.swarm.join(peer);
    const protocol = new PeerProtocol(this.swarm, peer, this.#parts.clock.now());
    replayLobby(peer, protocol);
    if (peer.peerInterested) this.swarm.giving.onInterest(peer);
    return protocol;
  }

  leave(peer: Peer): void {
    this.swarm.removePeer(peer);
  }

  senderFor(peer: Peer): BlockSender {
    return new BlockSender(peer, this);
  }

  fill(peer: Peer, now: Millis): void {
    this.swarm.fill(peer, now);
  }

  fillAll(now: Millis): void {
    this.swarm.fillAll(now);
  }

  tick(now: Millis): void {
    this.swarm.tick(now);
  }

  /** Whole pieces to the disk, liars to the book. */
  settle(): void {
    const { clock, connections } = this.#parts;
    const whole = this.swarm.takeWhole();
    if (whole.length > 0) {
      this.#parts.disk.writePieces(whole, {
        wantsDigests: (piece) => this.swarm.wantsDigests(piece),
        onVerdict: (verdict, item) => this.#onVerdict(whole[item]!, verdict),
      }).catch((error) => this.#completion.reject(error));
    }
    if (this.swarm.giving.isRefillDue) this.swarm.giving.tick(clock.now());
    for (const giver of this.swarm.takeGuilty()) connections.book.ban(giver);
  }

  /** Reads for one peer. */
  newBatch(): BlockBatch {
    return this.#parts.disk.newBatch();
  }

  receiveBuffer(): ReceiveBuffer | undefined {
    return this.#parts.disk.receiveBuffer();
  }

  /** The disk is told, and tells the torrent. */
  onLost(piece: PieceIndex, file: number): void {
    this.#parts.disk.lose(piece, file);
  }

  /** What is gone is not offered again, and where `isWanted`, fetched again; everything else still is. */
  lose(piece: PieceIndex, isWanted: boolean): void {
    const { connections } = this.#parts;
    const wasComplete = this.swarm.isComplete;
    if (!this.swarm.onLost(piece, isWanted) || this.swarm.isComplete || !wasComplete) return;
    // Whoever was let go as of no use is needed again.
    this.#completion = Promise.withResolvers<void>();
    this.#completion.promise.catch(() => {});
    connections.needPeers();
  }

  /** A reader has moved: what it has passed is let go, what comes next is asked for. */
  onMoved(): void {
    const { clock, connections } = this.#parts;
    this.#letGo();
    this.swarm.fillAll(clock.now());
    connections.afterStep();
  }

  #letGo(): void {
    for (const piece of this.swarm.readers.takeDropped()) this.#parts.disk.letGo(piece);
  }

  #onVerdict(open: OpenPiece, verdict: PieceVerdict): void {
    const { metainfo, disk, onFile, onPiece } = this.#parts;
    const { piece } = open;
    this.swarm.onVerdict(open, verdict);
    this.#letGo();
    if (verdict.isGood) {
      metainfo.fileMap.eachFileAt(piece, (file) => {
        if (disk.isFileComplete(file)) onFile(file as FileIndex);
      });
      onPiece();
    }
    if (this.#isFollowUpDue) return;
    // Verdicts come in numbers, and what follows from them follows once.
    this.#isFollowUpDue = true;
    Promise.resolve().then(() => this.#followUp()).catch((error) => this.#completion.reject(error));
  }

  #followUp(): void {
    const { clock, connections } = this.#parts;
    this.#isFollowUpDue = false;
    if (this.swarm.isComplete) {
      this.#completion.resolve();
      // Peers that are complete as well learn that nothing is to be had here (BEP 21).
      return connections.sayExtensions();
    }
    this.swarm.fillAll(clock.now());
    connections.afterStep();
  }
}
