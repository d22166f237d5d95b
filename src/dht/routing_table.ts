/**
 * The routing table (BEP 5): nodes that have answered us, in buckets by how many leading bits of our id they
 * share.
 *
 *     bucket 0    [half of all ids: those that differ in the first bit]   8 nodes, 8 spares
 *     bucket 1    [a quarter]                                             8 nodes, 8 spares
 *     …
 *     last        [everything closer, our own id included]                splits when it is full
 *
 * Nobody gets in by hearsay or by asking: only an answer that was matched to a query of ours makes a node, or
 * the table of an earlier run, whose nodes are named to nobody before they answer. Kept out are ids that do
 * not match their address (BEP 42), a second node at one address, and more than a few of one network.
 * Loopback and private addresses are exempt from these. Who never answers again gives way to a spare.
 *
 * https://www.bittorrent.org/beps/bep_0005.html
 *
 * @module
 */

import type { Millis } from "../base/units.ts";
import type { Random } from "../ports/random.ts";
import { type Contact, encodeContact, isSameAddress, placeOf } from "./contact.ts";
import {
  closeness,
  commonBits,
  compareDistance,
  ID_BITS,
  idAtDistance,
  idMatchesIp,
} from "./node_id.ts";

/** Nodes of a bucket, contacts of an answer, nodes an announce goes to (BEP 5). */
export const K = 8;
/** After so long without a sign of life a node is questionable, a bucket without change is refreshed (BEP 5). */
export const QUIET_MS = 900_000;
/** Nodes of one /24 or /64 that the table holds, spares included; a bucket holds one. */
export const MAX_PER_NET = 4;

/** How soon a node that owes us an answer is asked again. */
const RECHECK_MS = 60_000;
/** So many queries in a row without an answer make a node bad. */
const BAD_FAILURES = 2;
/** So many remove it though nobody waits for its place. */
const GONE_FAILURES = 5;
/** The estimate of the network's size needs a table that has been filled. */
const MATURE_NODES = 4 * K;

/** A node of the table. Owned and changed by the {@link RoutingTable} alone. */
export interface TableNode extends Contact {
  /** Its compact form: 26 or 38 bytes. */
  readonly compact: Uint8Array;
  /** When it last answered; `undefined` where it is only known from an earlier run. */
  readonly repliedAt: Millis | undefined;
  /** When it last answered or asked. */
  readonly seenAt: Millis;
  /** Queries in a row that it left without an answer. */
  readonly failures: number;
}

interface Entry extends TableNode {
  repliedAt: Millis | undefined;
  seenAt: Millis;
  checkedAt: Millis;
  failures: number;
  readonly host: string;
  readonly net: string | undefined;
}

interface Bucket {
  nodes: Entry[];
  /** Nodes that answered while the bucket was full, the latest last. */
  spares: Entry[];
  changedAt: Millis;
}

/** The nodes we know. Invariants: every node is in the bucket of its id, in one place only; a bucket with spares is full. */
export class RoutingTable {
  /** Our own id; it is in no bucket. */
  readonly ownId: Uint8Array;
  readonly #buckets: Bucket[];

  /**
   * One empty bucket.
   *
   * @param ownId 20 bytes.
   */
  constructor(ownId: Uint8Array, now: Millis) {
    this.ownId = ownId;
    this.#buckets = [{ nodes: [], spares: [], changedAt: now }];
  }

  /** How many nodes there are, spares not counted. */
  get size(): number {
    let size = 0;
    for (const bucket of this.#buckets) size += bucket.nodes.length;
    return size;
  }

  /** Nodes that have answered in this run and did not miss the last query. */
  get confirmed(): number {
    let count = 0;
    for (const bucket of this.#buckets) {
      for (const node of bucket.nodes) count += +isConfirmed(node);
    }
    return count;
  }

  /** The nodes of each bucket, from the farthest to ours, and their spares. For statistics and saving. */
  buckets(): { readonly nodes: readonly TableNode[]; readonly spares: readonly TableNode[] }[] {
    return this.#buckets.map(({ nodes, spares }) => ({ nodes, spares }));
  }

  /**
   * A node answered a query of ours: it is kept if there is a place. Gives the node whose place it might
   * take, if that one turns out to be gone: to be asked for a sign of life.
   */
  onReply(contact: Contact, now: Millis): TableNode | undefined {
    const known = this.#find(contact.id);
    if (known && isSameAddress(known.address, contact.address)) {
      known.repliedAt = known.seenAt = now;
      known.failures = 0;
      this.#bucketOf(contact.id).changedAt = now;
      return undefined;
    }
    if (!this.#mayEnter(contact, known)) return undefined;
    return this.#insert(makeEntry(contact, now, now), now);
  }

  /** A node asked us something. Gives whether it is worth a ping, so that it may enter the table. */
  onQuery(contact: Contact, now: Millis): boolean {
    const known = this.#find(contact.id);
    if (known && isSameAddress(known.address, contact.address)) {
      if (known.repliedAt === undefined) return true;
      known.seenAt = now;
      return false;
    }
    const bucket = this.#bucketOf(contact.id);
    const hasPlace = bucket.nodes.length < K || bucket.spares.length < K || this.#isLast(bucket);
    return hasPlace && this.#mayEnter(contact, known, true);
  }

  /** A node left a query without an answer, and it is not our line (see `suspicion.ts`). */
  onFailure(contact: Contact): void {
    const node = this.#find(contact.id);
    if (!node || !isSameAddress(node.address, contact.address)) return;
    node.failures++;
    const { spares } = this.#bucketOf(node.id);
    const isReplaceable = spares.includes(node) || (isBad(node) && spares.length > 0);
    if (isReplaceable || node.failures >= GONE_FAILURES) this.#remove(node);
  }

  /** Takes a node of an earlier run, to ask but not to name to others. Gives whether there was a place. */
  addSaved(contact: Contact, now: Millis): boolean {
    const bucket = this.#bucketOf(contact.id);
    const known = this.#find(contact.id);
    if (known || (bucket.nodes.length >= K && !this.#isLast(bucket))) return false;
    if (!this.#mayEnter(contact, known)) return false;
    this.#insert(makeEntry(contact, now, undefined), now);
    return this.#find(contact.id) !== undefined;
  }

  /** The nodes closest to `target`, the closest first, bad ones only where others do not suffice. For our own use. */
  closest(target: Uint8Array, count: number): TableNode[] {
    const found = this.#gather(target, count, (node) => !isBad(node));
    return found.length === count ? found : this.#gather(target, count, () => true);
  }

  /** The nodes closest to `target` that may be named to others: they answered us and did not fail since. */
  closestConfirmed(target: Uint8Array, count: number): TableNode[] {
    return this.#gather(target, count, isConfirmed);
  }

  /** A node that was silent for so long that it should be asked for a sign of life; not given again soon. */
  takeStale(now: Millis): TableNode | undefined {
    let stalest: Entry | undefined;
    let dueAt = now;
    for (const bucket of this.#buckets) {
      for (const node of bucket.nodes) {
        const due = isConfirmed(node)
          ? Math.max(node.seenAt, node.checkedAt) + QUIET_MS
          : node.checkedAt + RECHECK_MS;
        if (due <= dueAt) [stalest, dueAt] = [node, due];
      }
    }
    if (stalest) stalest.checkedAt = now;
    return stalest;
  }

  /** The node that answered last. */
  get freshest(): TableNode | undefined {
    let best: Entry | undefined;
    for (const { nodes } of this.#buckets) {
      for (const node of nodes) {
        if (isConfirmed(node) && !(best && best.repliedAt! >= node.repliedAt!)) best = node;
      }
    }
    return best;
  }

  /** A random id in a bucket that has not changed for long, to be looked up; not given again soon. */
  takeRefreshTarget(now: Millis, random: Random): Uint8Array | undefined {
    const last = this.#buckets.length - 1;
    for (const [index, bucket] of this.#buckets.entries()) {
      if (now - bucket.changedAt < QUIET_MS) continue;
      bucket.changedAt = now;
      const bits = index < last ? index : index + random.below(4);
      return idAtDistance(this.ownId, Math.min(bits, ID_BITS - 1), random);
    }
    return undefined;
  }

  /**
   * The {@link closeness} of the eighth closest node to any id, as it is around our own; `undefined` before the
   * table has been filled.
   */
  get density(): number | undefined {
    if (this.confirmed < MATURE_NODES) return undefined;
    return closeness(this.ownId, this.closestConfirmed(this.ownId, K)[K - 1]!.id);
  }

  /** The same nodes around another id of ours, as far as they have a place there. */
  withId(ownId: Uint8Array, now: Millis): RoutingTable {
    const table = new RoutingTable(ownId, now);
    for (const { nodes, spares } of this.#buckets) {
      for (const node of [...nodes, ...spares]) {
        if (table.#mayEnter(node, undefined)) table.#insert(node, now);
      }
    }
    return table;
  }

  #insert(entry: Entry, now: Millis): TableNode | undefined {
    let bucket = this.#bucketOf(entry.id);
    while (bucket.nodes.length >= K && this.#isLast(bucket)) {
      this.#split(bucket, now);
      bucket = this.#bucketOf(entry.id);
    }
    if (bucket.nodes.length >= K) {
      const place = bucket.nodes.findIndex(isBad);
      if (place < 0) {
        if (bucket.spares.push(entry) > K) bucket.spares.shift();
        return questionable(bucket, now);
      }
      bucket.nodes.splice(place, 1);
    }
    bucket.nodes.push(entry);
    bucket.changedAt = now;
    return undefined;
  }

  /**
   * Whether a contact may be a node. Bad nodes and former selves that stand in its way are removed, unless
   * it is only `considered`.
   */
  #mayEnter(contact: Contact, namesake: Entry | undefined, isConsidered = false): boolean {
    const { id, address } = contact;
    const { ip, host, net } = placeOf(address);
    if (commonBits(id, this.ownId) === ID_BITS || !idMatchesIp(id, ip)) return false;
    if (namesake && !isBad(namesake)) return false;
    const gone: Entry[] = namesake ? [namesake] : [];
    const home = this.#bucketOf(id);
    let neighbours = 0;
    for (const bucket of this.#buckets) {
      for (const list of [bucket.nodes, bucket.spares]) {
        for (const node of list) {
          if (node.host === host) {
            if (!isSameAddress(node.address, address) && !isBad(node)) return false;
            gone.push(node);
          } else if (net !== undefined && node.net === net) {
            if (isBad(node)) gone.push(node);
            else if (bucket === home || ++neighbours >= MAX_PER_NET) return false;
          }
        }
      }
    }
    if (!isConsidered) { for (const node of gone) this.#remove(node); }
    return true;
  }

  /** Removes a node; the spare that answered last moves up. */
  #remove(node: Entry): void {
    const bucket = this.#bucketOf(node.id);
    bucket.spares = bucket.spares.filter((n) => n !== node);
    const at = bucket.nodes.indexOf(node);
    if (at < 0) return;
    const spare = bucket.spares.pop();
    if (spare) bucket.nodes[at] = spare;
    else bucket.nodes.splice(at, 1);
  }

  #split(bucket: Bucket, now: Millis): void {
    const index = this.#buckets.length - 1;
    const isCloser = (node: Entry) => commonBits(node.id, this.ownId) > index;
    this.#buckets.push({
      nodes: bucket.nodes.filter(isCloser),
      spares: bucket.spares.filter(isCloser),
      changedAt: now,
    });
    bucket.nodes = bucket.nodes.filter((node) => !isCloser(node));
    bucket.spares = bucket.spares.filter((node) => !isCloser(node));
  }

  /**
   * The closest nodes that pass. With `p` the bits that the target shares with our id: bucket `p` shares more
   * with the target than any other, the buckets behind it share exactly `p`, those before it fewer and fewer.
   */
  #gather(target: Uint8Array, count: number, passes: (node: Entry) => boolean): Entry[] {
    const last = this.#buckets.length - 1;
    const home = Math.min(commonBits(target, this.ownId), last);
    const out: Entry[] = [];
    const take = (index: number) => {
      for (const node of this.#buckets[index]!.nodes) if (passes(node)) out.push(node);
    };
    take(home);
    if (out.length < count) { for (let i = home + 1; i <= last; i++) take(i); }
    for (let i = home - 1; i >= 0 && out.length < count; i--) take(i);
    out.sort((a, b) => compareDistance(target, a.id, b.id));
    if (out.length > count) out.length = count;
    return out;
  }

  #find(id: Uint8Array): Entry | undefined {
    const bucket = this.#bucketOf(id);
    const isIt = (node: Entry) => compareDistance(id, node.id, id) === 0;
    return bucket.nodes.find(isIt) ?? bucket.spares.find(isIt);
  }

  #bucketOf(id: Uint8Array): Bucket {
    return this.#buckets[Math.min(commonBits(id, this.ownId), this.#buckets.length - 1)]!;
  }

  #isLast(bucket: Bucket): boolean {
    return bucket === this.#buckets[this.#buckets.length - 1] && this.#buckets.length < ID_BITS;
  }
}

/** Whether a node answered within a quarter of an hour, or once and asked since then (BEP 5). */
export function isGood(node: TableNode, now: Millis): boolean {
  return isConfirmed(node) && now - node.seenAt < QUIET_MS;
}

function isConfirmed(node: TableNode): boolean {
  return node.repliedAt !== undefined && node.failures === 0;
}

function isBad(node: TableNode): boolean {
  return node.failures >= (node.repliedAt === undefined ? 1 : BAD_FAILURES);
}

/** The node of a bucket that has been silent for longest, if for long enough to doubt it. */
function questionable(bucket: Bucket, now: Millis): TableNode | undefined {
  let oldest: Entry | undefined;
  for (const node of bucket.nodes) {
    if (isGood(node, now) || now - node.checkedAt < RECHECK_MS) continue;
    if (!oldest || node.seenAt < oldest.seenAt) oldest = node;
  }
  if (oldest) oldest.checkedAt = now;
  return oldest;
}

function makeEntry(contact: Contact, now: Millis, repliedAt: Millis | undefined): Entry {
  const { id, address } = contact;
  const { host, net } = placeOf(address);
  return {
    id,
    address,
    compact: encodeContact(contact),
    repliedAt,
    seenAt: repliedAt ?? -Infinity,
    checkedAt: repliedAt ?? now - RECHECK_MS,
    failures: 0,
    host,
    net,
  };
}
