/**
 * The extensions of BEP 10 that a torrent speaks: who handles their messages, and what our extension
 * handshake says (https://www.bittorrent.org/beps/bep_0010.html).
 *
 * A new one is a class that implements {@link Extension} in a file of its own, its id in
 * `wire/extension.ts`, and one {@link Extensions.add} where the torrent is put together. The table outlives
 * the arrival of the metadata, so that what was agreed on before holds afterwards.
 *
 * @module
 */

import { parseIp } from "../base/address.ts";
import { PeerError } from "../base/errors.ts";
import type { Millis } from "../base/units.ts";
import {
  decodeExtensionHandshake,
  encodeExtensionHandshake,
  EXTENSION_HANDSHAKE_ID,
  EXTENSION_IDS,
  type ExtensionName,
  type ExtensionOffer,
  mergeExtensions,
} from "../wire/extension.ts";
import type { Peer } from "./peer.ts";
import { onLimit } from "./pipeline.ts";

/** Extension handshakes that a peer may send; a further one is a flood. */
const MAX_HANDSHAKES = 100;

/** One extension. Every method may throw a `PeerError`, which costs the peer its connection. */
export interface Extension {
  /** Its name on the wire. */
  readonly name: ExtensionName;
  /** What our handshake says besides the name. */
  offer?(): Partial<ExtensionOffer>;
  /** A message for us; `payload` is a view, valid until this returns. */
  onMessage(peer: Peer, payload: Uint8Array, now: Millis): void;
  /** The peer has said what it speaks; it may do so again. */
  onHandshake?(peer: Peer, now: Millis): void;
  /** The peer has left. */
  onGone?(peer: Peer): void;
  /** Lets time pass, about twice a second. */
  tick?(peers: readonly Peer[], now: Millis): void;
}

/** The extensions of one torrent. */
export class Extensions {
  readonly #offer: () => Omit<ExtensionOffer, "m">;
  readonly #byId = new Map<number, Extension>();

  /** `offer` says what our handshake holds but for what extensions add. */
  constructor(offer: () => Omit<ExtensionOffer, "m"> = () => ({ v: "", reqq: 250 })) {
    this.#offer = offer;
  }

  /** Speaks an extension from now on; peers that are connected hear of it from {@link tell}. */
  add(extension: Extension): void {
    this.#byId.set(EXTENSION_IDS[extension.name], extension);
  }

  /** Speaks an extension no longer; peers that are connected hear of it from {@link tell}. */
  remove(name: ExtensionName): void {
    this.#byId.delete(EXTENSION_IDS[name]);
  }

  /** Says to a peer what we speak, if it speaks the protocol at all; once more whenever that has changed. */
  tell(peer: Peer): void {
    if (!peer.supportsExtended) return;
    let offer: Omit<ExtensionOffer, "m"> = this.#offer();
    const m: Record<string, number> = {};
    for (const [id, extension] of this.#byId) {
      m[extension.name] = id;
      offer = { ...offer, ...extension.offer?.() };
    }
    // Ids add up over handshakes: 0 takes back what an earlier one said.
    for (const name of peer.toldExtensions) m[name] ??= 0;
    peer.toldExtensions = Object.keys(m);
    const yourIp = parseIp(peer.address.host);
    const hello = encodeExtensionHandshake({ ...offer, ...(yourIp && { yourIp }), m });
    peer.encoder.extended(EXTENSION_HANDSHAKE_ID, hello);
  }

  /** An extension message; ids we never gave are ignored. @throws {PeerError} */
  onExtended(peer: Peer, id: number, payload: Uint8Array, now: Millis): void {
    if (id === EXTENSION_HANDSHAKE_ID) this.#onHandshake(peer, payload, now);
    else this.#byId.get(id)?.onMessage(peer, payload, now);
  }

  /** A peer has left. */
  onGone(peer: Peer): void {
    for (const extension of this.#byId.values()) extension.onGone?.(peer);
  }

  /** Lets time pass. */
  tick(peers: readonly Peer[], now: Millis): void {
    for (const extension of this.#byId.values()) extension.tick?.(peers, now);
  }

  #onHandshake(peer: Peer, payload: Uint8Array, now: Millis): void {
    if (++peer.extensionHandshakes > MAX_HANDSHAKES) throw new PeerError("flood");
    peer.extensions = mergeExtensions(peer.extensions, decodeExtensionHandshake(payload));
    onLimit(peer);
    for (const extension of this.#byId.values()) extension.onHandshake?.(peer, now);
  }
}

/** Sends a message of an extension; false where the peer does not speak it. */
export function sendExtended(peer: Peer, name: ExtensionName, payload: Uint8Array): boolean {
  const id = peer.extensions?.ids.get(name) ?? 0;
  if (id === 0) return false;
  peer.encoder.extended(id, payload);
  return true;
}
