/**
 * Peer exchange (BEP 11, https://www.bittorrent.org/beps/bep_0011.html): peers tell each other, once a
 * minute at the most, to whom they have got connected and whom they have lost.
 *
 * Told is who is connected now at an address that can be dialled: one that we dialled, or the listening port
 * that a peer named after it had dialled us. While these are few, those are told, too, with whom we just had no
 * more business: seeds leave each other, and yet a newcomer needs to hear of them. Private addresses stay among
 * private addresses, both ways. Believed is little: a message a minute, a bounded number of addresses a message
 * and a peer. A torrent that may not use PEX does not have this extension at all (peer_sources.ts).
 *
 * @module
 */

import { type Address, formatAddress, isLocalIp } from "../base/address.ts";
import { PeerError } from "../base/errors.ts";
import { LatestMap } from "../base/latest_map.ts";
import type { Millis } from "../base/units.ts";
import {
  decodePex,
  encodePex,
  MAX_PEX_PEERS,
  PEX_HOLEPUNCH,
  PEX_PREFERS_ENCRYPTION,
  PEX_REACHABLE,
  PEX_SEED,
  type PexPeer,
} from "../wire/ut_pex.ts";
import { type Extension, sendExtended } from "./extensions.ts";
import type { Peer } from "./peer.ts";

/** "Clients must batch updates to send no more than 1 PEX message per minute." */
export const PEX_EVERY_MS = 60_000;
/** The first message waits for so long: at the start of a torrent connections come one after the other. */
export const FIRST_AFTER_MS = 2_000;
/** A message after less than this is not read; clients count their minutes in coarse ticks. */
const LEAST_PAUSE_MS = 50_000;
/** "It may keep a list of up to 25 most recently established and fully handshaken connections." */
const MAX_RECENT = 25;
/** Those who left longer ago may have left altogether. */
const RECENT_MS = 600_000;
/** So many messages that came too early, one after the other, are a flood. */
const MAX_EARLY = 10;
/** Addresses of one peer that count at a time; beyond them it has to drop some first. */
const MAX_OF_ONE = 200;

/** What passed between a peer and us. */
interface Talk {
  /** What it was told and not told to be gone, by address. */
  readonly told: Map<string, Address>;
  /** Those of {@link told} who had left before; each is told once. */
  readonly recalled: WeakSet<Contact>;
  /** Addresses it told us and did not drop. */
  readonly heard: Set<string>;
  sendAt: Millis;
  heardAt: Millis;
  early: number;
}

/** The extension of one torrent. */
export class Pex implements Extension {
  readonly name = "ut_pex";
  readonly #onPeers: (peers: readonly PexPeer[]) => void;
  readonly #talks = new Map<Peer, Talk>();
  /** Whom we left for want of business, the latest last. */
  readonly #recent = new LatestMap<string, Contact & { readonly leftAt: Millis }>(MAX_RECENT);
  #now: Millis = 0;

  /** Hands what is believed to `onPeers`. */
  constructor(onPeers: (peers: readonly PexPeer[]) => void) {
    this.#onPeers = onPeers;
  }

  /** @throws {PeerError} `flood` or `bad-message`. */
  onMessage(peer: Peer, payload: Uint8Array, now: Millis): void {
    const talk = this.#talkWith(peer, now);
    if (now - talk.heardAt < LEAST_PAUSE_MS) {
      if (++talk.early > MAX_EARLY) throw new PeerError("flood");
      return;
    }
    talk.heardAt = now;
    talk.early = 0;
    const { added, dropped } = decodePex(payload);
    for (const address of dropped) talk.heard.delete(formatAddress(address));
    const believed = added.filter((one) => believes(peer, talk, one.address));
    if (believed.length > 0) this.#onPeers(believed);
  }

  onHandshake(peer: Peer, now: Millis): void {
    this.#talkWith(peer, now);
  }

  onGone(peer: Peer): void {
    this.#talks.delete(peer);
    const contact = contactOf(peer);
    if (contact === undefined || (peer.closing !== "no-use" && peer.closing !== "duplicate")) {
      return;
    }
    const key = formatAddress(contact.address);
    this.#recent.set(key, { ...contact, leftAt: this.#now });
  }

  tick(peers: readonly Peer[], now: Millis): void {
    this.#now = now;
    let isDue = false;
    for (const talk of this.#talks.values()) isDue ||= now >= talk.sendAt;
    if (!isDue) return;
    for (const [key, { leftAt }] of this.#recent) {
      if (now - leftAt > RECENT_MS) this.#recent.delete(key);
    }
    const contacts = contactsOf(peers);
    for (const [peer, talk] of this.#talks) {
      if (now >= talk.sendAt) this.#send(peer, talk, contacts, now);
    }
  }

  #talkWith(peer: Peer, now: Millis): Talk {
    let talk = this.#talks.get(peer);
    if (talk === undefined) {
      const [sendAt, heardAt] = [now + FIRST_AFTER_MS, -Infinity];
      const [told, recalled] = [new Map(), new WeakSet<Contact>()];
      talk = { told, recalled, heard: new Set(), sendAt, heardAt, early: 0 };
      this.#talks.set(peer, talk);
    }
    return talk;
  }

  /** Says what has changed, if anything has. */
  #send(peer: Peer, talk: Talk, contacts: ReadonlyMap<string, Contact>, now: Millis): void {
    const added: Contact[] = [];
    for (const [key, contact] of contacts) {
      if (added.length === MAX_PEX_PEERS) break;
      if (!talk.told.has(key) && concerns(contact, peer)) added.push(contact);
    }
    const dropped: Address[] = [];
    for (const [key, address] of talk.told) {
      if (dropped.length === MAX_PEX_PEERS) break;
      if (!contacts.has(key)) dropped.push(address);
    }
    if (contacts.size < MAX_RECENT) this.#recall(peer, talk, { contacts, added });
    if (added.length + dropped.length === 0) return;
    const payload = encodePex({ added, dropped });
    if (!sendExtended(peer, "ut_pex", payload)) return;
    talk.sendAt = now + PEX_EVERY_MS;
    for (const { address } of added) talk.told.set(formatAddress(address), address);
    for (const address of dropped) talk.told.delete(formatAddress(address));
  }

  /** Adds whom we left; the message after this one drops them again. */
  #recall(
    peer: Peer,
    talk: Talk,
    { contacts, added }: { contacts: ReadonlyMap<string, Contact>; added: Contact[] },
  ): void {
    for (const [key, contact] of this.#recent) {
      const isThere = contacts.has(key) || talk.told.has(key) || talk.recalled.has(contact);
      if (isThere || added.length === MAX_PEX_PEERS || !concerns(contact, peer)) continue;
      talk.recalled.add(contact);
      added.push(contact);
    }
  }
}

interface Contact extends PexPeer {
  readonly peer: Peer;
}

/** Everybody who is connected, by the address to be told. */
function contactsOf(peers: readonly Peer[]): Map<string, Contact> {
  const out = new Map<string, Contact>();
  for (const peer of peers) {
    const contact = peer.closing === undefined ? contactOf(peer) : undefined;
    if (contact !== undefined) out.set(formatAddress(contact.address), contact);
  }
  return out;
}

/** How to tell of a peer; `undefined` where it is not known where it could be dialled. */
function contactOf(peer: Peer): Contact | undefined {
  const port = peer.isOutgoing ? peer.address.port : peer.extensions?.port;
  if (port === undefined) return undefined;
  return { address: { host: peer.address.host, port }, flags: flagsOf(peer), peer };
}

/** Whether a peer is to hear of another: not of itself, and not of what is out of its reach. */
function concerns(contact: Contact, peer: Peer): boolean {
  return contact.peer !== peer && mayPass(contact.address, peer.address);
}

function flagsOf(peer: Peer): number {
  const { extensions } = peer;
  let flags = peer.isOutgoing ? PEX_REACHABLE : 0;
  if (peer.isUploadOnly) flags |= PEX_SEED;
  if (extensions?.prefersEncryption) flags |= PEX_PREFERS_ENCRYPTION;
  if (extensions?.ids.has("ut_holepunch")) flags |= PEX_HOLEPUNCH;
  return flags;
}

/** Whether an address is worth anything to whoever is at the other one, and is its business. */
function mayPass(address: Address, to: Address): boolean {
  if (isLoopback(address)) return isLoopback(to);
  return !isLocalIp(address.host) || isLocalIp(to.host);
}

/**
 * "Duplicate IP addresses (e.g. with different ports) should be ignored", but for private ones, where many
 * peers share a host.
 */
function believes(peer: Peer, talk: Talk, address: Address): boolean {
  if (!mayPass(address, peer.address) || talk.heard.size >= MAX_OF_ONE) return false;
  const key = formatAddress(address);
  if (talk.heard.has(key)) return false;
  if (!isLocalIp(address.host)) {
    const start = key.slice(0, key.lastIndexOf(":") + 1);
    for (const other of talk.heard) if (other.startsWith(start)) return false;
  }
  talk.heard.add(key);
  return true;
}

function isLoopback({ host }: Address): boolean {
  return host === "::1" || host.startsWith("127.");
}
