/**
 * A peer made of raw wire bytes, honest or not, on a host of the simulated world. It listens, and dials
 * when told to; it gives what it is asked for, as its behaviour has it.
 *
 * It keeps a record of what was asked of it, which is what tests look at.
 *
 * @module
 */

import type { Address } from "../../src/base/address.ts";
import {
  askedPart,
  metadataAnswers,
  type MetadataBehaviour,
  metadataHello,
} from "./fake_metadata.ts";
import type { ByteStream } from "../../src/ports/network.ts";
import { handshake, ID, message, pieceMessage, RawReader, readU32, u32 } from "./raw_wire.ts";
import type { SimStream } from "./stream.ts";
import type { TestTorrent } from "./torrents.ts";
import type { SimHost } from "./world.ts";

/** How a peer behaves; what is left out is honest and prompt. */
export interface Behaviour {
  /** Which pieces it has (all). */
  readonly has?: (piece: number) => boolean;
  /** Supports the fast extension, BEP 6 (false). */
  readonly fast?: boolean;
  /** Gives metadata by the extension protocol, BEP 9 and 10 (it speaks neither). */
  readonly metadata?: MetadataBehaviour;
  /** "silent" sends nothing, "half" 30 bytes, "garbage" 68 other bytes (honest). */
  readonly handshake?: "honest" | "silent" | "half" | "garbage";
  /** Says that it runs a DHT node, BEP 5 (false). */
  readonly dht?: boolean;
  /** The infohash it says (the torrent's). */
  readonly infoHash?: Uint8Array;
  /** The peer id it says; "echo" says the other side's own (one of its own). */
  readonly peerId?: Uint8Array | "echo";
  /** Raw bytes sent in place of the bitfield message; may be empty. */
  readonly bitfield?: Uint8Array;
  /** Raw bytes sent after the bitfield, over and over with a pause where there is one. */
  readonly opening?: Uint8Array;
  /** Repeats {@link opening} after this long; 0 as fast as the other side reads. */
  readonly repeatMs?: number;
  /** Unchokes after this long (0); `Infinity` never does. */
  readonly unchokeMs?: number;
  /** Time per block (0). */
  readonly blockMs?: number;
  /** Changes a block before it is sent. `count` is how many it has sent on all connections. */
  readonly spoil?: (block: Uint8Array, request: BlockRequest, count: number) => void;
  /** Answers nothing after so many blocks on all connections. */
  readonly stallAfter?: number;
  /** Refuses every request, where it supports the fast extension (false). */
  readonly rejects?: boolean;
  /** Closes every connection after so many blocks on it, with a reset if told so. */
  readonly closeAfter?: number;
  readonly closeWithReset?: boolean;
}

/** A block that was asked for. */
export interface BlockRequest {
  readonly piece: number;
  readonly begin: number;
  readonly length: number;
  /** World time. */
  readonly at: number;
}

/** A scripted peer. */
export class FakePeer {
  readonly host: SimHost;
  readonly torrent: TestTorrent;
  readonly address: Address;
  /** May be changed while it runs. */
  behaviour: Behaviour;
  /** Every block it was asked for. */
  readonly requests: BlockRequest[] = [];
  /** Every block it was told not to send. */
  readonly cancels: BlockRequest[] = [];
  /** Every port of a DHT node that it was told of. */
  readonly dhtPorts: number[] = [];
  /** Every part of the metadata it was asked for. */
  readonly partsAsked: number[] = [];
  /** Blocks it has sent. */
  served = 0;
  /** Connections made so far, and open now. */
  connections = 0;
  open = 0;
  /** When connections ended. */
  readonly closedAt: number[] = [];
  readonly #peerId: Uint8Array;
  readonly #connections = new Set<Connection>();

  private constructor(host: SimHost, torrent: TestTorrent, port: number, behaviour: Behaviour) {
    this.host = host;
    this.torrent = torrent;
    this.address = { host: host.ip, port };
    this.behaviour = behaviour;
    this.#peerId = host.process.random.bytes(20);
    this.#peerId.set(new TextEncoder().encode("-XX0001-"));
  }

  /** Starts a peer that listens on `port` (6881). */
  static async start(
    host: SimHost,
    torrent: TestTorrent,
    behaviour: Behaviour & { readonly port?: number } = {},
  ): Promise<FakePeer> {
    const listener = await host.process.network.listen({ port: behaviour.port ?? 6881 });
    const peer = new FakePeer(host, torrent, listener.address.port, behaviour);
    (async () => {
      for (let s = await listener.accept(); s; s = await listener.accept()) peer.#run(s, false);
    })();
    return peer;
  }

  /** `HOST:PORT`, as a user would type it. */
  get text(): string {
    return `${this.address.host}:${this.address.port}`;
  }

  /** Sends raw bytes on every connection that is open and past its handshake. */
  tell(bytes: Uint8Array): void {
    for (const connection of this.#connections) connection.send(bytes);
  }

  /** Chokes everybody: what is owed is dropped, or rejected where the fast extension wants that. */
  choke(): void {
    for (const connection of this.#connections) connection.choke();
  }

  /** Unchokes everybody. */
  unchoke(): void {
    for (const connection of this.#connections) connection.unchoke();
  }

  /** Dials somebody; resolves when the connection has ended. */
  async dial(address: Address): Promise<void> {
    await this.#run(await this.host.process.network.dial(address), true);
  }

  async #run(stream: ByteStream, isDialler: boolean): Promise<void> {
    this.connections++;
    this.open++;
    const connection = new Connection(this, stream, this.#peerId);
    this.#connections.add(connection);
    try {
      await connection.run(isDialler);
    } finally {
      this.#connections.delete(connection);
      stream.close();
      this.open--;
      this.closedAt.push(this.host.world.clock.now());
    }
  }
}

/** One connection of a {@link FakePeer}. */
class Connection {
  readonly #peer: FakePeer;
  readonly #stream: ByteStream;
  readonly #reader: RawReader;
  readonly #peerId: Uint8Array;
  readonly #owed: BlockRequest[] = [];
  #served = 0;
  #isServing = false;
  #isChoking = false;
  #sending: Promise<unknown> = Promise.resolve();

  constructor(peer: FakePeer, stream: ByteStream, peerId: Uint8Array) {
    this.#peer = peer;
    this.#stream = stream;
    this.#reader = new RawReader(stream);
    this.#peerId = peerId;
  }

  async run(isDialler: boolean): Promise<void> {
    const mine = () => this.#greet();
    if (isDialler) await mine();
    const theirs = await this.#reader.take(68);
    if (!theirs) return;
    if (!isDialler) await this.#greet(theirs.subarray(48));
    const { handshake } = this.#peer.behaviour;
    if (handshake !== undefined && handshake !== "honest") return await this.#drain();
    await this.#open();
    for (let next = await this.#reader.next(); next; next = await this.#reader.next()) {
      this.#onMessage(next.id, next.payload);
    }
  }

  async #greet(theirId?: Uint8Array): Promise<void> {
    const { behaviour, torrent } = this.#peer;
    const id = behaviour.peerId === "echo" ? theirId : behaviour.peerId;
    const bytes = handshake(behaviour.infoHash ?? torrent.metainfo.infoHash, id ?? this.#peerId, {
      fast: behaviour.fast ?? false,
      extended: behaviour.metadata !== undefined,
      dht: behaviour.dht ?? false,
    });
    if (behaviour.handshake === "silent") return;
    if (behaviour.handshake === "half") await this.send(bytes.subarray(0, 30));
    else if (behaviour.handshake === "garbage") await this.send(bytes.map((b) => b ^ 0x5a));
    else await this.send(bytes);
  }

  async #drain(): Promise<void> {
    while (await this.#reader.take(1)) { /* Whatever they say. */ }
  }

  async #open(): Promise<void> {
    const { behaviour, host } = this.#peer;
    await this.send(behaviour.bitfield ?? this.#bitfield());
    if (behaviour.metadata) await this.send(metadataHello(this.#peer.torrent, behaviour.metadata));
    if (behaviour.opening) this.#storm(behaviour.opening);
    const unchokeMs = behaviour.unchokeMs ?? 0;
    if (unchokeMs === 0) await this.send(message(ID.unchoke));
    else {
      host.process.clock.sleep(unchokeMs).then(() => this.send(message(ID.unchoke)));
    }
  }

  #bitfield(): Uint8Array {
    const { behaviour, torrent } = this.#peer;
    const { pieceCount } = torrent.metainfo.pieceMap;
    const bits = new Uint8Array(Math.ceil(pieceCount / 8));
    for (let i = 0; i < pieceCount; i++) {
      if (behaviour.has?.(i) ?? true) bits[i >> 3]! |= 0x80 >> (i & 7);
    }
    return message(ID.bitfield, bits);
  }

  async #storm(bytes: Uint8Array): Promise<void> {
    const { repeatMs } = this.#peer.behaviour;
    while (await this.send(bytes) && repeatMs !== undefined) {
      if (repeatMs > 0) await this.#peer.host.process.clock.sleep(repeatMs);
    }
  }

  #onMessage(id: number, payload: Uint8Array): void {
    if (id === ID.port) this.#peer.dhtPorts.push(payload[0]! << 8 | payload[1]!);
    if (id === ID.extended) return void this.#giveMetadata(payload);
    if (id !== ID.request && id !== ID.cancel) return;
    const request = {
      piece: readU32(payload, 0),
      begin: readU32(payload, 4),
      length: readU32(payload, 8),
      at: this.#peer.host.world.clock.now(),
    };
    if (id === ID.request) {
      this.#peer.requests.push(request);
      const { fast, rejects } = this.#peer.behaviour;
      if (rejects || (this.#isChoking && fast)) return void this.send(message(ID.reject, payload));
      if (this.#isChoking) return;
      this.#owed.push(request);
      if (!this.#isServing) this.#serve();
      return;
    }
    this.#peer.cancels.push(request);
    const at = this.#owed.findIndex((r) => r.piece === request.piece && r.begin === request.begin);
    if (at < 0) return;
    this.#owed.splice(at, 1);
    if (this.#peer.behaviour.fast) this.send(message(ID.reject, payload));
  }

  async #giveMetadata(payload: Uint8Array): Promise<void> {
    const { behaviour: { metadata }, torrent, host } = this.#peer;
    const part = askedPart(payload);
    if (metadata === undefined || part === undefined) return;
    this.#peer.partsAsked.push(part);
    if (metadata.partMs) await host.process.clock.sleep(metadata.partMs);
    for (const answer of metadataAnswers(torrent, part, metadata)) await this.send(answer);
  }

  async #serve(): Promise<void> {
    const peer = this.#peer;
    this.#isServing = true;
    while (this.#owed.length > 0) {
      const { behaviour, host } = peer;
      if (behaviour.blockMs) await host.process.clock.sleep(behaviour.blockMs);
      if (peer.served >= (behaviour.stallAfter ?? Infinity)) break;
      const request = this.#owed.shift();
      if (!request) break;
      if (!await this.send(this.#block(request))) break;
      peer.served++;
      if (++this.#served < (behaviour.closeAfter ?? Infinity)) continue;
      if (behaviour.closeWithReset) (this.#stream as SimStream).reset();
      else this.#stream.close();
      break;
    }
    this.#isServing = false;
  }

  #block(request: BlockRequest): Uint8Array {
    const { torrent, behaviour, served } = this.#peer;
    const start = request.piece * torrent.metainfo.pieceMap.pieceLength + request.begin;
    const block = torrent.content.slice(start, start + request.length);
    behaviour.spoil?.(block, request, served);
    return pieceMessage(request.piece, request.begin, block);
  }

  unchoke(): void {
    this.#isChoking = false;
    this.send(message(ID.unchoke));
  }

  choke(): void {
    this.#isChoking = true;
    this.send(message(ID.choke));
    for (const { piece, begin, length } of this.#owed.splice(0)) {
      const payload = [...u32(piece), ...u32(begin), ...u32(length)];
      if (this.#peer.behaviour.fast) this.send(message(ID.reject, payload));
    }
  }

  /** One write at a time, in the order of the calls. */
  send(bytes: Uint8Array): Promise<boolean> {
    const sent = this.#sending.then(() => bytes.length === 0 || this.#stream.write(bytes));
    this.#sending = sent;
    return sent;
  }
}
