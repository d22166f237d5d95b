/**
 * Turns owed blocks into bytes for one peer: as many as fit are read with one call, each behind its header
 * `<len=0009+X><id=7><index><begin>` (BEP 3), and leave as one write.
 *
 * The memory is taken from the store for the time of a batch, so that peers who wait cost nothing. Nothing
 * is read that a CANCEL or a choke has taken back before its turn came. A block that cannot be read costs
 * its piece the offer; the others still go.
 *
 * @module
 */

import { putUint32 } from "../base/bytes.ts";
import { KIB, type PieceIndex } from "../base/units.ts";
import type { BlockBatch, LostBlock } from "../disk/block_batch.ts";
import { SEND_BYTES } from "../ports/disk.ts";
import type { Peer } from "../swarm/peer.ts";
import type { Swarm } from "../swarm/swarm.ts";
import { PIECE, PIECE_HEADER_BYTES } from "../wire/message.ts";

/** Payload bytes read and sent at a time. */
export const BATCH_BYTES: number = 256 * KIB;

/** What a sender needs of its torrent. */
export interface BlockSenderHost {
  readonly swarm: Swarm;
  /** Reads for one peer. */
  newBatch(): BlockBatch;
  /** A verified piece cannot be read any more, and a file is to blame. */
  onLost(piece: PieceIndex, file: number): void;
}

/** What is to be written next. */
export interface OutgoingRun {
  /** Whole messages; a view that is valid until {@link BlockSender.end}. */
  readonly bytes: Uint8Array;
  /** Payload bytes among them, 0 where nothing is left to be sent. */
  readonly payload: number;
}

/** Sends the blocks one peer is owed: collect, read, write, end. */
export class BlockSender {
  readonly #peer: Peer;
  readonly #host: BlockSenderHost;
  readonly #next = { piece: 0, begin: 0, length: 0 };
  #batch: BlockBatch | undefined;
  #frames: Uint8Array = NOTHING;
  #length = 0;
  #payload = 0;

  constructor(peer: Peer, host: BlockSenderHost) {
    this.#peer = peer;
    this.#host = host;
  }

  /** Takes the blocks that go next, at most `maxBytes` of them but at least one; gives their bytes. */
  collect(maxBytes: number): number {
    const { owed } = this.#peer;
    const next = this.#next;
    const batch = this.#batch ??= this.#host.newBatch();
    const frames = this.#frames = batch.begin();
    const most = Math.min(maxBytes, BATCH_BYTES);
    let [at, payload] = [0, 0];
    for (let bytes = owed.nextBytes; bytes > 0; bytes = owed.nextBytes) {
      if (payload > 0 && payload + bytes > most) break;
      if (at + PIECE_HEADER_BYTES + bytes > SEND_BYTES) break;
      owed.take(next);
      if (!this.#host.swarm.have.has(next.piece)) {
        this.#refuse();
        continue;
      }
      putUint32(frames, at, 9 + bytes);
      frames[at + 4] = PIECE;
      putUint32(frames, at + 5, next.piece);
      putUint32(frames, at + 9, next.begin);
      batch.add(next, at + PIECE_HEADER_BYTES);
      at += PIECE_HEADER_BYTES + bytes;
      payload += bytes;
    }
    this.#length = at;
    this.#payload = payload;
    if (payload === 0) this.end();
    return payload;
  }

  /** Reads what was collected. */
  async read(): Promise<OutgoingRun> {
    const lost = await this.#batch!.read();
    if (lost.length > 0) this.#leaveOut(lost);
    return { bytes: this.#frames.subarray(0, this.#length), payload: this.#payload };
  }

  /** So many bytes of blocks have left. */
  sent(payload: number): void {
    this.#host.swarm.counters.uploaded += payload;
  }

  /** Gives the memory back; nothing of it may be on its way any more. */
  end(): void {
    this.#batch?.end();
    this.#frames = NOTHING;
  }

  /** Closes the gaps of what could not be read. */
  #leaveOut(lost: readonly LostBlock[]): void {
    const batch = this.#batch!;
    const gone = new Set<number>();
    for (const { block, file } of lost) {
      gone.add(block);
      Object.assign(this.#next, batch.blockAt(block));
      this.#host.onLost(this.#next.piece as PieceIndex, file);
      this.#refuse();
    }
    let [at, payload] = [0, 0];
    for (let block = 0; block < batch.count; block++) {
      if (gone.has(block)) continue;
      const length = batch.lengthOf(block);
      const end = batch.placeOf(block) + length;
      const start = end - length - PIECE_HEADER_BYTES;
      this.#frames.copyWithin(at, start, end);
      at += end - start;
      payload += length;
    }
    this.#length = at;
    this.#payload = payload;
  }

  #refuse(): void {
    const { piece, begin, length } = this.#next;
    this.#host.swarm.giving.refuseLost(this.#peer, piece, begin, length);
  }
}

const NOTHING = new Uint8Array(0);
