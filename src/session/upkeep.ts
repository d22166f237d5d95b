/**
 * The disk of a torrent while its exchange runs: remembers what is verified, now and then, looks whether the
 * files are as they were left, and says what it means that some are not.
 *
 * A download fetches again what is lost; a seed gives the rest, and ends when nothing is left.
 *
 * @module
 */

import type { Millis, PieceIndex } from "../base/units.ts";
import type { TorrentDisk } from "../disk/torrent_disk.ts";
import type { Metainfo } from "../metainfo/torrent_file.ts";
import type { Clock } from "../ports/clock.ts";
import { nothingVerifies } from "./ending.ts";
import type { Exchange } from "./exchange.ts";
import type { Reporter } from "./reporter.ts";

/** Resume state is written at most this often. */
const SAVE_EVERY_MS = 10_000;
/** Files are looked at this often: a look costs about 10 us a file. */
const LOOK_EVERY_MS = 3_000;
/** Files that are named in warnings; more of them say nothing new. */
const MAX_NAMED = 10;

/** What is looked after. */
export interface UpkeepParts {
  readonly clock: Clock;
  readonly disk: TorrentDisk;
  readonly exchange: Exchange;
  readonly metainfo: Metainfo;
  /** The folder that its file or folder is in. */
  readonly output: string;
  readonly reporter: Pick<Reporter, "warning" | "reopen">;
  /** Whether it only gives from now on. */
  readonly isSeeding: () => boolean;
  /** Ends the torrent with an error. */
  readonly onFailure: (error: unknown) => void;
}

/** Looks after the disk of one torrent. */
export class Upkeep {
  readonly #parts: UpkeepParts;
  readonly #named = new Set<number>();
  #savedAt: Millis;
  #lookedAt: Millis;
  #isLooking = false;

  /** The exchange begins now. */
  constructor(parts: UpkeepParts) {
    this.#parts = parts;
    this.#savedAt = this.#lookedAt = parts.clock.now();
  }

  /** Lets time pass. */
  tick(now: Millis): void {
    if (now - this.#lookedAt >= LOOK_EVERY_MS && !this.#isLooking) {
      this.#lookedAt = now;
      void this.#look();
    }
    if (now - this.#savedAt < SAVE_EVERY_MS) return;
    this.#savedAt = now;
    this.#parts.disk.save().catch(this.#parts.onFailure);
  }

  /** Nothing is written from now on: what is there by then is all there is to give. */
  seed(): void {
    void this.#look();
    this.#endIfEmpty();
  }

  /** A verified piece is gone, and `file` is to blame; the disk knows. */
  onLost(piece: PieceIndex, file: number): void {
    const { reporter, metainfo, exchange } = this.#parts;
    const isSeeding = this.#parts.isSeeding();
    this.#warn(file, isSeeding);
    reporter.reopen(metainfo.fileMap.filesAt(piece));
    exchange.lose(piece, !isSeeding);
    if (isSeeding) this.#endIfEmpty();
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    try {
      await this.#parts.disk.look();
    } catch (error) {
      this.#parts.onFailure(error);
    } finally {
      this.#isLooking = false;
    }
  }

  #endIfEmpty(): void {
    if (this.#parts.disk.have.count > 0) return;
    this.#parts.onFailure(nothingVerifies(this.#parts.output, "any more"));
  }

  /** Once for each file. */
  #warn(file: number, isSeeding: boolean): void {
    if (this.#named.has(file) || this.#named.size > MAX_NAMED) return;
    this.#named.add(file);
    const { reporter, metainfo } = this.#parts;
    const name = `"${metainfo.files[file]?.displayPath ?? metainfo.name}"`;
    const what = this.#named.size > MAX_NAMED ? "More files were" : `${name} was`;
    const then = isSeeding
      ? "what is lost of it is not given any more"
      : "what is lost of it is fetched again";
    reporter.warning(`${what} changed or removed by another program: ${then}`);
  }
}
