/**
 * Which addresses are ours: those that our connections have at this end, and the one that enough peers say
 * they see us at (`yourip`, BEP 10).
 *
 * It tells peers apart from ourselves, and which of our addresses a peer sees, for canonical priority
 * (BEP 40): "an IP address given via BEP 10 as a hint, but should not blindly trust it".
 *
 * @module
 */

import { type Address, formatIp, isLocalIp, isUnicast } from "../base/address.ts";
import { AddressVote } from "../dht/address_vote.ts";

/** Addresses at our end that are remembered. */
const MAX_OWN = 16;

/** Our addresses. */
export class OwnAddresses {
  readonly #hosts = new Set<string>();
  readonly #votes = { 4: new AddressVote(), 6: new AddressVote() };
  readonly #external: { 4: string | undefined; 6: string | undefined } = {
    4: undefined,
    6: undefined,
  };

  /** A connection has this address at our end. True when that is news. */
  learn(host: string): boolean {
    if (this.#hosts.has(host) || this.#hosts.size >= MAX_OWN) return false;
    this.#hosts.add(host);
    return true;
  }

  /** A peer says that it sees us at these 4 or 16 bytes. True when something new is believed. */
  hear(voter: Address, yourIp: Uint8Array): boolean {
    if (!isUnicast(yourIp)) return false;
    const host = formatIp(yourIp);
    if (isLocalIp(host) || isLocalIp(voter.host)) return false;
    const family = familyOf(host);
    const won = this.#votes[family].add(voter, host);
    if (won === undefined || won === this.#external[family]) return false;
    this.#external[family] = won;
    return true;
  }

  /** Whether an address is this program: our port at an address of ours. */
  isUs({ host, port }: Address, ourPort: number): boolean {
    if (port !== ourPort) return false;
    return host.startsWith("127.") || host === "::1" || this.#hosts.has(host) ||
      this.#external[familyOf(host)] === host;
  }

  /** The address of ours that the host sees; `undefined` while it is not known. */
  facing(host: string): string | undefined {
    const family = familyOf(host);
    const isLocal = isLocalIp(host);
    if (!isLocal && this.#external[family] !== undefined) return this.#external[family];
    for (const own of this.#hosts) {
      if (familyOf(own) === family && isLocalIp(own) === isLocal) return own;
    }
    return undefined;
  }
}

function familyOf(host: string): 4 | 6 {
  return host.includes(":") ? 6 : 4;
}
