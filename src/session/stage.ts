/**
 * What connected peers take part in: one stage of a torrent's life.
 *
 * @module
 */

import type { Millis } from "../base/units.ts";
import type { ReceiveBuffer } from "../ports/disk.ts";
import type { Peer } from "../swarm/peer.ts";
import type { WireHandler } from "../wire/decoder.ts";
import type { BlockSender } from "./block_sender.ts";

/** What the messages of one peer mean. */
export interface PeerHandler extends WireHandler {
  /** The time of the read whose messages are being handled; set before each commit. */
  now: Millis;
}

/** A stage. */
export interface Stage {
  /** Connected peers, past the handshake. Not to be changed. */
  readonly peers: readonly Peer[];
  /** Pieces of the torrent, `undefined` while that is not known. */
  readonly pieceCount: number | undefined;
  /** Whether nothing is missing any more, so that peers who give are of no use. */
  readonly isComplete: boolean;
  /** Whether it holds back what it has (BEP 16), and must not say that it only gives. */
  readonly isPretending?: boolean;
  /** A peer comes, greeted by messages in its encoder. @throws {PeerError} where what it said before makes no sense here. */
  enter(peer: Peer): PeerHandler;
  /** A peer has left. */
  leave(peer: Peer): void;
  /** Sends the blocks that the peer is owed; `undefined` where nothing is ever owed. */
  senderFor(peer: Peer): BlockSender | undefined;
  /** Memory to receive in, `undefined` where any will do. */
  receiveBuffer(): ReceiveBuffer | undefined;
  /** Asks the peer for more. */
  fill(peer: Peer, now: Millis): void;
  /** Asks every peer that has room for more. */
  fillAll(now: Millis): void;
  /** Messages were handled: facts go to where they belong. */
  settle(): void;
  /** Lets time pass. */
  tick(now: Millis): void;
}
