/**
 * Gets an info dictionary from peers (BEP 9, https://www.bittorrent.org/beps/bep_0009.html).
 *
 * Peers that agree on its size work on one draft, a part each; every size has its own, so a liar about the
 * size keeps nobody else from finishing. A whole draft with the wrong hash convicts its giver where there
 * is one. Where there are several, every peer of that size gets a draft to itself, which begins with what
 * it has given, so the next wrong whole has one giver, and an honest peer finishes alone. What all drafts
 * hold is bounded; whose draft has the fewest peers gives way.
 *
 * It never waits and never sends but into the peers' encoders; {@link MetadataFetch.take} has the result.
 *
 * @module
 */

import { equalBytes } from "../base/bytes.ts";
import { PeerError } from "../base/errors.ts";
import type { Millis } from "../base/units.ts";
import type { Hasher } from "../ports/hash.ts";
import {
  encodeMetadataRequest,
  MAX_METADATA_BYTES,
  metadataPieceBytes,
} from "../wire/ut_metadata.ts";
import { sendExtended } from "./extensions.ts";
import { MetadataDraft } from "./metadata_draft.ts";
import type { Peer } from "./peer.ts";

/** Parts asked of a peer at a time: clients queue a few, and 128 KiB fill most links. */
export const PARTS_IN_FLIGHT = 8;
/** A peer that owes parts and gives none for so long is left alone for a while. */
export const PART_TIMEOUT_MS = 8_000;
/** A peer that let its parts time out this often in a row gives its place up. */
const MAX_TIMEOUTS = 3;
/** How long a peer is left alone that refused a part: it has the metadata later or never. */
const REJECT_PAUSE_MS = 30_000;
/** With nothing else to ask for, what others owe for this long is asked for once more. */
const TWICE_AFTER_MS = 1_000;
/** Parts that came unasked, or again, before a peer is cut. */
const MAX_UNASKED = 16;
/** What all drafts hold together: two of the largest. */
const MAX_HELD_BYTES: number = 2 * MAX_METADATA_BYTES;
/** Drafts that nobody works on any more and that wait for somebody. */
const MAX_ORPHANS = 8;

/** A part that was asked for. */
interface Ask {
  readonly part: number;
  readonly at: Millis;
}

/** A peer that has the metadata, as it says. */
interface Source {
  readonly peer: Peer;
  /** Bytes of the info dictionary; what it says first counts. */
  readonly size: number;
  draft: MetadataDraft;
  asked: Ask[];
  /** Parts that were given up on and may still come. */
  readonly late: Set<number>;
  pausedUntil: Millis;
  /** Time of its last part. */
  answeredAt: Millis;
  timeouts: number;
  unasked: number;
}

/** What a fetch works with. */
export interface MetadataFetchParts {
  /** SHA-1 that it must have, 20 bytes. */
  readonly infoHash: Uint8Array;
  readonly hasher: Pick<Hasher, "sha1">;
  readonly now: Millis;
}

/** The fetch of one info dictionary. */
export class MetadataFetch {
  readonly #parts: MetadataFetchParts;
  readonly #sources = new Map<Peer, Source>();
  /** Drafts that all peers of a size share. */
  readonly #shared = new Map<number, MetadataDraft>();
  /** Drafts of one giver, by `size giver`. */
  readonly #own = new Map<string, MetadataDraft>();
  /** Sizes whose shared draft was wrong and had several givers. */
  readonly #disputed = new Set<number>();
  #guilty: number[] = [];
  #info: Uint8Array<ArrayBuffer> | undefined;
  #isDone = false;

  constructor(parts: MetadataFetchParts) {
    this.#parts = parts;
  }

  /** The info dictionary, once, with the right hash; owned by the caller. */
  take(): Uint8Array<ArrayBuffer> | undefined {
    const info = this.#info;
    this.#info = undefined;
    return info;
  }

  /** Givers that were proven to lie since the last call. */
  takeGuilty(): number[] {
    return this.#guilty.splice(0);
  }

  /** Time of the last part that has not been proven wrong, or of the start. */
  get progressAt(): Millis {
    let at = this.#parts.now;
    for (const draft of this.#drafts()) at = Math.max(at, draft.lastAt);
    return at;
  }

  /** Bytes that all drafts hold. */
  get heldBytes(): number {
    let bytes = 0;
    for (const draft of this.#drafts()) bytes += draft.bytes;
    return bytes;
  }

  /** The peer has said what it speaks: is it one that has the metadata? */
  onOffer(peer: Peer, now: Millis): void {
    const size = peer.extensions?.metadataSize;
    const isAble = (peer.extensions?.ids.get("ut_metadata") ?? 0) > 0;
    if (size === undefined || !isAble || this.#isDone || this.#sources.has(peer)) return;
    const source: Source = {
      peer,
      size,
      draft: this.#draftFor(size, peer.giver),
      asked: [],
      late: new Set(),
      pausedUntil: now,
      answeredAt: now,
      timeouts: 0,
      unasked: 0,
    };
    this.#sources.set(peer, source);
    this.#fill(source, now);
  }

  /** A part came; `data` is a view. @throws {PeerError} it is not what was asked for. */
  onData(
    peer: Peer,
    { piece, totalSize, data }: { piece: number; totalSize: number | undefined; data: Uint8Array },
    now: Millis,
  ): void {
    if (this.#isDone) return;
    const source = this.#sources.get(peer);
    if (source === undefined) {
      throw new PeerError("bad-message", "Cannot take metadata: not asked for");
    }
    const isAsked = this.#settle(source, piece) || source.late.delete(piece);
    if (!isAsked) {
      if (++source.unasked > MAX_UNASKED) throw new PeerError("flood");
      return;
    }
    peer.chatter.refund(data.length);
    if (totalSize !== undefined && totalSize !== source.size) {
      throw new PeerError("bad-message", "Cannot take metadata: its size has changed");
    }
    if (data.length !== metadataPieceBytes(source.size, piece)) {
      throw new PeerError("bad-message", "Cannot take metadata: a part of another length");
    }
    source.timeouts = 0;
    source.answeredAt = now;
    peer.lastBlockAt = now;
    const { draft } = source;
    if (!draft.has(piece)) {
      draft.put(piece, data.slice(), peer.giver);
      draft.lastAt = now;
    }
    if (draft.isWhole) return this.#finish(draft, now);
    if (this.heldBytes > MAX_HELD_BYTES) this.#makeRoom(now);
    this.#fill(source, now);
  }

  /** The peer does not give a part. */
  onReject(peer: Peer, piece: number, now: Millis): void {
    const source = this.#sources.get(peer);
    if (source === undefined || !this.#settle(source, piece)) return;
    source.pausedUntil = now + REJECT_PAUSE_MS;
    this.#fillAll(now);
  }

  /** The peer is gone; what was asked of it is free again. */
  onGone(peer: Peer): void {
    const source = this.#sources.get(peer);
    if (source === undefined) return;
    this.#sources.delete(peer);
    for (const { part } of source.asked) source.draft.release(part);
    this.#own.delete(keyOf(source.size, peer.giver));
    this.#dropOrphans();
  }

  /** Lets time pass: parts that take too long are asked of others. */
  tick(now: Millis): void {
    for (const source of this.#sources.values()) {
      const [oldest] = source.asked;
      // A slow peer that goes on giving is not late.
      const since = Math.max(oldest?.at ?? now, source.answeredAt);
      if (oldest === undefined || now - since < PART_TIMEOUT_MS) continue;
      for (const { part } of source.asked.splice(0)) {
        source.late.add(part);
        source.draft.release(part);
      }
      source.pausedUntil = now + PART_TIMEOUT_MS / 2;
      if (++source.timeouts >= MAX_TIMEOUTS) source.peer.closing ??= "idle";
    }
    this.#fillAll(now);
  }

  *#drafts(): Iterable<MetadataDraft> {
    yield* this.#shared.values();
    yield* this.#own.values();
  }

  #draftFor(size: number, giver: number): MetadataDraft {
    const isOwn = this.#disputed.has(size);
    const key = keyOf(size, giver);
    const known = isOwn ? this.#own.get(key) : this.#shared.get(size);
    if (known !== undefined) return known;
    const draft = new MetadataDraft(size, isOwn ? giver : undefined);
    if (isOwn) this.#own.set(key, draft);
    else this.#shared.set(size, draft);
    return draft;
  }

  #fillAll(now: Millis): void {
    for (const source of this.#sources.values()) this.#fill(source, now);
  }

  #fill(source: Source, now: Millis): void {
    const { peer, draft } = source;
    if (this.#isDone || now < source.pausedUntil || peer.closing !== undefined) return;
    while (source.asked.length < PARTS_IN_FLIGHT) {
      const isAsked = (part: number) => this.#isAsked(draft, part);
      const part = draft.next(isAsked) ?? this.#twice(source, now);
      if (part === undefined) return;
      source.asked.push({ part, at: now });
      sendExtended(peer, "ut_metadata", encodeMetadataRequest(part));
    }
  }

  #isAsked(draft: MetadataDraft, part: number): boolean {
    for (const source of this.#sources.values()) {
      if (source.draft === draft && source.asked.some((ask) => ask.part === part)) return true;
    }
    return false;
  }

  /** A part that one other peer owes for a while, where nothing else is left to ask for. */
  #twice({ draft, asked }: Source, now: Millis): number | undefined {
    const seen = new Map<number, number>();
    for (const other of this.#sources.values()) {
      if (other.draft !== draft) continue;
      for (const { part, at } of other.asked) {
        seen.set(part, seen.has(part) ? Infinity : at);
      }
    }
    for (const [part, at] of seen) {
      const isOurs = asked.some((ask) => ask.part === part);
      if (!isOurs && now - at >= TWICE_AFTER_MS && !draft.has(part)) return part;
    }
    return undefined;
  }

  /** Takes a part off what is asked of a peer; false where it was not. */
  #settle(source: Source, part: number): boolean {
    const at = source.asked.findIndex((ask) => ask.part === part);
    if (at < 0) return false;
    source.asked.splice(at, 1);
    source.draft.release(part);
    return true;
  }

  #finish(draft: MetadataDraft, now: Millis): void {
    const info = draft.join();
    if (equalBytes(this.#parts.hasher.sha1(info), this.#parts.infoHash)) {
      this.#info = info;
      this.#isDone = true;
      this.#sources.clear();
      this.#shared.clear();
      this.#own.clear();
      return;
    }
    const { givers, size } = draft;
    if (draft.giver === undefined) this.#shared.delete(size);
    if (givers.length === 1) this.#convict(givers[0]!);
    else {
      this.#disputed.add(size);
      for (const giver of givers) this.#own.set(keyOf(size, giver), draft.shareOf(giver));
    }
    for (const source of this.#sources.values()) {
      if (source.draft === draft) this.#move(source);
    }
    this.#fillAll(now);
  }

  /** A source whose draft is gone works on another one; what it was asked for still counts there. */
  #move(source: Source): void {
    source.draft = this.#draftFor(source.size, source.peer.giver);
  }

  #convict(giver: number): void {
    this.#guilty.push(giver);
    for (const { peer, size } of this.#sources.values()) {
      if (peer.giver !== giver) continue;
      peer.closing ??= "corrupt-data";
      this.#own.delete(keyOf(size, giver));
    }
  }

  /** Drops the draft that fewest peers work on, the largest among those; they start again after a while. */
  #makeRoom(now: Millis): void {
    let worst: { draft: MetadataDraft; peers: number } | undefined;
    for (const draft of this.#drafts()) {
      let peers = 0;
      for (const source of this.#sources.values()) if (source.draft === draft) peers++;
      const isWorse = worst === undefined || peers < worst.peers ||
        (peers === worst.peers && draft.bytes > worst.draft.bytes);
      if (isWorse) worst = { draft, peers };
    }
    if (worst === undefined) return;
    const { draft } = worst;
    if (draft.giver === undefined) this.#shared.delete(draft.size);
    else this.#own.delete(keyOf(draft.size, draft.giver));
    for (const source of this.#sources.values()) {
      if (source.draft !== draft) continue;
      source.asked = [];
      source.pausedUntil = now + REJECT_PAUSE_MS;
      this.#move(source);
    }
  }

  #dropOrphans(): void {
    const worked = new Set([...this.#sources.values()].map((source) => source.draft));
    const orphans = [...this.#shared.values()].filter((draft) => !worked.has(draft))
      .sort((a, b) => b.lastAt - a.lastAt);
    for (const draft of orphans.slice(MAX_ORPHANS)) this.#shared.delete(draft.size);
  }
}

function keyOf(size: number, giver: number): string {
  return `${size} ${giver}`;
}
