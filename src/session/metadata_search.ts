/**
 * From an infohash to a torrent: out of the user's cache if it was there before, from peers otherwise, and
 * then into the cache.
 *
 * @module
 */

import type { Scope } from "../base/scope.ts";
import type { Millis } from "../base/units.ts";
import { chosenFiles } from "../metainfo/magnet.ts";
import { type Metainfo, parseInfo } from "../metainfo/torrent_file.ts";
import type { World } from "../ports/world.ts";
import { Ended, failureOf } from "./ending.ts";
import { keepTorrent, readKept, torrentOf } from "./metadata_cache.ts";
import { MetadataPhase } from "./metadata_phase.ts";
import type { AddMagnet } from "./options.ts";
import type { Outreach } from "./outreach.ts";
import { inSeconds } from "./patience.ts";

/** What a search works with. */
export interface MetadataSearchParts {
  readonly world: World;
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  readonly options: AddMagnet;
  /** Makes the way to the peers. */
  readonly reachOut: () => Outreach;
  /** The metadata timeout is over; called with the reason. */
  readonly onLate: (message: string) => void;
  /** Why nothing moves, as the end of a sentence. */
  readonly why: () => string;
}

/** The search for the metadata of one torrent. */
export class MetadataSearch {
  readonly #parts: MetadataSearchParts;
  #phase: MetadataPhase | undefined;
  #kept: Promise<void> = Promise.resolve();

  constructor(parts: MetadataSearchParts) {
    this.#parts = parts;
  }

  /** Time of the last progress, `undefined` before peers are asked. */
  get progressAt(): Millis | undefined {
    return this.#phase?.progressAt;
  }

  /** Resolves when what was found is in the cache. Never rejects. */
  get kept(): Promise<void> {
    return this.#kept;
  }

  /**
   * The torrent, with the trackers and web seeds of the link. What runs for it runs in `scope`.
   *
   * @throws {MetainfoError} or {BencodeError} where what has the right hash is no torrent.
   */
  async run(scope: Scope): Promise<Metainfo> {
    const { world, infoHash } = this.#parts;
    const kept = await readKept(world, infoHash);
    scope.signal.throwIfAborted();
    if (kept !== undefined) return this.#parse(kept.metainfo.infoBytes);
    const info = await this.#fromPeers(scope);
    const metainfo = this.#parse(info);
    this.#kept = keepTorrent(world, { bytes: torrentOf(info), infoHash });
    return metainfo;
  }

  /** The files that the link asks for, `undefined` for all. @throws {OptionsError} none of them is there. */
  selectionOf(metainfo: Metainfo): readonly number[] | undefined {
    return chosenFiles(this.#parts.options.magnet, metainfo.files);
  }

  async #fromPeers(scope: Scope): Promise<Uint8Array<ArrayBuffer>> {
    const { world, infoHash, options, reachOut } = this.#parts;
    if (options.noPeers === true) {
      const message = "the metadata is with peers only, and none may be asked (--no-peers)";
      throw new Ended({ kind: "failed", reason: "metadata-timeout", message });
    }
    const outreach = reachOut();
    const { connections } = outreach;
    const phase = this.#phase = new MetadataPhase({
      infoHash,
      connections,
      clock: world.clock,
      hasher: world.hasher,
      wantsData: options.isMetadataOnly !== true,
    });
    const found = new AbortController();
    if (options.metadataTimeoutMs !== undefined) {
      this.#failAfter(options.metadataTimeoutMs, scope, found.signal);
    }
    outreach.start(phase);
    try {
      return await Promise.race([phase.info, failureOf(scope)]);
    } finally {
      found.abort();
    }
  }

  #failAfter(ms: number, scope: Scope, found: AbortSignal): void {
    const { world, onLate, why } = this.#parts;
    scope.spawn(async (signal) => {
      const either = AbortSignal.any([signal, found]);
      try {
        await world.clock.sleep(ms, { signal: either });
      } catch (error) {
        if (either.aborted) return;
        throw error;
      }
      onLate(`no metadata after ${inSeconds(ms)}${why()}`);
    });
  }

  /** What a kept file says beside its info dictionary is not the link's. */
  #parse(info: Uint8Array): Metainfo {
    const { options, world: { hasher, system } } = this.#parts;
    const { trackers, webSeeds } = options.magnet;
    return {
      ...parseInfo(info, { hasher, system }),
      trackers: trackers.map((url) => [url]),
      webSeeds,
    };
  }
}
