/**
 * The simulated network: hosts with addresses, latency, rates and loss; connections, datagrams and names
 * between them; cuts that can be healed.
 *
 * All of it follows from the world's seed and clock. A process sees it through {@link ProcessNetwork},
 * which stops answering when the process dies.
 *
 * @module
 */

import { type Address, parseIp } from "../../src/base/address.ts";
import { NetworkError } from "../../src/base/errors.ts";
import type {
  DatagramSocket,
  GroupOptions,
  GroupSocket,
  Listener,
  Network,
} from "../../src/ports/network.ts";
import type { SimClock } from "./clock.ts";
import { SimGroups, SimGroupSocket } from "./group.ts";
import type { Life } from "./life.ts";
import { Link } from "./link.ts";
import type { HostOptions, NetHost, NetState } from "./net_host.ts";
import type { SimRandom } from "./random.ts";
import { Dial, SimDatagramSocket, SimListener } from "./sockets.ts";
import type { SimStream } from "./stream.ts";

/** The network of a world. */
export class SimNetwork implements NetState {
  readonly clock: SimClock;
  readonly windowBytes: number = 1 << 20;
  /** Names that resolve, with their IP literals. */
  readonly names: Map<string, readonly string[]> = new Map();
  /** Multicast groups. */
  readonly groups: SimGroups = new SimGroups();
  readonly #random: SimRandom;
  readonly #byIp = new Map<string, NetHost>();
  readonly #cuts = new Set<string>();
  readonly #healed = new Set<() => void>();
  readonly #log: (host: NetHost, text: string) => void;
  readonly #onDeliver: (host: NetHost, data: Uint8Array) => void;

  constructor(options: {
    clock: SimClock;
    random: SimRandom;
    log?: (host: NetHost, text: string) => void;
    onDeliver?: (host: NetHost, data: Uint8Array) => void;
  }) {
    this.clock = options.clock;
    this.#random = options.random;
    this.#log = options.log ?? (() => {});
    this.#onDeliver = options.onDeliver ?? (() => {});
  }

  /** Adds a host with one or more addresses. */
  add(ips: readonly string[], options: HostOptions = {}): NetHost {
    const host: NetHost = {
      ips,
      options: {
        latencyMs: 10,
        upRate: Infinity,
        downRate: Infinity,
        loss: 0,
        segmentBytes: 0,
        firewall: "open",
        lan: "",
        ...options,
      },
      uplink: new Link(this.clock, options.upRate ?? Infinity, options.segmentBytes),
      downlink: new Link(this.clock, options.downRate ?? Infinity),
      tcp: new Map(),
      udp: new Map(),
      sockets: new Set(),
    };
    for (const ip of ips) {
      if (this.#byIp.has(ip)) throw new Error(`Cannot add host: ${ip} is taken`);
      this.#byIp.set(ip, host);
    }
    return host;
  }

  /** The host with an address. */
  hostAt(ip: string): NetHost | undefined {
    return this.#byIp.get(ip);
  }

  /** Lets nothing pass between two hosts until {@link heal}: streams wait, datagrams are lost. */
  cut(a: NetHost, b: NetHost): void {
    this.#cuts.add(pairKey(a, b));
  }

  /** Undoes every cut; what streams were holding goes on its way. */
  heal(): void {
    this.#cuts.clear();
    const waiting = [...this.#healed];
    this.#healed.clear();
    for (const then of waiting) then();
  }

  isCut(a: NetHost, b: NetHost): boolean {
    return this.#cuts.size > 0 && this.#cuts.has(pairKey(a, b));
  }

  whenHealed(then: () => void): void {
    this.#healed.add(then);
  }

  delay(from: NetHost, to: NetHost, mayBeLost: boolean): number {
    const oneWay = from.options.latencyMs + to.options.latencyMs;
    if (!mayBeLost || !this.isLost(from, to)) return oneWay;
    // A lost segment is sent again after a retransmission timeout of at least 200 ms (Linux).
    return oneWay + Math.max(200, 2 * oneWay);
  }

  /** Draws whether a packet is lost. */
  isLost(from: NetHost, to: NetHost): boolean {
    const loss = 1 - (1 - from.options.loss) * (1 - to.options.loss);
    return loss > 0 && this.#random.fraction() < loss;
  }

  log(host: NetHost, text: string): void {
    this.#log(host, text);
  }

  onDeliver(host: NetHost, data: Uint8Array): void {
    this.#onDeliver(host, data);
  }
}

/** The network as one process of a host sees it. */
export class ProcessNetwork implements Network {
  readonly #net: SimNetwork;
  readonly #host: NetHost;
  readonly #life: Life;
  #nextPort = 49_152;

  constructor(net: SimNetwork, host: NetHost, life: Life) {
    this.#net = net;
    this.#host = host;
    this.#life = life;
  }

  dial(address: Address, options: { signal?: AbortSignal } = {}): Promise<SimStream> {
    const { signal } = options;
    if (!this.#life.isAlive) return new Promise(() => {});
    if (signal?.aborted) return Promise.reject(signal.reason);
    return this.#life.guard(
      new Promise((resolve, reject) => {
        const attempt = new Dial(this.#net, this.#host, {
          life: this.#life,
          local: this.#localFor(address.host),
          resolve,
          reject,
          signal,
        });
        attempt.start(address);
      }),
    );
  }

  listen(options: { port: number; host?: string }): Promise<Listener> {
    if (!this.#life.isAlive) return new Promise(() => {});
    if (options.port !== 0 && this.#host.tcp.has(options.port)) {
      return Promise.reject(new NetworkError("in-use", `Cannot listen on port ${options.port}`));
    }
    const port = options.port || this.#freePort(this.#host.tcp);
    return Promise.resolve(new SimListener(this.#net, this.#host, this.#life, port));
  }

  bindUdp(options: { port: number; host?: string }): Promise<DatagramSocket> {
    if (!this.#life.isAlive) return new Promise(() => {});
    if (options.port !== 0 && this.#host.udp.has(options.port)) {
      return Promise.reject(new NetworkError("in-use", `Cannot bind port ${options.port}`));
    }
    const port = options.port || this.#freePort(this.#host.udp);
    return Promise.resolve(new SimDatagramSocket(this.#net, this.#host, this.#life, port));
  }

  joinGroup(group: Address, { interfaces }: GroupOptions = {}): Promise<GroupSocket> {
    if (!this.#life.isAlive) return new Promise(() => {});
    const isV6 = group.host.includes(":");
    const isWanted = (ip: string) => interfaces?.includes(ip) ?? true;
    const ip = this.#host.ips.find((ip) => ip.includes(":") === isV6 && isWanted(ip));
    if (ip === undefined) {
      return Promise.reject(new NetworkError("unreachable", `Cannot join group ${group.host}`));
    }
    const members = this.#net.groups.membersFor(this.#host, group);
    const from = { host: ip, port: group.port };
    const who = { host: this.#host, life: this.#life, from, members };
    return Promise.resolve(new SimGroupSocket(this.#net, who));
  }

  async resolve(host: string, options: { signal?: AbortSignal } = {}): Promise<string[]> {
    if (parseIp(host)) return [host];
    const { signal } = options;
    await this.#net.clock.sleep(2 * this.#host.options.latencyMs, {
      ...(signal && { signal }),
      guard: () => this.#life.isAlive,
    });
    const ips = this.#net.names.get(host.toLowerCase());
    if (!ips) throw new NetworkError("unreachable", `Cannot resolve "${host}": no such name`);
    return [...ips];
  }

  #localFor(remote: string): Address {
    const isV6 = remote.includes(":");
    const host = this.#host.ips.find((ip) => ip.includes(":") === isV6) ?? this.#host.ips[0]!;
    return { host, port: this.#nextPort++ };
  }

  #freePort(taken: ReadonlyMap<number, unknown>): number {
    while (taken.has(this.#nextPort)) this.#nextPort++;
    return this.#nextPort++;
  }
}

function pairKey(a: NetHost, b: NetHost): string {
  return [a.ips[0]!, b.ips[0]!].sort().join(" ");
}
