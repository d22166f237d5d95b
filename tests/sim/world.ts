/**
 * A simulated world: hosts on a network, a clock, and an event log. Everything that happens follows from
 * the seed, so the same test gives the same log, byte for byte.
 *
 * ```ts
 * const world = new SimWorld({ seed: 7 });
 * const host = world.host("10.0.0.1", { latencyMs: 20, downRate: 1e6 });
 * const session = await world.wait(Session.open(host.process));
 * await world.runUntil(() => isDone, { within: 60_000 });
 * ```
 *
 * Time moves only inside {@link SimWorld.run}, {@link SimWorld.runUntil} and {@link SimWorld.wait}. A host
 * has one process at a time; {@link SimHost.kill} freezes it like `kill -9`, {@link SimHost.boot} starts
 * the next one on the same disk.
 *
 * @module
 */

import { hex } from "../../src/base/bytes.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { World } from "../../src/ports/world.ts";
import { processCache, type SimCache } from "./cache.ts";
import { SimClock } from "./clock.ts";
import { SimDisk } from "./disk.ts";
import { ProcessFiles } from "./files.ts";
import { sha1, testHasher } from "./hasher.ts";
import { ProcessHttp, SimHttp, type SimServer } from "./http.ts";
import { Life } from "./life.ts";
import type { HostOptions, NetHost } from "./net_host.ts";
import { ProcessNetwork, SimNetwork } from "./network.ts";
import { SimRandom } from "./random.ts";

/** A world of its own. */
export class SimWorld {
  readonly seed: number;
  readonly clock: SimClock = new SimClock();
  readonly network: SimNetwork;
  readonly http: SimHttp = new SimHttp();
  /** What happened, one line each: `<ms> <host> <what>`. */
  readonly events: string[] = [];
  readonly #hosts = new Map<string, SimHost>();
  /** Digest over every delivery so far, chained. */
  readonly #traffic = new Digest();

  constructor(options: { seed: number }) {
    this.seed = options.seed;
    this.network = new SimNetwork({
      clock: this.clock,
      random: new SimRandom(this.seed, "network"),
      log: (host, text) => this.log(host.ips[0]!, text),
      onDeliver: (host, data) => this.#onDeliver(host, data),
    });
  }

  /** The host with this address (the first of several), made when it is new. */
  host(ips: string | readonly string[], options: HostOptions = {}): SimHost {
    const list = typeof ips === "string" ? [ips] : ips;
    let host = this.#hosts.get(list[0]!);
    if (!host) {
      host = new SimHost(this, this.network.add(list, options));
      for (const ip of list) this.#hosts.set(ip, host);
    }
    return host;
  }

  /** Adds a line to the event log. */
  log(who: string, text: string): void {
    this.events.push(`${this.clock.now().toFixed(3)} ${who} ${text}`);
  }

  /** The event log and all traffic in one short text, to compare two runs. */
  fingerprint(): string {
    const log = sha1(new TextEncoder().encode(this.events.join("\n")));
    return `${this.events.length} events ${hex(log)}, traffic ${this.#traffic}`;
  }

  /** Lets `ms` milliseconds pass. */
  async run(ms: number): Promise<void> {
    await this.clock.run(() => false, ms);
  }

  /**
   * Lets time pass until `condition` is true.
   *
   * @throws with the last lines of the event log when it is not after `within` milliseconds.
   */
  async runUntil(condition: () => boolean, options: { within: number }): Promise<void> {
    if (await this.clock.run(condition, options.within)) return;
    const tail = this.events.slice(-30).join("\n");
    throw new Error(`seed ${this.seed}: not within ${options.within} ms of world time:\n${tail}`);
  }

  /** Lets time pass until a promise settles, and gives its outcome. */
  async wait<T>(
    promise: Promise<T>,
    options: { within: number } = { within: 600_000 },
  ): Promise<T> {
    let isSettled = false;
    const settle = () => void (isSettled = true);
    promise.then(settle, settle);
    await this.runUntil(() => isSettled, options);
    return await promise;
  }

  #onDeliver(host: NetHost, data: Uint8Array): void {
    this.#traffic.add(this.clock.now());
    for (const c of host.ips[0]!) this.#traffic.add(c.charCodeAt(0));
    this.#traffic.add(data.length);
    const edge = Math.min(data.length, 32);
    for (let i = 0; i < edge; i++) {
      this.#traffic.add(data[i]!);
      this.#traffic.add(data[data.length - 1 - i]!);
    }
  }
}

/** A running digest of numbers, 64 bits; against accidents, not against forgery. */
class Digest {
  readonly #number = new Float64Array(1);
  readonly #bits = new Uint32Array(this.#number.buffer);
  #low = 0x811c9dc5;
  #high = 0x9e3779b9;

  add(value: number): void {
    this.#number[0] = value;
    this.#low = Math.imul(this.#low ^ this.#bits[0]!, 0x01000193) ^ (this.#high >>> 15);
    this.#high = Math.imul(this.#high ^ this.#bits[1]!, 0x85ebca6b) ^ (this.#low >>> 13);
  }

  toString(): string {
    return [this.#high, this.#low].map((n) => (n >>> 0).toString(16).padStart(8, "0")).join("");
  }
}

/** A host: an address, a disk, one process at a time. */
export class SimHost {
  readonly world: SimWorld;
  readonly net: NetHost;
  readonly disk: SimDisk = new SimDisk();
  readonly cache: SimCache = new Map();
  #life = new Life();
  #boots = 0;
  #process: World & { readonly network: ProcessNetwork };

  constructor(world: SimWorld, net: NetHost) {
    this.world = world;
    this.net = net;
    this.#process = this.#start();
  }

  /** Its first IP literal. */
  get ip(): string {
    return this.net.ips[0]!;
  }

  /** The outside world of the process that runs now; to be handed to a session. */
  get process(): World & { readonly network: ProcessNetwork } {
    return this.#process;
  }

  /** Streams open and dials under way. */
  get sockets(): number {
    return this.net.sockets.size;
  }

  /** Answers HTTP requests to a port. */
  serve(port: number, server: SimServer): void {
    this.world.http.serve(this.net, port, server);
  }

  /** Ends the process as `kill -9` does: its sockets close, its code never runs again. */
  kill(): void {
    this.world.log(this.ip, "is killed");
    this.#life.end();
  }

  /** Starts the next process, ending the one before, and gives its world. */
  boot(): World & { readonly network: ProcessNetwork } {
    if (this.#life.isAlive) this.kill();
    this.#life = new Life();
    this.#process = this.#start();
    return this.#process;
  }

  #start(): World & { readonly network: ProcessNetwork } {
    const { clock, http, network, seed } = this.world;
    const life = this.#life;
    return {
      system: "linux",
      clock: processClock(clock, life),
      random: new SimRandom(seed, `${this.ip} ${this.#boots++}`),
      hasher: testHasher,
      network: new ProcessNetwork(network, this.net, life),
      http: new ProcessHttp(http, network, this.net, life),
      files: new ProcessFiles(this.disk, clock, life),
      cache: processCache(this.cache, life),
      log: {
        write: (level, message, facts) => {
          const more = facts ? ` ${JSON.stringify(facts)}` : "";
          if (life.isAlive) this.world.log(this.ip, `says (${level}) ${message}${more}`);
        },
      },
    };
  }
}

function processClock(clock: SimClock, life: Life): Clock {
  return {
    now: () => clock.now(),
    epochMs: () => clock.epochMs(),
    sleep: (ms, options) => clock.sleep(ms, { ...options, guard: () => life.isAlive }),
  };
}
