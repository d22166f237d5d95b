/**
 * Lookups for one target, and nodes at distances of one's choice.
 *
 * @module
 */

import type { Contact } from "../../src/dht/contact.ts";
import { type Candidate, Lookup } from "../../src/dht/lookup.ts";
import { compareDistance, idAtDistance } from "../../src/dht/node_id.ts";
import { prng } from "../support/prng.ts";
import { idOf, lan, randomOf, stranger } from "./support.ts";

/** What is looked for. */
export const TARGET: Uint8Array = idOf();
/** Our own id. */
export const OWN: Uint8Array = idOf(0xff, 0xff);
/** What every node gives. */
export const TOKEN: Uint8Array = Uint8Array.of(1);

/** A lookup that knows nobody. */
export function setup(options: { density?: number; asksOutsiders?: boolean } = {}): Lookup {
  return new Lookup({ target: TARGET, ownId: OWN, ...options });
}

/** A contact on the LAN that shares `bits` bits with the target. */
export function near(bits: number, last: number): Contact {
  return lan(idAtDistance(TARGET, bits, randomOf(prng(last))), last);
}

/** All that the lookup wants to ask now. */
export function asked(lookup: Lookup): Candidate[] {
  const out: Candidate[] = [];
  for (let next = lookup.next(); next; next = lookup.next()) out.push(next);
  return out;
}

/** The IP addresses of nodes. */
export function hosts(list: readonly { address: { host: string } }[]): string[] {
  return list.map(({ address }) => address.host);
}

/** A node answers, and tells of others. */
export function answer(lookup: Lookup, candidate: Candidate, contacts: Contact[] = []): void {
  lookup.onAnswer(candidate, { id: candidate.id!, contacts, token: TOKEN });
}

/** A lookup with one node at a public address that has been asked. */
export function withPublicSource(): { lookup: Lookup; source: Candidate } {
  const lookup = setup({ asksOutsiders: true });
  lookup.add(stranger(randomOf(prng(77))));
  return { lookup, source: lookup.next()! };
}

/** A public contact that is closer to the target the higher `close` is and whose id fits. */
export function closeStranger(close: number, seed: number): Contact {
  const random = randomOf(prng(seed));
  let best = stranger(random);
  for (let i = 0; i < 2 ** close; i++) {
    const other = stranger(random);
    if (compareDistance(TARGET, other.id, best.id) < 0) best = other;
  }
  return best;
}

/** Eight of a list, others each turn. */
export function pick8<T>(list: readonly T[], turn: number): T[] {
  return Array.from({ length: 8 }, (_, i) => list[(7 * turn + i) % list.length]!);
}
