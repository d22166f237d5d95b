/**
 * A laboratory: one folder, and everything a test of the real program starts in it.
 *
 * Disposing it ends what was started, last first, and removes the folder.
 *
 * @module
 */

import { join } from "@std/path";
import { type Dataset, type DatasetSpec, makeDataset } from "./dataset.ts";
import { type Need, skipReason } from "./programs.ts";
import { type CountingSeed, type Seed, startAria2, startLibtorrent } from "./seeds.ts";
import { startTransmission } from "./seeds.ts";
import { Run, type RunOptions, type RunResult } from "./starling.ts";
import { makeTorrent, type TorrentFile, type TorrentSpec } from "./torrent.ts";
import { type Opentracker, startOpentracker } from "./tracker.ts";

/** How `get` is run. */
export interface GetOptions extends Omit<RunOptions, "cache"> {
  /** Where the download goes (`out` in the laboratory). */
  readonly output?: string;
  /** Addresses for `--peer`. */
  readonly peers?: readonly string[];
  /** More arguments. */
  readonly args?: readonly string[];
  /** Deadline of the whole run. */
  readonly timeoutMs?: number;
}

/** Where one test works. */
export class Lab implements AsyncDisposable {
  /** The folder of everything. */
  readonly folder: string;
  readonly #owned = new AsyncDisposableStack();
  #count = 0;

  private constructor(folder: string) {
    this.folder = folder;
    this.#owned.defer(() => Deno.remove(folder, { recursive: true }));
  }

  /** Makes one in the system's folder for temporary files. */
  static async open(): Promise<Lab> {
    return new Lab(await Deno.makeTempDir({ prefix: "starling-interop-" }));
  }

  /** Owns a resource from now on. */
  use<T extends AsyncDisposable>(resource: T): T {
    return this.#owned.use(resource);
  }

  /** Runs something at the end. */
  defer(cleanup: () => Promise<void>): void {
    this.#owned.defer(cleanup);
  }

  /** A path in the folder. */
  path(name: string): string {
    return join(this.folder, name);
  }

  /** Where downloads go when nothing else is said. */
  get output(): string {
    return this.path("out");
  }

  /** Makes data in a folder of its own. */
  async dataset(spec: DatasetSpec): Promise<Dataset> {
    const root = this.path(`data${this.#count++}`);
    await Deno.mkdir(root);
    return await makeDataset(root, spec);
  }

  /** Makes a .torrent. */
  torrent(dataset: Dataset, spec: TorrentSpec): Promise<TorrentFile> {
    return makeTorrent(dataset, this.path(`t${this.#count++}.torrent`), spec);
  }

  /** Data and its .torrent in one. */
  async make(data: DatasetSpec, spec: TorrentSpec): Promise<TorrentFile> {
    return await this.torrent(await this.dataset(data), spec);
  }

  /** A .torrent that names an opentracker which has just been started for it. */
  async tracked(data: DatasetSpec, spec: TorrentSpec): Promise<[TorrentFile, Opentracker]> {
    const dataset = await this.dataset(data);
    const untracked = await this.torrent(dataset, spec);
    const folder = this.path(`tracker${this.#count++}`);
    const tracker = this.use(await startOpentracker(folder, [untracked.infoHash]));
    return [await this.torrent(dataset, { ...spec, trackers: [tracker.url] }), tracker];
  }

  /** Seeds with aria2c. */
  async aria2(torrent: TorrentFile): Promise<Seed> {
    return this.use(await startAria2(torrent));
  }

  /** Seeds with transmission-daemon. */
  async transmission(torrent: TorrentFile): Promise<Seed> {
    return this.use(await startTransmission(torrent, this.path(`transmission${this.#count++}`)));
  }

  /** Seeds with libtorrent. */
  async libtorrent(
    torrent: TorrentFile,
    options?: Parameters<typeof startLibtorrent>[1],
  ): Promise<CountingSeed> {
    return this.use(await startLibtorrent(torrent, options));
  }

  /** Starts `get` of a torrent. */
  start(torrent: TorrentFile, options: GetOptions = {}): Run {
    const args = ["get", torrent.path, "-o", options.output ?? this.output, "-p", "0"];
    args.push("--no-dht", "--no-pex", "--no-lsd");
    for (const peer of options.peers ?? []) args.push("--peer", peer);
    if (options.json ?? true) args.push("--json");
    args.push(...options.args ?? []);
    return this.use(new Run(args, { ...options, cache: this.path("cache") }));
  }

  /** Runs `get` of a torrent to its end. */
  async get(torrent: TorrentFile, options: GetOptions = {}): Promise<RunResult> {
    return await this.start(torrent, options).result(options.timeoutMs);
  }

  /** Ends everything, last started first, and removes the folder. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#owned.disposeAsync();
  }
}

/** The real seeds, each ready when its function returns. */
export const SEEDS: readonly {
  readonly need: Need;
  readonly start: (lab: Lab, torrent: TorrentFile) => Promise<Seed>;
}[] = [
  { need: "aria2c", start: (lab, torrent) => lab.aria2(torrent) },
  { need: "transmission-daemon", start: (lab, torrent) => lab.transmission(torrent) },
  { need: "libtorrent", start: (lab, torrent) => lab.libtorrent(torrent) },
];

/**
 * Registers a test of the real program beside real clients. It is skipped by name, with the reason in
 * the name, where something is missing.
 *
 * @param fn gets a laboratory that is cleared away afterwards.
 */
export function interopTest(
  name: string,
  needs: readonly Need[],
  fn: (lab: Lab) => Promise<void>,
): void {
  const reason = skipReason(needs);
  Deno.test({
    name: reason === undefined ? name : `${name} [skipped: ${reason}]`,
    ignore: reason !== undefined,
    fn: async () => {
      await using lab = await Lab.open();
      await fn(lab);
    },
  });
}

/** One test of a group. */
export interface InteropCase {
  readonly name: string;
  readonly needs: readonly Need[];
  readonly fn: (lab: Lab) => Promise<void>;
}

/**
 * Registers tests that mostly wait for other programs: they run side by side, each in a laboratory of its own and
 * each under its own name.
 */
export function interopGroup(name: string, cases: readonly InteropCase[]): void {
  const steps = cases.map(({ name, needs, fn }) => ({ name, fn, reason: skipReason(needs) }));
  Deno.test({
    name,
    ignore: steps.every(({ reason }) => reason !== undefined),
    fn: async (group) => {
      await Promise.all(steps.map(({ name, fn, reason }) =>
        group.step({
          name: reason === undefined ? name : `${name} [skipped: ${reason}]`,
          ignore: reason !== undefined,
          // The group as a whole is watched for leaks.
          ...{ sanitizeOps: false, sanitizeResources: false, sanitizeExit: false },
          fn: async () => {
            await using lab = await Lab.open();
            await fn(lab);
          },
        })
      ));
    },
  });
}
