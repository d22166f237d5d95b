/**
 * Who is to blame when a query was not answered: the node, or our own line?
 *
 * A node is blamed when somebody else was heard meanwhile, or is shortly after. So that this is found out when
 * nothing else is going on, another node is asked for a sign of life. While we are off line nobody is blamed,
 * and the routing table survives.
 *
 * @module
 */

import type { Millis } from "../base/units.ts";
import type { Contact } from "./contact.ts";

/** How long after its failure a node can still be blamed. */
const SUSPECT_MS = 10_000;
/** Nodes under suspicion at the most. */
const MAX_SUSPECTS = 64;

interface Suspect {
  readonly contact: Contact;
  readonly until: Millis;
}

/** Nodes that did not answer while nobody else did. */
export class Suspicion {
  #heardAt: Millis = -Infinity;
  #askedAt: Millis = -Infinity;
  #suspects: Suspect[] = [];

  /** A node was heard. Gives those that are to blame for not having been. */
  onHeard(now: Millis): Contact[] {
    this.#heardAt = now;
    if (this.#suspects.length === 0) return [];
    const guilty = this.#suspects.filter((suspect) => suspect.until > now);
    this.#suspects = [];
    return guilty.map((suspect) => suspect.contact);
  }

  /** A node did not answer what was sent at `sentAt`. Gives whether it is to blame already. */
  isGuilty(contact: Contact, sentAt: Millis, now: Millis): boolean {
    if (this.#heardAt >= sentAt) return true;
    if (this.#suspects.length >= MAX_SUSPECTS) this.#suspects.shift();
    this.#suspects.push({ contact, until: now + SUSPECT_MS });
    return false;
  }

  /** Whether to ask another node for a sign of life, for the sake of the suspects; not again soon. */
  takeWitnessCall(now: Millis): boolean {
    if (this.#suspects.length === 0 || now - this.#askedAt < SUSPECT_MS) return false;
    this.#askedAt = now;
    return true;
  }
}
