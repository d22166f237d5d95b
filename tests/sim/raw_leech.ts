/**
 * A peer that takes, by hand: it dials a seed, says what it likes and sees what comes. For tests of the
 * giving side.
 *
 * @module
 */

import type { ByteStream } from "../../src/ports/network.ts";
import { handshake, ID, message, type RawMessage, RawReader, readU32, u32 } from "./raw_wire.ts";
import type { TestTorrent } from "./torrents.ts";
import type { SimHost } from "./world.ts";

/** A block, as it is asked for. */
export type Block = readonly [piece: number, begin: number, length: number];

/** A connection to a seed. */
export class RawLeech {
  /** What came, in order; blocks without their bytes. */
  readonly messages: RawMessage[] = [];
  /** Blocks that came, right ones only. */
  readonly blocks: Block[] = [];
  /** Requests that were refused. */
  readonly rejects: Block[] = [];
  /** Payload bytes that came. */
  bytes = 0;
  /** The seed serves us. */
  isUnchoked = false;
  /** The connection is over. */
  hasEnded = false;
  readonly #host: SimHost;
  readonly #stream: ByteStream;
  readonly #reader: RawReader;
  readonly #torrent: TestTorrent;

  private constructor(host: SimHost, stream: ByteStream, torrent: TestTorrent) {
    this.#host = host;
    this.#stream = stream;
    this.#reader = new RawReader(stream);
    this.#torrent = torrent;
  }

  /** Dials, shakes hands, says to be interested, and reads whatever comes unless `isDeaf`. */
  static async dial(
    host: SimHost,
    seed: string,
    torrent: TestTorrent,
    options: { fast?: boolean; extended?: boolean; isDeaf?: boolean } = {},
  ): Promise<RawLeech> {
    const { world } = host;
    const address = { host: seed, port: 6881 };
    const stream = await world.wait(host.process.network.dial(address));
    const leech = new RawLeech(host, stream, torrent);
    const id = new TextEncoder().encode(`-RL0000-${host.ip.padEnd(12, "x")}`);
    leech.say(handshake(torrent.metainfo.infoHash, id, options));
    await world.wait(leech.#reader.take(68));
    leech.say(message(ID.interested));
    if (!options.isDeaf) leech.#listen();
    return leech;
  }

  /** Sends bytes. */
  say(bytes: Uint8Array): void {
    this.#saying = this.#saying.then(() => this.#stream.write(bytes));
  }
  #saying: Promise<unknown> = Promise.resolve();

  /** Asks for blocks. */
  ask(...blocks: readonly Block[]): void {
    for (const block of blocks) this.say(message(ID.request, block.flatMap(u32)));
  }

  /** Lets time pass until it is served. */
  async untilUnchoked(): Promise<void> {
    await this.#host.world.runUntil(() => this.isUnchoked, { within: 60_000 });
  }

  /** Hangs up. */
  close(): void {
    this.#stream.close();
  }

  async #listen(): Promise<void> {
    for (let next = await this.#reader.next(); next; next = await this.#reader.next()) {
      this.#take(next);
    }
    this.hasEnded = true;
  }

  #take({ id, payload }: RawMessage): void {
    const isBlock = id === ID.piece;
    this.messages.push({ id, payload: isBlock ? payload.slice(0, 8) : payload });
    if (id === ID.unchoke) this.isUnchoked = true;
    if (id === ID.choke) this.isUnchoked = false;
    if (id === ID.reject) {
      this.rejects.push([readU32(payload, 0), readU32(payload, 4), readU32(payload, 8)]);
    }
    if (!isBlock) return;
    const [piece, begin] = [readU32(payload, 0), readU32(payload, 4)];
    const { metainfo, content } = this.#torrent;
    const start = piece * metainfo.pieceMap.pieceLength + begin;
    const block = payload.subarray(8);
    this.bytes += block.length;
    const isRight = block.every((byte, i) => byte === content[start + i]);
    if (isRight) this.blocks.push([piece, begin, block.length]);
  }
}
