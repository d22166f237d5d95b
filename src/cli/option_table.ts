/**
 * The table of options.
 *
 * A row reads like its help: spelling, kind of value, what it does with its default in parentheses. After
 * that come the verbs that have it, other spellings (aria2's long names among them, since fingers know
 * them) and, where this version cannot do all that it asks for, what is lacking.
 *
 * @module
 */

import { opposite, option } from "./option_row.ts";
import type { OptionSection, OptionSpec } from "./option_spec.ts";
import type { OptionKind, OptionValue } from "./values.ts";
import type { VerbName } from "./verbs.ts";

const FLAG: OptionKind = { type: "flag" };
const TEXT: OptionKind = { type: "text" };
const WORDING: OptionKind = { type: "text", mayBeEmpty: true };
const SIZE: OptionKind = { type: "size" };
const RATE: OptionKind = { type: "rate" };
const RATIO: OptionKind = { type: "ratio" };
const DURATION: OptionKind = { type: "duration" };
const ADDRESS: OptionKind = { type: "host-port" };
const WEB: OptionKind = { type: "url", schemes: ["http", "https"] };
const ANNOUNCE: OptionKind = { type: "url", schemes: ["http", "https", "udp"] };

/** Verbs that talk to peers. */
const SWARM: readonly VerbName[] = [
  ...["get", "seed", "share", "info", "meta", "cat", "verify", "doctor"] as const,
];
/** Verbs that bring data. */
const FETCH: readonly VerbName[] = ["get", "cat", "verify"];
/** Verbs that keep data. */
const KEEP: readonly VerbName[] = ["get", "verify"];
/** Verbs that can give data. */
const GIVE: readonly VerbName[] = ["get", "seed", "share"];
/** Verbs that a choice of files makes sense for. */
const CHOICE: readonly VerbName[] = ["get", "info", "verify"];
/** Verbs that take a SOURCE. */
const SOURCED: readonly VerbName[] = [
  ...["get", "info", "meta", "cat", "magnet", "edit", "scrape", "doctor"] as const,
];
/** Verbs that write a torrent file. */
const MAKE: readonly VerbName[] = ["create", "edit"];
/** Every verb that does something. */
const ALL: readonly VerbName[] = [
  ...["get", "seed", "share", "create", "info", "meta", "cat", "verify", "magnet"] as const,
  ...["edit", "scrape", "tracker", "doctor", "demo"] as const,
];

const isOn = (value: OptionValue) => value === true;
const isNotOff = (value: OptionValue) => value === false;

/** Between values that hold no white space and no comma. */
const WORDS = /[\s,]+/;
/** Between globs, which may hold anything but a line break. */
const LINES = /\r?\n/;
/** Between URLs, which may hold commas: white space, or a comma before the next scheme. */
const URLS = /\s+|,(?=\w+:\/\/)/;

const FILES: readonly OptionSpec[] = [
  option("-o, --output DIR", TEXT, "where the torrent's file or folder goes (.); - is stdout", {
    verbs: ["get", "create", "edit", "meta", "doctor"],
    also: ["-d", "--dir"],
    helpIn: {
      doctor: { help: "where the download would go (.)" },
      create: {
        metavar: "FILE",
        help: "the torrent file, or a folder for it (NAME.torrent); - is stdout",
      },
      edit: { metavar: "FILE", help: "leave TORRENT as it is and write to FILE; - is stdout" },
    },
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
  option("--buffer SIZE", SIZE, "memory for what is fetched ahead of the reader of -o - (32M)", {
    verbs: ["get", "cat"],
    helpIn: { cat: { help: "memory for what is fetched ahead of the reader (32M)" } },
  }),
  option("--reuse DIR", TEXT, "take matching data from older downloads first; repeatable", {
    verbs: KEEP,
    list: LINES,
  }),
  option(
    "--allocate HOW",
    { type: "enum", values: ["sparse", "full", "none"] },
    "disk space: sparse, full (reserved at the start) or none (sparse)",
    {
      verbs: KEEP,
      also: [{
        spelling: "--file-allocation",
        values: { prealloc: "full", falloc: "full", trunc: "sparse" },
      }],
    },
  ),
  option("--repair", FLAG, "download what is bad or missing", { verbs: ["verify"] }),
  option("--fsync", FLAG, "flush the data to the disk before the download counts as done", {
    verbs: KEEP,
  }),
  option("-c, --continue", FLAG, "always on: the same command again continues", {
    verbs: KEEP,
    lacks: ["ignoring what is on the disk is", isNotOff],
    isHidden: true,
  }),
];

const MAKING: readonly OptionSpec[] = [
  option(
    "--piece-length SIZE",
    SIZE,
    "16K to 64M, a power of two (16K to 16M, for 1,000 to 2,000 pieces)",
    { verbs: ["create"] },
  ),
  option("--hybrid", FLAG, "for programs of version 1 and 2 of the protocol (BEP 52)", {
    verbs: ["create"],
    lacks: ["hybrid torrents are", isOn],
    status: "later",
  }),
  option("--v2", FLAG, "for programs of version 2 of the protocol alone (BEP 52)", {
    verbs: ["create"],
    lacks: ["torrents of version 2 are", isOn],
    status: "later",
  }),
  option("--private", FLAG, "peers come from its trackers only; part of the infohash", {
    verbs: MAKE,
  }),
  option(
    "--source TEXT",
    WORDING,
    "tells one tracker's torrents from another's; part of the infohash",
    {
      verbs: MAKE,
      helpIn: {
        edit: {
          help: "tells one tracker's torrents from another's, part of the infohash; empty: none",
        },
      },
    },
  ),
  option("--comment TEXT", WORDING, "a comment", {
    verbs: MAKE,
    helpIn: { edit: { help: "a comment; empty: none" } },
  }),
  option("--name NAME", TEXT, "what the torrent is called (the name of PATH)", {
    verbs: ["create"],
  }),
  option("--pad-files", FLAG, "begin every file with a piece of its own (BEP 47)", {
    verbs: ["create"],
  }),
  option("--no-date", FLAG, "leave out when it was made", { verbs: ["create"] }),
  option("--force", FLAG, "replace a file that is there already", { verbs: [...MAKE, "meta"] }),
];

const SWITCHES: readonly OptionSpec[] = [
  option("--no-dht", FLAG, "do not look for peers in the DHT", {
    verbs: SWARM,
    also: opposite("--dht", "--enable-dht"),
  }),
  option("--no-pex", FLAG, "do not learn peers from peers", {
    verbs: SWARM,
    also: opposite("--pex", "--enable-peer-exchange"),
  }),
  option("--no-lsd", FLAG, "do not look for peers on the local network", {
    verbs: SWARM,
    also: opposite("--lsd", "--bt-enable-lpd"),
  }),
  option(
    "--lsd-interface NAME|ADDR",
    TEXT,
    "use the local network of this interface only (all); repeatable",
    { verbs: SWARM, also: ["--bt-lpd-interface"], list: LINES },
  ),
  option("--no-webseeds", FLAG, "use no HTTP seeds: there are none in this version", {
    verbs: [...SWARM, "edit"],
    helpIn: { edit: { help: "take its web seeds away, before --webseed adds any" } },
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
    {
      verbs: [...SWARM, "tracker"],
      also: ["--listen-port"],
      helpIn: {
        tracker: {
          help: "for HTTP and UDP: N, or one of A-B; 0 lets the system choose (6969)",
        },
      },
    },
  ),
  option("--peer HOST:PORT", ADDRESS, "add a peer, dialled first; repeatable", {
    verbs: SWARM,
    list: WORDS,
  }),
  option("-t, --tracker URL", ANNOUNCE, "add a tracker; repeatable", {
    verbs: [...SWARM, "create", "edit", "scrape"],
    also: ["--bt-tracker"],
    list: URLS,
    helpIn: {
      create: { metavar: "URL[,URL...]", help: "a tracker, or a tier of several; repeatable" },
      edit: { metavar: "URL[,URL...]", help: "add a tracker, or a tier of several; repeatable" },
    },
  }),
  option("--no-trackers", FLAG, "use no trackers, not even the torrent's own", {
    verbs: [...SWARM, "edit"],
    helpIn: { edit: { help: "take its trackers away, before -t adds any" } },
  }),
  option("--webseed URL", WEB, "add an HTTP seed; repeatable", {
    verbs: [...SWARM, "create", "edit"],
    list: URLS,
    lacks: ["web seeds are"],
    wholeIn: MAKE,
  }),
  ...SWITCHES,
  option(
    "--tracker-port N",
    { type: "int", min: 0, max: 65_535 },
    "of the tracker (6969, then any)",
    {
      verbs: ["share"],
    },
  ),
  option("--whitelist FILE", TEXT, "track only the infohashes in FILE, one a line (any torrent)", {
    verbs: ["tracker"],
  }),
  option("--interval DURATION", DURATION, "how often peers are to announce (30m)", {
    verbs: ["tracker"],
  }),
  option("--no-peers", FLAG, "no peers at all: only what is there already", { verbs: SWARM }),
  option(
    "--dht-node HOST:PORT",
    ADDRESS,
    "a DHT node to start from (well-known ones); repeatable",
    {
      verbs: SWARM,
      also: ["--dht-entry-point"],
      list: WORDS,
    },
  ),
  option(
    "--encryption HOW",
    { type: "enum", values: ["off", "allow", "prefer", "require"] },
    "of peer connections: off or allow; there is none in this version (allow)",
    {
      verbs: SWARM,
      lacks: ["encryption is", (value) => value === "prefer" || value === "require"],
      status: "off-switch",
    },
  ),
  option(
    "--transport HOW",
    { type: "enum", values: ["tcp", "utp", "both"] },
    "to peers: tcp or both; tcp is all there is in this version (both)",
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
  option("--sequential", FLAG, "pieces in order instead of the rarest first", { verbs: KEEP }),
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
  }),
];

const DEADLINES: readonly OptionSpec[] = [
  option("--metadata-timeout DURATION", DURATION, "for the metadata of a magnet (2m; 0: none)", {
    verbs: ["get", "seed", "info", "meta", "cat", "verify"],
  }),
  option(
    "--stall-timeout DURATION",
    DURATION,
    "without progress (10m off a terminal, none on one; 0: none)",
    { verbs: FETCH, also: ["--bt-stop-timeout"] },
  ),
  option("--timeout DURATION", DURATION, "for the whole run (none; 0: none)", {
    verbs: [...new Set([...SWARM, ...SOURCED, "create" as const])],
    helpIn: { doctor: { help: "how long to look (15s)" } },
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
  option("--json", FLAG, "one JSON object a line on stdout, nothing else", {
    // Its standard output is the data.
    verbs: ALL.filter((verb) => verb !== "cat"),
  }),
  option(
    "--progress HOW",
    { type: "enum", values: ["auto", "bar", "plain", "none"] },
    "auto, bar (live), plain (lines) or none (auto)",
    { verbs: [...SWARM, "create"] },
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
  { title: "The torrent", options: MAKING },
  { title: "Peers and trackers", options: PEERS },
  { title: "Speed and seeding", options: SPEED },
  { title: "Deadlines", options: DEADLINES },
  { title: "Many torrents", options: MANY },
  { title: "What it prints", options: OUTPUT },
  { title: "General", options: GENERAL },
];
