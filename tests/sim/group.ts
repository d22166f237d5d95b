/**
 * Multicast between simulated hosts: who is on the same local network and in the same group hears what is
 * sent, the sender included. A host without a local network is alone in every group.
 *
 * @module
 */

import { type Address, formatAddress } from "../../src/base/address.ts";
import type { Datagram, GroupSocket } from "../../src/ports/network.ts";
import { Inbox } from "./inbox.ts";
import type { Life } from "./life.ts";
import type { NetHost, NetState } from "./net_host.ts";

const BACKLOG = 128;

/** The groups of a network, by local network and group. */
export class SimGroups {
  readonly #members = new Map<string, Set<SimGroupSocket>>();

  /** Those whom a datagram of `host` reaches. */
  membersFor(host: NetHost, group: Address): Set<SimGroupSocket> {
    const { lan } = host.options;
    const key = `${lan === "" ? host.ips[0] : lan} ${formatAddress(group)}`;
    const members = this.#members.get(key) ?? new Set();
    this.#members.set(key, members);
    return members;
  }
}

/** A host's membership in a group. */
export class SimGroupSocket implements GroupSocket {
  readonly isMember = true;
  readonly host: NetHost;
  readonly #net: NetState;
  readonly #life: Life;
  readonly #members: Set<SimGroupSocket>;
  readonly #from: Address;
  readonly #forget: () => void;
  readonly #inbox: Inbox<Datagram>;

  /** A member at once; `from` is where its datagrams come from. */
  constructor(
    net: NetState,
    who: { host: NetHost; life: Life; from: Address; members: Set<SimGroupSocket> },
  ) {
    this.#net = net;
    this.host = who.host;
    this.#life = who.life;
    this.#inbox = new Inbox(who.life, BACKLOG);
    this.#members = who.members;
    this.#from = who.from;
    this.#members.add(this);
    this.#forget = who.life.atDeath(() => this.#shut());
  }

  send(data: Uint8Array): void {
    if (!this.#members.has(this) || !this.#life.isAlive) return;
    const net = this.#net;
    for (const member of this.#members) {
      if (net.isCut(this.host, member.host) || net.isLost(this.host, member.host)) continue;
      const datagram = { data: data.slice(), from: this.#from };
      net.clock.at(net.clock.now() + net.delay(this.host, member.host, false), () => {
        if (!member.#inbox.put(datagram)) return false;
        net.onDeliver(member.host, datagram.data);
      });
    }
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
    if (!this.#members.delete(this)) return;
    this.#forget();
    this.#inbox.close();
  }
}
