/**
 * The table of options.
 *
 * A row reads like its help: spelling, kind of value, what it does with its default in parentheses. After
 * that come the verbs that have it, other spellings (aria2's long names among them, since fingers know
 * them) and, where this version cannot do all that it asks for, what is lacking.
 *
 * @module
 */

import type { OptionAlias, OptionSection, OptionSpec, OptionStatus } from "./option_spec.ts";
import type { OptionKind, OptionValue } from "./values.ts";
import type { VerbName } from "./verbs.ts";

const FLAG: OptionKind = { type: "flag" };
const TEXT: OptionKind = { type: "text" };
const SIZE: OptionKind = { type: "size" };
const RATE: OptionKind = { type: "rate" };
const RATIO: OptionKind = { type: "ratio" };
const DURATION: OptionKind = { type: "duration" };
const ADDRESS: OptionKind = { type: "host-port" };
const WEB: OptionKind = { type: "url", schemes: ["http", "https"] };
const ANNOUNCE: OptionKind = { type: "url", schemes: ["http", "https", "udp"] };

/** Verbs that talk to peers. */
const SWARM: readonly VerbName[] = ["get", "seed", "share", "meta", "cat", "verify", "doctor"];
/** Verbs that bring data. */
const FETCH: readonly VerbName[] = ["get", "cat", "verify"];
/** Verbs that can give data. */
const GIVE: readonly VerbName[] = ["get", "seed", "share"];
/** Verbs that a choice of files makes sense for. */
const CHOICE: readonly VerbName[] = ["get", "info", "verify"];
/** Verbs that take a SOURCE. */
const SOURCED: readonly VerbName[] = ["get", "info", "meta", "cat", "scrape", "doctor"];
/** Every verb that does something. */
const ALL: readonly VerbName[] = [
  ...["get", "seed", "share", "create", "info", "meta", "cat", "verify", "magnet"] as const,
  ...["edit", "scrape", "tracker", "doctor", "demo"] as const,
];

/** What a row says besides its spelling, kind and help. */
interface More {
  readonly verbs: readonly VerbName[];
  readonly also?: readonly (string | OptionAlias)[];
  /** Between values of a list in the environment, and within one on the command line. */
  readonly list?: RegExp;
  /** What does not exist yet, and which values ask for it (default: every value). */
  readonly lacks?: readonly [what: string, isMissing?: (value: OptionValue) => boolean];
  /** Where it is not "later" without exception nor "works". */
  readonly status?: OptionStatus;
  readonly warn?: (text: string) => string | undefined;
  readonly isHidden?: true;
  readonly isCommandLineOnly?: true;
}

function option(spelling: string, kind: OptionKind, help: string, more: More): OptionSpec {
  const [, short, name, metavar] = /^(?:-(\w), )?--([\w-]+)(?: (.+))?$/.exec(spelling)!;
  const [lacks, isMissing] = more.lacks ?? [undefined, () => false];
  const status = more.status ??
    (lacks !== undefined && isMissing === undefined ? "later" : "works");
  return {
    name: name!,
    short,
    metavar,
    kind,
    help,
    verbs: more.verbs,
    aliases: (more.also ?? []).map((a) => typeof a === "string" ? { spelling: a } : a),
    separator: more.list,
    status,
    lacks,
    isMissing: isMissing ?? (() => true),
    warn: more.warn,
    isHidden: more.isHidden ?? false,
    isCommandLineOnly: more.isCommandLineOnly ?? false,
  };
}

/** `--enable-x=false` for `--no-x`. */
function opposite(...names: string[]): OptionAlias[] {
  return names.map((spelling) => ({ spelling, isOpposite: true }));
}

const isOn = (value: OptionValue) => value === true;
const isNotOff = (value: OptionValue) => value === false;
const isNotZero = (value: OptionValue) => value !== 0;

/** Between values that hold no white space and no comma. */
const WORDS = /[\s,]+/;
/** Between globs, which may hold anything but a line break. */
const LINES = /\n/;
/** Between URLs, which may hold commas: white space, or a comma before the next scheme. */
const URLS = /\s+|,(?=\w+:\/\/)/;

const FILES: readonly OptionSpec[] = [
  option("-o, --output DIR", TEXT, "where the torrent's file or folder goes (.)", {
    verbs: ["get", "create", "meta"],
    also: ["-d", "--dir"],
    lacks: ["streaming to standard output is", (value) => value === "-"],
  }),
  option("--include GLOB", TEXT, "take only files that match; repeatable", {
    verbs: [...CHOICE, "create"],
    list: LINES,
  }),
  option("--exclude GLOB", TEXT, "leave out files that match; repeatable", {
    verbs: [...CHOICE, "create"],
    list: LINES,
  }),
  option("--select-file 1,3-5", { type: "ranges" }, "take files by their numbers in info", {
    verbs: CHOICE,
    list: LINES,
  }),
  option("--buffer SIZE", SIZE, "how far to fetch ahead of the reader of -o - (32M)", {
    verbs: ["get", "cat"],
    lacks: ["streaming to standard output is"],
  }),
  option("--reuse DIR", TEXT, "take matching data from older downloads first; repeatable", {
    verbs: FETCH,
    list: LINES,
    lacks: ["reusing older downloads is"],
  }),
  option(
    "--allocate HOW",
    { type: "enum", values: ["sparse", "full", "none"] },
    "disk space: sparse, full (reserved at the start) or none (sparse)",
    {
      verbs: FETCH,
      also: [{
        spelling: "--file-allocation",
        values: { prealloc: "full", falloc: "full", trunc: "sparse" },
      }],
    },
  ),
  option("--fsync", FLAG, "flush the data to the disk before the download counts as done", {
    verbs: FETCH,
  }),
  option("--piece-length SIZE", SIZE, "16K to 64M, a power of two", { verbs: ["create"] }),
  option("-c, --continue", FLAG, "always on: the same command again continues", {
    verbs: FETCH,
    lacks: ["ignoring what is on the disk is", isNotOff],
    isHidden: true,
  }),
];

const SWITCHES: readonly OptionSpec[] = [
  option("--no-dht", FLAG, "do not look for peers in the DHT", {
    verbs: SWARM,
    also: opposite("--dht", "--enable-dht"),
    lacks: ["the DHT is", isNotOff],
    status: "off-switch",
  }),
  option("--no-pex", FLAG, "do not learn peers from peers", {
    verbs: SWARM,
    also: opposite("--pex", "--enable-peer-exchange"),
    lacks: ["peer exchange is", isNotOff],
    status: "off-switch",
  }),
  option("--no-lsd", FLAG, "do not look for peers on the local network", {
    verbs: SWARM,
    also: opposite("--lsd", "--bt-enable-lpd"),
    lacks: ["local peer discovery is", isNotOff],
    status: "off-switch",
  }),
  option("--no-webseeds", FLAG, "use no HTTP seeds, not even the torrent's own", {
    verbs: SWARM,
    lacks: ["web seeds are", isNotOff],
    status: "off-switch",
  }),
];

const PEERS: readonly OptionSpec[] = [
  option(
    "--max-peers N",
    { type: "int", min: 1, max: 10_000 },
    "peers at the most, dialling plus connected (40)",
    { verbs: SWARM, also: ["--bt-max-peers"] },
  ),
  option(
    "-p, --port PORT",
    { type: "ports" },
    "listen on N, or on one of A-B; 0 lets the system choose (6881-6889, then any)",
    { verbs: [...SWARM, "tracker"], also: ["--listen-port"] },
  ),
  option("--peer HOST:PORT", ADDRESS, "add a peer, dialled first; repeatable", {
    verbs: SWARM,
    list: WORDS,
  }),
  option("-t, --tracker URL", ANNOUNCE, "add a tracker; repeatable", {
    verbs: [...SWARM, "create", "edit", "scrape"],
    also: ["--bt-tracker"],
    list: URLS,
  }),
  option("--no-trackers", FLAG, "use no trackers, not even the torrent's own", { verbs: SWARM }),
  option("--webseed URL", WEB, "add an HTTP seed; repeatable", {
    verbs: [...SWARM, "create", "edit"],
    list: URLS,
    lacks: ["web seeds are"],
  }),
  ...SWITCHES,
  option("--no-peers", FLAG, "no peers at all: web seeds alone", { verbs: SWARM }),
  option("--dht-node HOST:PORT", ADDRESS, "a DHT node to start from; repeatable", {
    verbs: SWARM,
    also: ["--dht-entry-point"],
    list: WORDS,
    lacks: ["the DHT is"],
  }),
  option(
    "--encryption HOW",
    { type: "enum", values: ["off", "allow", "prefer", "require"] },
    "of peer connections: off, allow, prefer or require (allow)",
    {
      verbs: SWARM,
      lacks: ["encryption is", (value) => value === "prefer" || value === "require"],
      status: "off-switch",
    },
  ),
  option(
    "--transport HOW",
    { type: "enum", values: ["tcp", "utp", "both"] },
    "to peers: tcp, utp or both (both)",
    { verbs: SWARM, lacks: ["uTP is", (value) => value === "utp"], status: "off-switch" },
  ),
  option("--blocklist FILE", TEXT, "never talk to these addresses", {
    verbs: SWARM,
    lacks: ["blocklists are"],
  }),
  option("--proxy URL", TEXT, "all traffic through a proxy (http, socks5), or none at all", {
    verbs: SWARM,
    also: ["--all-proxy"],
    lacks: ["proxies are"],
  }),
  option("--interface ADDR", TEXT, "all traffic from this address, or none at all", {
    verbs: SWARM,
    lacks: ["binding to an interface is"],
  }),
  option("--allow-private", FLAG, "permit what the safety policy refuses on private addresses", {
    verbs: [...new Set([...SWARM, ...SOURCED])],
  }),
];

const SPEED: readonly OptionSpec[] = [
  option("--down-limit RATE", RATE, "800K, 5M: bytes a second down (0: no limit)", {
    verbs: SWARM,
    also: ["--max-download-limit", "--max-overall-download-limit"],
  }),
  option("-u, --up-limit RATE", RATE, "bytes a second up (0: no limit)", {
    verbs: SWARM,
    also: ["--max-upload-limit", "--max-overall-upload-limit"],
  }),
  option("--sequential", FLAG, "pieces in order instead of the rarest first", { verbs: FETCH }),
  option("--seed", FLAG, "go on seeding after the download (off)", {
    verbs: ["get"],
  }),
  option("--seed-ratio R", RATIO, "seed until R times the size was given (0: do not seed)", {
    verbs: GIVE,
  }),
  option("--seed-time DURATION", DURATION, "seed this long (0: do not seed)", {
    verbs: GIVE,
    warn: (text) =>
      /^[\d.]+$/.test(text) && Number(text) > 0
        ? `--seed-time ${text} is ${text} seconds here (minutes in aria2): write ${text}s or ${text}m`
        : undefined,
  }),
  option("--seed-while", FLAG, "seed while the COMMAND after -- runs, exit with its code", {
    verbs: GIVE,
    isCommandLineOnly: true,
  }),
  option("--super-seed", FLAG, "as the first seed, give every piece once before twice", {
    verbs: GIVE,
    lacks: ["seeding is", isOn],
    status: "later",
  }),
];

const DEADLINES: readonly OptionSpec[] = [
  option("--metadata-timeout DURATION", DURATION, "for the metadata of a magnet (2m; 0: none)", {
    verbs: ["get", "meta", "cat"],
  }),
  option(
    "--stall-timeout DURATION",
    DURATION,
    "without progress (10m off a terminal, none on one; 0: none)",
    { verbs: FETCH, also: ["--bt-stop-timeout"] },
  ),
  option("--timeout DURATION", DURATION, "for the whole run (none; 0: none)", {
    verbs: [...new Set([...SWARM, ...SOURCED])],
  }),
];

const MANY: readonly OptionSpec[] = [
  option("-i, --input-file FILE", TEXT, "a file that lists sources, one a line; - is stdin", {
    verbs: ["get"],
  }),
  option("-j, --jobs N", { type: "int", min: 1, max: 1000 }, "torrents at a time (5)", {
    verbs: ["get"],
    also: ["--max-concurrent-downloads"],
  }),
];

const OUTPUT: readonly OptionSpec[] = [
  option("--json", FLAG, "one JSON object a line on stdout, nothing else", { verbs: ALL }),
  option(
    "--progress HOW",
    { type: "enum", values: ["auto", "bar", "plain", "none"] },
    "auto, bar (live), plain (lines) or none (auto)",
    { verbs: SWARM },
  ),
  option("-q, --quiet", FLAG, "say nothing but errors", { verbs: ALL }),
  option("-v, --verbose", { type: "count" }, "say more; -vv says everything", { verbs: ALL }),
  option("--log-file FILE", TEXT, "append what -vv says to a file", {
    verbs: ALL,
    also: ["--log"],
  }),
  option("--no-color", FLAG, "no colours", { verbs: ALL, also: opposite("--color") }),
];

const GENERAL: readonly OptionSpec[] = [
  option("-h, --help", FLAG, "show help", {
    verbs: [...ALL, "completions", "man", "help", "version"],
    isCommandLineOnly: true,
  }),
  option("-V, --version", FLAG, "print the version", {
    verbs: [...ALL, "completions", "man", "help", "version"],
    isCommandLineOnly: true,
  }),
];

/** Every option, in the sections and the order of help. */
export const SECTIONS: readonly OptionSection[] = [
  { title: "Files", options: FILES },
  { title: "Peers and trackers", options: PEERS },
  { title: "Speed and seeding", options: SPEED },
  { title: "Deadlines", options: DEADLINES },
  { title: "Many torrents", options: MANY },
  { title: "What it prints", options: OUTPUT },
  { title: "General", options: GENERAL },
];
