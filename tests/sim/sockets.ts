/**
 * The sockets of simulated hosts: connection attempts, listeners, datagrams.
 *
 * @module
 */

import { type Address, formatAddress } from "../../src/base/address.ts";
import { NetworkError } from "../../src/base/errors.ts";
import type { ByteStream, Datagram, DatagramSocket, Listener } from "../../src/ports/network.ts";
import { Inbox } from "./inbox.ts";
import type { Life } from "./life.ts";
import type { Knock, NetHost, NetState } from "./net_host.ts";
import { SimStream } from "./stream.ts";

/** What a kernel gives up a connection attempt after, when nobody answers. */
const SYN_TIMEOUT_MS = 127_000;
/** Connections that wait to be accepted, datagrams that wait to be received. */
const BACKLOG = 128;
const DATAGRAM_BACKLOG = 512;
const MAX_DATAGRAM_BYTES = 65_507;

/** Who wants a connection, and who is told how it went. */
export interface DialRequest {
  readonly life: Life;
  readonly local: Address;
  readonly resolve: (stream: SimStream) => void;
  readonly reject: (error: unknown) => void;
  readonly signal: AbortSignal | undefined;
}

/** One connection attempt; it counts as a socket of its host until it is settled. */
export class Dial {
  readonly #net: NetState;
  readonly #host: NetHost;
  readonly #request: DialRequest;
  readonly #forget: () => void;
  readonly #giveUp: { cancel(): void };
  #isSettled = false;

  constructor(net: NetState, host: NetHost, request: DialRequest) {
    this.#net = net;
    this.#host = host;
    this.#request = request;
    host.sockets.add(this);
    this.#forget = request.life.atDeath(() => this.#settle());
    request.signal?.addEventListener("abort", this.#onAbort, { once: true });
    this.#giveUp = net.clock.at(
      net.clock.now() + SYN_TIMEOUT_MS,
      () => this.#fail("timeout", "Cannot connect: no answer"),
    );
  }

  start(address: Address): void {
    const { clock } = this.#net;
    this.#net.log(this.#host, `dials ${formatAddress(address)}`);
    const target = this.#net.hostAt(address.host);
    // Nobody has the address: a router says so, sooner or never; never is the harder case.
    if (!target || target.options.firewall === "drop") return;
    const oneWay = this.#net.delay(this.#host, target, true);
    clock.at(clock.now() + oneWay, () => {
      if (this.#isSettled || this.#net.isCut(this.#host, target)) return false;
      this.#knock(target, address);
    });
  }

  #knock(target: NetHost, address: Address): void {
    let far: SimStream | undefined;
    const knock: Knock = {
      from: this.#request.local,
      connect: (life) => {
        const near = { host: this.#host, life: this.#request.life, local: this.#request.local };
        const there = { host: target, life, local: address };
        const [ours, theirs] = SimStream.pair(this.#net, near, there);
        far = ours;
        return theirs.attach();
      },
    };
    const port = target.tcp.get(address.port);
    const isTaken = port?.accept(knock) ?? false;
    if (port && !isTaken) return;
    const { clock } = this.#net;
    clock.at(clock.now() + this.#net.delay(target, this.#host, false), () => {
      if (far && this.#isSettled) far.reset();
      else if (far) this.#succeed(far);
      else this.#fail("refused", `Cannot connect to ${formatAddress(address)}: refused`);
    });
  }

  #succeed(stream: SimStream): void {
    this.#settle();
    this.#request.resolve(stream.attach());
  }

  #fail(kind: "refused" | "timeout", message: string): void {
    if (this.#isSettled) return;
    this.#settle();
    this.#net.log(this.#host, `fails to dial: ${kind}`);
    this.#request.reject(new NetworkError(kind, message));
  }

  readonly #onAbort = () => {
    if (this.#isSettled) return;
    this.#settle();
    this.#request.reject(this.#request.signal?.reason);
  };

  #settle(): void {
    this.#isSettled = true;
    this.#forget();
    this.#giveUp.cancel();
    this.#host.sockets.delete(this);
    this.#request.signal?.removeEventListener("abort", this.#onAbort);
  }
}

/** Listens on a port of a simulated host. */
export class SimListener implements Listener {
  readonly address: Address;
  readonly #net: NetState;
  readonly #host: NetHost;
  readonly #life: Life;
  readonly #forget: () => void;
  readonly #inbox: Inbox<ByteStream>;

  constructor(net: NetState, host: NetHost, life: Life, port: number) {
    this.#net = net;
    this.#host = host;
    this.#life = life;
    this.#inbox = new Inbox(life, BACKLOG);
    this.address = { host: host.ips[0]!, port };
    host.tcp.set(port, { accept: (knock) => this.#take(knock) });
    this.#forget = life.atDeath(() => this.#shut());
  }

  accept(): Promise<ByteStream | null> {
    return this.#inbox.take();
  }

  close(): void {
    if (this.#life.isAlive) this.#shut();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #take(knock: Knock): boolean {
    if (this.#inbox.isFull) return false;
    this.#net.log(this.#host, `is dialled by ${formatAddress(knock.from)}`);
    return this.#inbox.put(knock.connect(this.#life));
  }

  #shut(): void {
    if (!this.#inbox.isOpen) return;
    this.#forget();
    this.#host.tcp.delete(this.address.port);
    for (const stream of this.#inbox.close()) stream.close();
  }
}

/** A datagram socket of a simulated host. */
export class SimDatagramSocket implements DatagramSocket {
  readonly address: Address;
  readonly #net: NetState;
  readonly #host: NetHost;
  readonly #life: Life;
  readonly #forget: () => void;
  readonly #inbox: Inbox<Datagram>;

  constructor(net: NetState, host: NetHost, life: Life, port: number) {
    this.#net = net;
    this.#host = host;
    this.#life = life;
    this.#inbox = new Inbox(life, DATAGRAM_BACKLOG);
    // Of both families, where the host has both.
    const isV6 = host.ips.some((ip) => ip.includes(":"));
    this.address = { host: isV6 ? "::" : host.ips[0]!, port };
    host.udp.set(port, { accept: (datagram) => this.#inbox.put(datagram) });
    this.#forget = life.atDeath(() => this.#shut());
  }

  send(data: Uint8Array, to: Address): void {
    if (!this.#inbox.isOpen || !this.#life.isAlive || data.length > MAX_DATAGRAM_BYTES) return;
    const net = this.#net;
    const target = net.hostAt(to.host);
    if (!target || net.isCut(this.#host, target) || net.isLost(this.#host, target)) return;
    const isV6 = to.host.includes(":");
    const host = this.#host.ips.find((ip) => ip.includes(":") === isV6) ?? this.#host.ips[0]!;
    const datagram = { data: data.slice(), from: { host, port: this.address.port } };
    const arrival = net.clock.now() + net.delay(this.#host, target, false);
    net.clock.at(arrival, () => {
      if (!target.udp.get(to.port)?.accept(datagram)) return false;
      net.onDeliver(target, datagram.data);
    });
  }

  receive(): Promise<Datagram | null> {
    return this.#inbox.take();
  }

  close(): void {
    if (this.#life.isAlive) this.#shut();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #shut(): void {
    if (!this.#inbox.isOpen) return;
    this.#forget();
    this.#host.udp.delete(this.address.port);
    this.#inbox.close();
  }
}
