/**
 * The options of `get` → what the session and every torrent are started with.
 *
 * @module
 */

import { MIB } from "../base/units.ts";
import type { Shell } from "../ports/shell.ts";
import type { Allocation } from "../ports/disk.ts";
import type { SessionOptions, TorrentOptions } from "../session/options.ts";
import type { Metainfo } from "../metainfo/torrent_file.ts";
import { lsdInterfacesOf } from "./lsd_interfaces.ts";
import type { OptionValues } from "./option_values.ts";
import type { Invocation } from "./parse.ts";
import type { FileWish } from "./select.ts";
import { UsageError } from "./usage_error.ts";

/** Torrents at a time where `-j` does not say. */
const DEFAULT_JOBS = 5;
/** Off a terminal nobody watches, so a dead torrent ends by itself. */
const UNATTENDED_STALL_MS = 600_000;

/** How long the metadata may take where nothing else is said. */
const METADATA_MS = 120_000;

/** What `get` does with every SOURCE. */
export interface Plan {
  readonly session: SessionOptions;
  readonly torrent: TorrentOptions;
  readonly wish: FileWish;
  readonly jobs: number;
  /** For the whole run, `undefined` for none. */
  readonly timeoutMs: number | undefined;
  readonly stallMs: number | undefined;
  /** For the metadata of a magnet link, `undefined` for none. */
  readonly metadataMs: number | undefined;
  readonly allowPrivate: boolean;
  /** The program to run while everything is seeded. */
  readonly command?: readonly string[];
  /** Nothing is kept: one file goes to standard output, the named one or the only one that is wanted. */
  readonly pour?: {
    readonly file: string | undefined;
    /** How one of several files is named, for a hint. */
    readonly how: string;
  };
  /** Whether the data is deleted again when the run ends. */
  readonly isScratch?: true;
  /** Where the data is to lie, where a torrent alone does not say. */
  readonly place?: (
    metainfo: Metainfo,
  ) => Promise<{ readonly metainfo: Metainfo; readonly output: string }>;
}

/** The plan the options make. @throws {UsageError} where it cannot be followed on this host. */
export function planOf(options: OptionValues, shell: Shell): Plan {
  const stall = options.number("stall-timeout") ??
    (shell.stderr.isTerminal ? 0 : UNATTENDED_STALL_MS);
  const stallMs = stall > 0 ? stall : undefined;
  const timeoutMs = options.number("timeout") || undefined;
  const allowPrivate = options.flag("allow-private");
  const ports = options.numbers("port");
  const maxPeers = options.number("max-peers");
  const downLimit = options.number("down-limit");
  const upLimit = options.number("up-limit");
  const lsdInterfaces = lsdInterfacesOf(options, shell);
  return {
    session: {
      allowPrivate,
      dhtNodes: options.texts("dht-node"),
      ...(lsdInterfaces === undefined ? {} : { lsdInterfaces }),
      ...(maxPeers === undefined ? {} : { maxPeers }),
      ...(ports.length === 0 ? {} : { ports }),
      ...(downLimit ? { downLimit } : {}),
      ...(upLimit ? { upLimit } : {}),
    },
    torrent: {
      output: options.text("output") ?? ".",
      peers: options.texts("peer"),
      trackers: options.texts("tracker"),
      noTrackers: options.flag("no-trackers"),
      noPex: options.flag("no-pex"),
      noLsd: options.flag("no-lsd"),
      noPeers: options.flag("no-peers"),
      noDht: options.flag("no-dht"),
      sequential: options.flag("sequential"),
      allocate: (options.text("allocate") ?? "sparse") as Allocation,
      fsync: options.flag("fsync"),
      ...(options.has("reuse") ? { reuse: options.texts("reuse") } : {}),
      ...(stallMs === undefined ? {} : { stallTimeoutMs: stallMs }),
      ...seedingOf(options),
    },
    wish: wishOf(options),
    jobs: options.number("jobs") ?? DEFAULT_JOBS,
    timeoutMs,
    stallMs,
    metadataMs: (options.number("metadata-timeout") ?? METADATA_MS) || undefined,
    allowPrivate,
  };
}

/** Whether and how long to seed: any goal above 0 asks for it. */
function seedingOf(
  options: OptionValues,
): Pick<TorrentOptions, "seed" | "seedRatio" | "seedTimeMs" | "superSeed"> {
  const seedRatio = options.number("seed-ratio") || undefined;
  const seedTimeMs = options.number("seed-time") || undefined;
  // No time is over at once, whatever ratio was wished for: so it is in aria2.
  const hasGoal = options.number("seed-time") !== 0 &&
    (seedRatio !== undefined || seedTimeMs !== undefined);
  const seed = options.flag("seed") || options.flag("seed-while") || hasGoal ||
    options.flag("super-seed");
  return {
    seed,
    ...(options.flag("super-seed") ? { superSeed: true } : {}),
    ...(seedRatio === undefined ? {} : { seedRatio }),
    ...(seedTimeMs === undefined ? {} : { seedTimeMs }),
  };
}

/** The plan of a verb that ends when everything is there: such a guest leaves no trace in the DHT (BEP 43). */
export function asGuest(plan: Plan): Plan {
  const isShortLived = plan.torrent.seed !== true;
  return { ...plan, session: { ...plan.session, isShortLived } };
}

/** The plan with the command of `--seed-while`. @throws {UsageError} one without the other. */
export function withCommand(plan: Plan, { options, rest }: Invocation): Plan {
  if (!options.flag("seed-while")) return plan;
  if (rest.length === 0) {
    throw new UsageError("Cannot run --seed-while: it needs -- and a command", {
      hint: "for example: --seed-while -- ./train.sh data",
    });
  }
  return { ...plan, command: rest };
}

/** How far ahead of its reader a stream is fetched. */
const BUFFER_BYTES: number = 32 * MIB;

/**
 * The plan for a stream to standard output: kept in memory, ahead of its reader.
 *
 * @throws {UsageError} with what only makes sense for files, or for events on standard output.
 */
export function pouring(plan: Plan, { options, verb }: Invocation, file?: string): Plan {
  const label = verb.name === "cat" ? "cat" : "--output -";
  const idle = ["json", "reuse", "seed", "seed-ratio", "seed-time", "seed-while", "input-file"]
    .find((name) => options.flag(name) || Boolean(options.text(name)));
  if (idle !== undefined) {
    const why = idle === "json"
      ? "standard output is for the data"
      : idle === "input-file"
      ? "one file goes to standard output"
      : "what is streamed is not kept";
    throw new UsageError(`Cannot use --${idle} with ${label}: ${why}`);
  }
  return {
    ...plan,
    session: { ...plan.session, bufferBytes: options.number("buffer") ?? BUFFER_BYTES },
    torrent: { ...plan.torrent, isInMemory: true, seed: false },
    pour: {
      file,
      how: verb.name === "cat"
        ? "name one, as starling info lists them"
        : "--include or --select-file takes one of them",
    },
  };
}

/** What the options say about files. */
export function wishOf(options: OptionValues): FileWish {
  return {
    include: options.texts("include"),
    exclude: options.texts("exclude"),
    numbers: options.numbers("select-file"),
  };
}
