/**
 * Local service discovery for all torrents of a session (BEP 14): gives the pure node of `lsd/` its multicast
 * groups and the time.
 *
 * The groups are joined when the first torrent begins to take part and left with the session. Where neither
 * can be joined a person is told once, and everything else goes on.
 *
 * @module
 */

import type { Address } from "../base/address.ts";
import { hex } from "../base/bytes.ts";
import { NetworkError } from "../base/errors.ts";
import { Scope } from "../base/scope.ts";
import { Wakeup } from "../base/wakeup.ts";
import { encodeLsd, LSD_GROUP_V4, LSD_GROUP_V6 } from "../lsd/message.ts";
import { LsdNode } from "../lsd/node.ts";
import type { GroupSocket, Network } from "../ports/network.ts";
import type { World } from "../ports/world.ts";

/** What the service needs of its session. */
export interface LsdParts {
  readonly world: Pick<World, "clock" | "random" | "log"> & {
    readonly network: Pick<Network, "joinGroup">;
  };
  /** Interfaces that take part, by name or IP literal; `undefined` for all. */
  readonly interfaces: readonly string[] | undefined;
  /** Where we accept peers; nothing is announced while it is 0. */
  readonly port: () => number;
  /** Called once, with a line for a person, where the local network cannot be used. */
  readonly onWarning: (message: string) => void;
}

/** A torrent that takes part. */
export interface LsdClient {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** Takes peers: they may be known, and hosts of the local network can make them up. */
  readonly onPeers: (peers: readonly Address[]) => void;
}

/** The local service discovery of a session. Disposing it leaves the groups. */
export class LsdService implements AsyncDisposable {
  readonly #parts: LsdParts;
  readonly #node: LsdNode;
  readonly #scope = new Scope("local service discovery");
  readonly #news = new Wakeup();
  readonly #clients = new Map<string, LsdClient>();
  #groups: { readonly address: Address; readonly socket: GroupSocket }[] = [];
  #isStarted = false;

  /** Joins nothing yet. */
  constructor(parts: LsdParts) {
    this.#parts = parts;
    this.#node = new LsdNode(parts.world.random);
  }

  /** Announces a torrent and hands on its peers until `signal` aborts. */
  async run(client: LsdClient, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const key = hex(client.infoHash);
    this.#clients.set(key, client);
    this.#node.add(key);
    this.#news.notify();
    if (!this.#isStarted) {
      this.#isStarted = true;
      this.#scope.spawn((inner) => this.#live(inner));
    }
    await new Promise<void>((resolve) =>
      signal.addEventListener("abort", () => resolve(), { once: true })
    );
    // Whoever fetched the metadata may have handed over to the download by now.
    if (this.#clients.get(key) !== client) return;
    this.#clients.delete(key);
    this.#node.delete(key);
  }

  /** Leaves the groups and ends what runs. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#scope[Symbol.asyncDispose]();
  }

  async #live(signal: AbortSignal): Promise<void> {
    await Promise.all([LSD_GROUP_V4, LSD_GROUP_V6].map((group) => this.#join(group, signal)));
    if (signal.aborted) return;
    if (!this.#groups.some(({ socket }) => socket.isMember)) {
      const effect = this.#groups.length > 0
        ? "others may find this one, but it does not hear of them"
        : "multicast does not work here";
      this.#parts.onWarning(`Cannot look for peers on the local network: ${effect}`);
    }
    if (this.#groups.length > 0) await this.#announce(signal);
  }

  async #join(address: Address, signal: AbortSignal): Promise<void> {
    const { interfaces, world: { network, log } } = this.#parts;
    let socket: GroupSocket;
    try {
      socket = await network.joinGroup(address, interfaces && { interfaces });
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error;
      log.write("info", "no multicast", { group: address.host, error: error.message });
      return;
    }
    if (signal.aborted) return socket.close();
    signal.addEventListener("abort", () => socket.close(), { once: true });
    this.#groups.push({ address, socket });
    this.#scope.spawn(() => this.#receive(socket));
  }

  async #receive(socket: GroupSocket): Promise<void> {
    const { clock } = this.#parts.world;
    for (let got = await socket.receive(); got !== null; got = await socket.receive()) {
      for (const { infoHash, address } of this.#node.onDatagram(got.data, got.from, clock.now())) {
        this.#clients.get(infoHash)?.onPeers([address]);
      }
      this.#news.notify();
    }
  }

  async #announce(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts.world;
    while (!signal.aborted) {
      const port = this.#parts.port();
      const messages = port > 0 ? this.#node.takeMessages(port, clock.now()) : [];
      for (const message of messages) {
        for (const { address, socket } of this.#groups) socket.send(encodeLsd(message, address));
      }
      await this.#pause(signal);
    }
  }

  /** Waits until something is due or may have become so. */
  async #pause(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts.world;
    const timer = new AbortController();
    const either = AbortSignal.any([signal, timer.signal]);
    const at = this.#node.nextAt();
    if (at < Infinity) {
      const ms = Math.max(LEAST_WAIT_MS, at - clock.now());
      clock.sleep(ms, { signal: either }).then(() => this.#news.notify(), () => {});
    }
    await this.#news.wait(signal);
    timer.abort();
  }
}

/** Without a listening port something is due all the time. */
const LEAST_WAIT_MS = 1000;
