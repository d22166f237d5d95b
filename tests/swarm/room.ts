/**
 * A swarm under test with peers at the far end of real bytes: what a peer says goes through an encoder and
 * our decoder, what it is told through our encoder and its own decoder. A fake disk judges whole pieces.
 *
 * @module
 */

import { Bitfield } from "../../src/base/bitfield.ts";
import { BLOCK_BYTES } from "../../src/base/units.ts";
import { PieceMap } from "../../src/metainfo/piece_map.ts";
import type { OpenPiece } from "../../src/swarm/assembly.ts";
import { Peer } from "../../src/swarm/peer.ts";
import { PeerProtocol } from "../../src/swarm/protocol.ts";
import { Swarm } from "../../src/swarm/swarm.ts";
import { Decoder } from "../../src/wire/decoder.ts";
import { Encoder } from "../../src/wire/encoder.ts";
import { encodeExtensionHandshake } from "../../src/wire/extension.ts";
import { SimRandom } from "../sim/random.ts";
import { pieceMessage } from "../sim/raw_wire.ts";
import { feed, Recorder } from "../wire/recorder.ts";
import { bits, blockDigests, draw, isTrue, Pool, trueBlock } from "./support.ts";

/** What a room starts with. */
export interface RoomOptions {
  /** Pieces, 4 unless given. */
  readonly pieces?: number;
  /** Blocks a piece, 4 unless given. */
  readonly blocks?: number;
  /** Bytes of the last piece, if it is short. */
  readonly lastBytes?: number;
  /** Pieces that memory is there for, as many as there are unless given. */
  readonly buffers?: number;
  /** Pieces that we have, drawn: `"x  x"`. */
  readonly have?: string;
  /** Pieces that we want, all unless given. */
  readonly wanted?: string;
  readonly isSequential?: boolean;
  readonly isSuperSeed?: boolean;
  readonly isThrottled?: () => boolean;
  /** Pieces that are held, where there is nothing but memory. */
  readonly window?: number;
  readonly seed?: number;
}

/** How a peer is. */
export interface RemoteOptions {
  /** What it has, drawn; everything unless given. */
  readonly have?: string;
  /** Whether it has the fast extension (BEP 6); true unless given. */
  readonly isFast?: boolean;
  /** Whether it serves us from the start; true unless given. */
  readonly isUnchoking?: boolean;
  /** Whether a piece of it has verified before; true unless given. */
  readonly isTrusted?: boolean;
  /** Requests it takes, as its extension handshake says. */
  readonly reqq?: number;
  /** Whether it knows BEP 54; false unless given. */
  readonly knowsDontHave?: boolean;
}

/** A swarm, its memory, its disk and its peers. */
export class Room {
  readonly map: PieceMap;
  readonly pool: Pool;
  readonly swarm: Swarm;
  readonly remotes: Remote[] = [];
  now = 0;
  #givers = 100;

  constructor(options: RoomOptions = {}) {
    const { pieces = 4, blocks = 4, have, wanted, isSequential = false, seed = 1 } = options;
    const pieceLength = blocks * BLOCK_BYTES;
    const lastBytes = options.lastBytes ?? pieceLength;
    this.map = new PieceMap((pieces - 1) * pieceLength + lastBytes, pieceLength);
    this.pool = new Pool(options.buffers ?? pieces, pieceLength);
    this.swarm = new Swarm({
      map: this.map,
      have: bits(have ?? " ".repeat(pieces)),
      wanted: bits(wanted ?? "x".repeat(pieces)),
      random: new SimRandom(seed),
      allocate: this.pool.allocate,
      isSequential,
      isSuperSeed: options.isSuperSeed ?? false,
      ...(options.isThrottled && { isThrottled: options.isThrottled }),
      window: options.window,
      now: 0,
    });
  }

  /** What we have, drawn. */
  get have(): string {
    return draw(this.swarm.have);
  }

  /** A peer connects and says what it has. */
  connect(options: RemoteOptions = {}): Remote {
    const remote = new Remote(this, options, this.#givers++);
    this.remotes.push(remote);
    return remote;
  }

  /** A peer's connection ends. */
  disconnect(remote: Remote): void {
    this.swarm.removePeer(remote.peer);
    this.remotes.splice(this.remotes.indexOf(remote), 1);
    this.swarm.fillAll(this.now);
    this.swarm.checkInvariants();
  }

  /** The disk judges every whole piece; what it said, as `3 good`. */
  settle(): string[] {
    const said: string[] = [];
    for (const open of this.swarm.takeWhole()) {
      said.push(`${open.piece} ${this.judge(open) ? "good" : "bad"}`);
    }
    this.swarm.fillAll(this.now);
    return said;
  }

  /** The disk judges one piece. */
  judge(open: OpenPiece): boolean {
    const { piece, buffer } = open;
    let isGood = true;
    for (let block = 0; block < open.blocks; block++) {
      isGood &&= isTrue(this.map, piece, block, buffer.bytes);
    }
    const wanted = !isGood || this.swarm.wantsDigests(piece);
    const digests = wanted ? { blockDigests: blockDigests(this.map, piece, buffer.bytes) } : {};
    this.swarm.onVerdict(open, { isGood, ...digests });
    this.swarm.checkInvariants();
    return isGood;
  }

  /** Time passes, with a tick every half second. */
  wait(ms: number): void {
    const end = this.now + ms;
    while (this.now < end) {
      this.now = Math.min(end, this.now + 500);
      this.swarm.tick(this.now);
      this.swarm.checkInvariants();
    }
  }
}

/** The far end of a connection. */
export class Remote {
  readonly peer: Peer;
  /** What it says with the next {@link tell}. */
  readonly say: Encoder = new Encoder();
  readonly #room: Room;
  readonly #protocol: PeerProtocol;
  readonly #ours: Decoder;
  readonly #its: Decoder;
  readonly #recorder = new Recorder();

  constructor(room: Room, options: RemoteOptions, giver: number) {
    const { have, isFast = true, isUnchoking = true, isTrusted = true, reqq } = options;
    const { swarm, map } = room;
    this.#room = room;
    this.peer = new Peer({
      giver,
      address: { host: `9.0.0.${giver % 256}`, port: 6881 },
      peerId: new Uint8Array(20).fill(giver),
      supportsFast: isFast,
      supportsExtended: true,
      isOutgoing: true,
      encoder: new Encoder(),
      pieceCount: map.pieceCount,
      now: room.now,
    });
    swarm.join(this.peer);
    this.peer.isTrusted = isTrusted;
    this.#protocol = new PeerProtocol(swarm, this.peer, room.now);
    this.#ours = new Decoder({ pieceCount: map.pieceCount });
    this.#its = new Decoder({ pieceCount: map.pieceCount });
    if (options.knowsDontHave) {
      const m = { lt_donthave: 7 };
      this.say.extended(0, encodeExtensionHandshake({ m, v: "", reqq: 250 }));
    }
    if (reqq !== undefined) this.say.extended(0, encodeExtensionHandshake({ m: {}, v: "", reqq }));
    if (have === undefined && isFast) this.say.haveAll();
    else this.say.bitfield(have === undefined ? everything(map.pieceCount) : bits(have).bytes);
    if (isUnchoking) this.say.unchoke();
    this.tell();
  }

  /** What was said arrives, and we ask for more. @throws {PeerError} */
  tell(): void {
    this.#protocol.now = this.peer.lastReadAt = this.#room.now;
    feed(this.#ours, this.#protocol, this.say.take());
    this.#room.swarm.fill(this.peer, this.#room.now);
    this.#room.swarm.checkInvariants();
  }

  /** Sends the true block, or a lie. */
  give(piece: number, block: number, isLie = false): void {
    const data = trueBlock(this.#room.map, piece, block);
    // One that is not told from a true block by its first byte.
    if (isLie) data[data.length - 1]! ^= 0x80 + (this.peer.giver & 0x7f);
    this.say.raw(pieceMessage(piece, block * BLOCK_BYTES, data));
    this.tell();
  }

  /** Sends every block of what it was asked, as a list of `piece:block`. */
  giveAll(asked: readonly string[], isLie = false): void {
    for (const request of asked) {
      const [piece, block] = request.split(":").map(Number);
      this.give(piece!, block!, isLie);
    }
  }

  /** Sends whatever is asked until nothing is asked any more. */
  serve(isLie = false): void {
    for (let asked = this.asked(); asked.length > 0; asked = this.asked()) {
      this.giveAll(asked, isLie);
    }
  }

  /** What it was told since the last time: `request 3:1` is block 1 of piece 3. */
  listen(): string[] {
    if (this.peer.encoder.length > 0) this.peer.lastWriteAt = this.#room.now;
    feed(this.#its, this.#recorder, this.peer.encoder.take());
    return this.#recorder.calls.splice(0).map((line) => {
      const match = /^(request|cancel|reject) (\d+) (\d+) (\d+)$/.exec(line);
      return match ? `${match[1]} ${match[2]}:${Number(match[3]) / BLOCK_BYTES}` : line;
    });
  }

  /** The requests among what it was told since the last time, as `piece:block`. */
  asked(): string[] {
    return this.listen().filter((line) => line.startsWith("request")).map((line) => line.slice(8));
  }
}

function everything(pieces: number): Uint8Array {
  const all = new Bitfield(pieces);
  all.fill();
  return all.bytes;
}
