/**
 * A picker on a drawn table. `availability` has a digit a piece: the peers (seeds left out) that have it.
 * `have` has an `x` for each piece that is ours. `open` has a word a piece: `-` not open, or a sign a block:
 * `.` free, `a` to `y` asked of another peer, `x` here. The peer that asks is `z`.
 *
 * @module
 */

import { BLOCK_BYTES } from "../../src/base/units.ts";
import { PieceMap } from "../../src/metainfo/piece_map.ts";
import { Assembly } from "../../src/swarm/assembly.ts";
import { Availability } from "../../src/swarm/availability.ts";
import { InFlight } from "../../src/swarm/in_flight.ts";
import type { Peer } from "../../src/swarm/peer.ts";
import { Picker } from "../../src/swarm/picker.ts";
import { Decoder } from "../../src/wire/decoder.ts";
import { SimRandom } from "../sim/random.ts";
import { feed, Recorder } from "../wire/recorder.ts";
import { bits, drawPiece, newPeer, openDrawn, Pool } from "./support.ts";

/** What there is when a peer asks. */
export interface Drawing {
  readonly availability: string;
  readonly have?: string;
  readonly open?: string;
  readonly blocks?: number;
  readonly buffers?: number;
  readonly isSequential?: boolean;
  readonly isThrottled?: boolean;
  /** Whether the first pieces, which are random, are still to come. */
  readonly isNew?: boolean;
  readonly seed?: number;
}

/** Who asks. */
export interface PeerDrawing {
  readonly has: string;
  readonly depth?: number;
  readonly slot?: string;
  readonly isTrusted?: boolean;
  readonly isOnParole?: boolean;
  readonly isChoking?: boolean;
  readonly allowed?: readonly number[];
}

/** Pieces that are random at first; so many more are opened and closed unless the drawing is new. */
const WARM_UP = 4;

/** A picker over drawn pieces. */
export class Table {
  readonly assembly: Assembly;
  readonly availability: Availability;
  readonly inFlight: InFlight;
  readonly pool: Pool;
  readonly #pieces: number;
  readonly #picker: Picker;

  constructor(drawing: Drawing) {
    const { availability, have = "", open = "", blocks = 4, isNew = false, seed = 1 } = drawing;
    const pieces = this.#pieces = availability.length;
    const length = blocks * BLOCK_BYTES;
    const map = new PieceMap((pieces + WARM_UP) * length, length);
    const random = new SimRandom(seed);
    const pickable = [...availability].map((_, i) => (have[i] === "x" ? " " : "x")).join("");
    const extra = (isNew ? " " : "x").repeat(WARM_UP);
    this.availability = new Availability(bits(pickable + extra), random);
    for (let i = 0; i < pieces; i++) {
      for (let n = Number(availability[i]); n > 0; n--) this.availability.add(i);
    }
    this.assembly = new Assembly(map);
    this.pool = new Pool(drawing.buffers ?? pieces, length);
    this.inFlight = new InFlight({ map, assembly: this.assembly, onAbandoned: () => {} });
    let allocate = () => new Pool(1, length).allocate();
    this.#picker = new Picker({
      map,
      assembly: this.assembly,
      availability: this.availability,
      inFlight: this.inFlight,
      readers: NO_READERS,
      random,
      allocate: () => allocate(),
      isSequential: drawing.isSequential ?? false,
      isThrottled: () => drawing.isThrottled ?? false,
    });
    if (!isNew) this.#warmUp(blocks);
    allocate = this.pool.allocate;
    open.split(" ").forEach((drawn, piece) => {
      if (drawn === "-" || drawn === "") return;
      this.availability.leave(piece);
      openDrawn(this.assembly, piece, drawn, this.pool);
    });
  }

  #warmUp(blocks: number): void {
    for (let i = 0; i < WARM_UP; i++) this.availability.add(this.#pieces + i);
    const has = " ".repeat(this.#pieces) + "x".repeat(WARM_UP);
    this.fill(this.peer({ has, depth: WARM_UP * blocks }));
    for (const open of [...this.assembly.all]) this.assembly.close(open);
  }

  /** A peer as drawn; it is unchoking, proven and interested unless it says otherwise. */
  peer(drawing: PeerDrawing): Peer {
    const { has, depth = 1, slot = "z", isTrusted = true, isOnParole = false } = drawing;
    const peer = newPeer({
      slot: slot.charCodeAt(0) - 97,
      giver: 0,
      supportsExtended: false,
      pieceCount: this.#pieces + WARM_UP,
    });
    for (let i = 0; i < has.length; i++) if (has[i] === "x") peer.have.add(i);
    peer.depth = depth;
    peer.amInterested = true;
    peer.peerChoking = drawing.isChoking ?? false;
    for (const piece of drawing.allowed ?? []) peer.allowedFast.add(piece);
    [peer.isTrusted, peer.isOnParole] = [isTrusted, isOnParole];
    this.inFlight.add(peer);
    return peer;
  }

  /** Fills the peer's pipeline; what was asked, as `1:2 1:3`. */
  fill(peer: Peer): string {
    this.#picker.fill(peer, 0);
    this.assembly.checkInvariants();
    this.availability.checkInvariants();
    const recorder = new Recorder();
    feed(new Decoder(), recorder, peer.encoder.take());
    return recorder.calls.map((line) => {
      const [, piece, begin] = line.split(" ");
      return `${piece}:${Number(begin) / BLOCK_BYTES}`;
    }).join(" ");
  }

  /** The open pieces as they are drawn in `open`. */
  draw(): string {
    return Array.from({ length: this.#pieces }, (_, piece) => {
      const open = this.assembly.get(piece);
      return open === undefined ? "-" : drawPiece(open);
    }).join(" ");
  }
}

const NO_READERS = {
  all: [],
  endOf: () => 0,
  lead: () => 0,
  measure: () => {},
  isWindowed: false,
  isAtEnd: false,
};
