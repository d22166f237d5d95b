/**
 * `ut_metadata` (BEP 9), both ways: gets the info dictionary as long as we lack it, and gives it as soon as
 * we have it, in private torrents as well. What is given counts under the limit of the upload, and waits for
 * it, before any block does.
 *
 * @module
 */

import { PeerError } from "../base/errors.ts";
import { TokenBucket } from "../base/token_bucket.ts";
import { MIB, type Millis } from "../base/units.ts";
import {
  decodeMetadata,
  encodeMetadataData,
  encodeMetadataReject,
  metadataPieceBytes,
} from "../wire/ut_metadata.ts";
import type { ExtensionOffer } from "../wire/extension.ts";
import { type Extension, sendExtended } from "./extensions.ts";
import type { MetadataFetch } from "./metadata_fetch.ts";
import type { Peer } from "./peer.ts";

/** A part is refused while so much waits to be sent to the peer. */
const MAX_WAITING_BYTES = 524_288;
/** A peer gets the whole this often, and {@link EXTRA_BYTES}; nobody needs it more than once. */
const MAX_TIMES = 3;
const EXTRA_BYTES: number = MIB;
/** A debt of the limit that is paid by the next tick holds up nothing. */
const MAX_DEBT_MS = 500;
/** Messages that a peer may send on top of one for each part, three times over. */
const EXTRA_MESSAGES = 1000;

/** The extension. */
export class Metadata implements Extension {
  readonly name = "ut_metadata";
  readonly #fetch: MetadataFetch | undefined;
  readonly #info: Uint8Array | undefined;
  readonly #given = new WeakMap<Peer, { bytes: number; messages: number }>();
  readonly #limit: TokenBucket;
  // Parts that wait for the limit, by peer; who was served last comes last.
  readonly #owed = new Map<Peer, number[]>();

  /** Gives `info`, a view that must stay as it is, or gets it by a fetch; gives within `limit` (none). */
  constructor(
    what: { readonly info: Uint8Array } | { readonly fetch: MetadataFetch },
    limit: TokenBucket = new TokenBucket(Infinity),
  ) {
    this.#limit = limit;
    if ("info" in what) this.#info = what.info;
    else this.#fetch = what.fetch;
  }

  offer(): Partial<ExtensionOffer> {
    return this.#info === undefined ? {} : { metadataSize: this.#info.length };
  }

  onHandshake(peer: Peer, now: Millis): void {
    this.#fetch?.onOffer(peer, now);
  }

  onMessage(peer: Peer, payload: Uint8Array, now: Millis): void {
    const message = decodeMetadata(payload);
    if (message?.type === "request") this.#owe(peer, message.piece, now);
    else if (message?.type === "data") this.#fetch?.onData(peer, message, now);
    else if (message?.type === "reject") this.#fetch?.onReject(peer, message.piece, now);
    this.#count(peer);
  }

  onGone(peer: Peer): void {
    this.#owed.delete(peer);
    this.#fetch?.onGone(peer);
  }

  tick(_peers: readonly Peer[], now: Millis): void {
    this.#fetch?.tick(now);
    this.#give(now);
  }

  #owe(peer: Peer, piece: number, now: Millis): void {
    const info = this.#info;
    const owed = this.#owed.get(peer) ?? [];
    const bytes = info === undefined ? 0 : metadataPieceBytes(info.length, piece);
    const given = this.#recordOf(peer);
    const waiting = peer.encoder.length + owed.length * 16_384;
    const mayHave = info !== undefined && bytes > 0 && waiting < MAX_WAITING_BYTES &&
      given.bytes + bytes <= MAX_TIMES * info.length + EXTRA_BYTES;
    if (!mayHave) return void sendExtended(peer, "ut_metadata", encodeMetadataReject(piece));
    given.bytes += bytes;
    owed.push(piece);
    this.#owed.set(peer, owed);
    this.#give(now);
  }

  /** Gives what is owed, a part to each in turn, as far as the limit has it. */
  #give(now: Millis): void {
    const info = this.#info;
    if (info === undefined) return;
    for (const [peer, owed] of this.#owed) {
      if (this.#limit.delay(now) >= MAX_DEBT_MS) return;
      const piece = owed.shift()!;
      this.#owed.delete(peer);
      if (owed.length > 0) this.#owed.set(peer, owed);
      this.#limit.take(metadataPieceBytes(info.length, piece), now);
      sendExtended(peer, "ut_metadata", encodeMetadataData(piece, info));
    }
  }

  /** @throws {PeerError} more messages than anybody needs. */
  #count(peer: Peer): void {
    const parts = Math.ceil((this.#info?.length ?? peer.extensions?.metadataSize ?? 0) / 16_384);
    if (++this.#recordOf(peer).messages > MAX_TIMES * parts + EXTRA_MESSAGES) {
      throw new PeerError("flood");
    }
  }

  #recordOf(peer: Peer): { bytes: number; messages: number } {
    const known = this.#given.get(peer);
    if (known !== undefined) return known;
    const made = { bytes: 0, messages: 0 };
    this.#given.set(peer, made);
    return made;
  }
}
