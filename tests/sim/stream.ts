/**
 * Simulated byte streams: two pipes, one each way.
 *
 * ```
 * write() -> waits for room -> uplink -> latency -> downlink -> receive queue -> read()
 *            |<----------------- at most `windowBytes` ----------------->|
 * ```
 *
 * Bytes stay in order whatever the delays. A writer is held back while the window is full, so a peer
 * that does not read stops the one that writes. The end of a stream travels behind its data; a reset
 * overtakes it.
 *
 * @module
 */

import { type Address, formatAddress } from "../../src/base/address.ts";
import type { ByteStream } from "../../src/ports/network.ts";
import type { Sender } from "./link.ts";
import type { Life } from "./life.ts";
import type { NetHost, NetState } from "./net_host.ts";

interface PendingWrite {
  readonly data: Uint8Array;
  at: number;
  readonly resolve: (alive: boolean) => void;
}

interface PendingRead {
  readonly into: Uint8Array;
  readonly resolve: (bytes: number | null) => void;
}

/** One direction of a stream. */
class Pipe implements Sender {
  readonly #net: NetState;
  readonly #from: NetHost;
  readonly #to: NetHost;
  readonly #received: Uint8Array[] = [];
  readonly #held: (Uint8Array | "end")[] = [];
  #write: PendingWrite | undefined;
  #read: PendingRead | undefined;
  #unread = 0;
  #lastArrival = 0;
  #isClosed = false;
  #hasEnded = false;
  /** Tells the stream at the receiving side that this direction is over. */
  onEnd: () => void = () => {};

  constructor(net: NetState, from: NetHost, to: NetHost) {
    this.#net = net;
    this.#from = from;
    this.#to = to;
  }

  write(data: Uint8Array): Promise<boolean> {
    if (this.#isClosed) return Promise.resolve(false);
    if (this.#write) throw new Error("Cannot write: another write is under way");
    if (data.length === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      this.#write = { data, at: 0, resolve };
      this.#from.uplink.enqueue(this);
    });
  }

  read(into: Uint8Array): Promise<number | null> {
    if (this.#read) throw new Error("Cannot read: another read is under way");
    if (into.length === 0) throw new Error("Cannot read: no room");
    return new Promise((resolve) => {
      this.#read = { into, resolve };
      this.#serveRead();
    });
  }

  take(max: number): Uint8Array | undefined {
    const write = this.#write;
    if (!write || this.#isClosed) return undefined;
    const room = this.#net.windowBytes - this.#unread;
    const length = Math.min(max, write.data.length - write.at, room);
    if (length <= 0) return undefined;
    const segment = write.data.slice(write.at, write.at + length);
    write.at += length;
    this.#unread += length;
    return segment;
  }

  depart(segment: Uint8Array): void {
    const write = this.#write;
    if (write && write.at === write.data.length) {
      this.#write = undefined;
      write.resolve(true);
    }
    this.#travel(segment);
  }

  /** No more is written; what has left still arrives. */
  finish(): void {
    if (this.#isClosed) return;
    this.stopWriting();
    this.#travel("end");
  }

  /** Nobody reads any more: what has come and what still comes is dropped. */
  discard(): void {
    this.#received.length = 0;
    this.#unread = 0;
    this.#hasEnded = true;
    this.#serveRead();
  }

  /** Writes fail from now on. */
  stopWriting(): void {
    this.#isClosed = true;
    const write = this.#write;
    this.#write = undefined;
    write?.resolve(false);
  }

  #travel(what: Uint8Array | "end"): void {
    const arrival = this.#net.clock.now() + this.#net.delay(this.#from, this.#to, what !== "end");
    this.#lastArrival = Math.max(this.#lastArrival, arrival);
    this.#net.clock.at(this.#lastArrival, () => this.#arrive(what));
  }

  #arrive(what: Uint8Array | "end"): void | false {
    if (this.#held.length > 0 || this.#net.isCut(this.#from, this.#to)) {
      if (this.#held.length === 0) this.#net.whenHealed(() => this.#resume());
      this.#held.push(what);
      return false;
    }
    const passed = this.#to.downlink.passes(what === "end" ? 0 : what.length);
    if (passed <= this.#net.clock.now()) return this.#deliver(what);
    this.#net.clock.at(passed, () => this.#deliver(what));
    return false;
  }

  #resume(): void {
    for (const what of this.#held.splice(0)) this.#travel(what);
  }

  #deliver(what: Uint8Array | "end"): void | false {
    if (this.#hasEnded) return this.#drop(what);
    if (what === "end") {
      this.#hasEnded = true;
      this.onEnd();
    } else {
      this.#received.push(what);
      this.#net.onDeliver(this.#to, what);
    }
    const waiting = this.#read;
    this.#serveRead();
    if (what !== "end" && !waiting) return false;
  }

  #drop(what: Uint8Array | "end"): false {
    if (what === "end") this.onEnd();
    else this.#free(what.length);
    return false;
  }

  #free(bytes: number): void {
    this.#unread = Math.max(0, this.#unread - bytes);
    if (this.#write) this.#from.uplink.enqueue(this);
  }

  #serveRead(): void {
    const read = this.#read;
    if (!read) return;
    let bytes = 0;
    while (this.#received.length > 0 && bytes < read.into.length) {
      const first = this.#received[0]!;
      const part = first.subarray(0, read.into.length - bytes);
      read.into.set(part, bytes);
      bytes += part.length;
      if (part.length === first.length) this.#received.shift();
      else this.#received[0] = first.subarray(part.length);
    }
    if (bytes === 0 && !this.#hasEnded) return;
    this.#read = undefined;
    if (bytes > 0) this.#free(bytes);
    read.resolve(bytes > 0 ? bytes : null);
  }
}

/** One end of a simulated stream. */
export class SimStream implements ByteStream {
  readonly remote: Address;
  readonly local: Address;
  readonly #net: NetState;
  readonly #host: NetHost;
  readonly #life: Life;
  readonly #in: Pipe;
  readonly #out: Pipe;
  readonly #forget: () => void;
  #isOpen = true;
  #other: SimStream | undefined;

  private constructor(
    net: NetState,
    end: { host: NetHost; life: Life; local: Address; remote: Address },
    pipes: { in: Pipe; out: Pipe },
  ) {
    this.#net = net;
    this.#host = end.host;
    this.#life = end.life;
    this.local = end.local;
    this.remote = end.remote;
    this.#in = pipes.in;
    this.#out = pipes.out;
    this.#in.onEnd = () => this.#out.stopWriting();
    this.#forget = this.#life.atDeath(() => this.#shut());
  }

  /** Two connected ends. */
  static pair(
    net: NetState,
    a: { host: NetHost; life: Life; local: Address },
    b: { host: NetHost; life: Life; local: Address },
  ): [SimStream, SimStream] {
    const there = new Pipe(net, a.host, b.host);
    const back = new Pipe(net, b.host, a.host);
    const first = new SimStream(net, { ...a, remote: b.local }, { in: back, out: there });
    const second = new SimStream(net, { ...b, remote: a.local }, { in: there, out: back });
    first.#other = second;
    second.#other = first;
    return [first, second];
  }

  /** Counts as a socket of its host from now on; before, the connection attempt did. */
  attach(): this {
    if (this.#isOpen) this.#host.sockets.add(this);
    return this;
  }

  read(into: Uint8Array): Promise<number | null> {
    if (!this.#isOpen) return this.#life.guard(Promise.resolve(null));
    return this.#life.guard(this.#in.read(into));
  }

  write(data: Uint8Array): Promise<boolean> {
    if (!this.#isOpen) return this.#life.guard(Promise.resolve(false));
    return this.#life.guard(this.#out.write(data));
  }

  close(): void {
    if (this.#life.isAlive) this.#shut();
  }

  /** Closes with a reset: the other end loses what it has not read yet. */
  reset(): void {
    if (!this.#isOpen || !this.#life.isAlive) return;
    this.#shut();
    const { clock } = this.#net;
    const other = this.#other!;
    clock.at(clock.now() + this.#net.delay(this.#host, other.#host, false), () => {
      other.#in.discard();
      other.#out.stopWriting();
    });
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #shut(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#forget();
    this.#host.sockets.delete(this);
    this.#net.log(this.#host, `closes ${formatAddress(this.remote)}`);
    this.#out.finish();
    this.#in.discard();
  }
}
