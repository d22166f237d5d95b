/**
 * The table of verbs: what each takes, what it is for, how it is typed, and whether this version has it.
 *
 * Help, completion, the check of arguments and "did you mean" all come from this table and the one of
 * options, so that none of them can say something else than the program does.
 *
 * @module
 */

/** The name of every verb. */
export type VerbName =
  | "get"
  | "seed"
  | "share"
  | "create"
  | "info"
  | "meta"
  | "cat"
  | "verify"
  | "magnet"
  | "edit"
  | "scrape"
  | "tracker"
  | "doctor"
  | "demo"
  | "completions"
  | "man"
  | "help"
  | "version";

/** A line to type and what it does. */
export interface Example {
  readonly command: string;
  readonly does: string;
}

/** A row of the table. */
export interface VerbSpec {
  readonly name: VerbName;
  readonly alias?: string;
  /** Its arguments as help shows them: `SOURCE...`. */
  readonly usage: string;
  /** How many arguments there must be. */
  readonly min: number;
  /** How many there may be. */
  readonly max: number;
  /** One line, without a full stop. */
  readonly summary: string;
  readonly examples: readonly Example[];
  /** What else its help says: short paragraphs. */
  readonly notes?: readonly string[];
  /** Whether this version can do it. */
  readonly isBuilt: boolean;
}

const SOURCE_NOTE =
  "SOURCE is the path of a .torrent file, - for one on standard input, an http(s) URL of one, a magnet link " +
  "(in quotes: & ends a command), or a bare infohash.";

/** Every verb. */
export const VERBS: readonly VerbSpec[] = [
  {
    name: "get",
    usage: "SOURCE...",
    min: 1,
    max: Infinity,
    summary: "download torrents and verify every byte",
    examples: [
      { command: "starling get ubuntu.torrent -o ~/Downloads", does: "download into a folder" },
      { command: "starling get https://example.org/data.torrent", does: "a .torrent from the web" },
      { command: "starling get 'magnet:?xt=urn:btih:...'", does: "a magnet link" },
      { command: "starling get data.torrent --include '*.csv'", does: "only some of the files" },
      {
        command: "starling get data.torrent --select-file 1,3-5",
        does: "by their numbers in info",
      },
      { command: "starling get data.torrent --stall-timeout 5m --json", does: "in a script" },
      { command: "starling get -i list.txt -j 3", does: "many, three at a time" },
    ],
    notes: [
      SOURCE_NOTE,
      "Run the same command again to continue: what is on the disk is checked, and only what is missing " +
      "is fetched. Ctrl-C stops cleanly; a second one stops at once.",
    ],
    isBuilt: true,
  },
  {
    name: "cat",
    usage: "SOURCE [FILE]",
    min: 1,
    max: 2,
    summary: "write the verified bytes of one file to standard output",
    examples: [
      { command: "starling cat data.torrent archive.tar | tar -x", does: "unpack while it comes" },
      { command: "starling cat film.torrent | mpv -", does: "the only file" },
      { command: "starling cat logs.torrent 3 | zcat | head", does: "by its number in info" },
    ],
    notes: [
      SOURCE_NOTE,
      "FILE is the path inside the torrent, or its number; it can be left out where there is one file. " +
      "Nothing is written to the disk: what is read is let go, and --buffer bounds what is fetched ahead. " +
      "A reader that goes away ends it quietly; data that breaks off is an error.",
    ],
    isBuilt: true,
  },
  {
    name: "seed",
    usage: "TORRENT [PATH]",
    min: 1,
    max: 2,
    summary: "verify PATH, then seed it until told to stop",
    examples: [
      { command: "starling seed data.torrent ~/Downloads", does: "what was downloaded there" },
      {
        command: "starling seed data.torrent --seed-ratio 2",
        does: "until twice its size is given",
      },
      { command: "starling seed data.torrent data --up-limit 5M", does: "at most 5 MiB a second" },
    ],
    notes: [
      "PATH is the folder the torrent was downloaded into, or its file or folder itself; it defaults to " +
      "the current folder. Nothing is written; links are followed. What does not verify is not given.",
    ],
    isBuilt: true,
  },
  {
    name: "info",
    alias: "ls",
    usage: "SOURCE",
    min: 1,
    max: 1,
    summary: "show what is in a torrent: files, sizes, infohash, trackers, magnet",
    examples: [
      { command: "starling info ubuntu.torrent", does: "for people" },
      { command: "starling info ubuntu.torrent --json", does: "for scripts" },
      { command: "starling ls data.torrent --include '*.csv'", does: "which files would be taken" },
      { command: "curl -s https://example.org/a.torrent | starling info -", does: "from a pipe" },
    ],
    notes: [SOURCE_NOTE],
    isBuilt: true,
  },
  {
    name: "create",
    usage: "PATH",
    min: 1,
    max: 1,
    summary: "make a .torrent file of a file or folder",
    examples: [
      { command: "starling create photos -t https://example.org/announce", does: "photos.torrent" },
      {
        command: "starling create data -o /srv/data.torrent --exclude '*.tmp'",
        does: "elsewhere, without some",
      },
      { command: "starling create disk.img -o - --piece-length 4M", does: "to standard output" },
    ],
    notes: [
      "Every file of a folder is in the torrent, hidden and empty ones too, and links are followed; " +
      "--include and --exclude see the path below PATH (nothing hidden: --exclude '.*' --exclude " +
      "'**/.*/**'). Files are in the order of their names' bytes, so " +
      "the infohash is the same on every system, and the one mktorrent has for the same files.",
    ],
    isBuilt: true,
  },
  {
    name: "verify",
    usage: "TORRENT [PATH]",
    min: 1,
    max: 2,
    summary: "compare files with a torrent: ok, bad, missing, extra",
    examples: [
      { command: "starling verify data.torrent ~/Downloads", does: "what was downloaded there" },
      { command: "starling verify data.torrent --json", does: "for scripts" },
      { command: "starling verify data.torrent --repair", does: "download what is not right" },
    ],
    notes: [
      "PATH is the folder the torrent was downloaded into, or its file or folder itself; it defaults to " +
      "the current folder. Without --repair nothing is written. Files that do not belong to the torrent " +
      "are told and do no harm; anything bad or missing ends with status 6.",
    ],
    isBuilt: true,
  },
  {
    name: "edit",
    usage: "TORRENT",
    min: 1,
    max: 1,
    summary: "change trackers, web seeds, comment, source, private",
    examples: [
      { command: "starling edit data.torrent -t udp://example.org:6969", does: "one more tracker" },
      {
        command: "starling edit data.torrent --no-trackers -t https://example.org/announce",
        does: "another tracker",
      },
      {
        command: "starling edit data.torrent --comment '' -o copy.torrent",
        does: "a copy without",
      },
    ],
    notes: [
      "Everything else in the file stays byte for byte. --private and --source are part of the infohash: " +
      "changing them makes another torrent of it.",
    ],
    isBuilt: true,
  },
  {
    name: "meta",
    usage: "MAGNET",
    min: 1,
    max: 1,
    summary: "fetch only the metadata of a magnet link, as a .torrent file",
    examples: [
      { command: "starling meta 'magnet:?xt=urn:btih:...' -o a.torrent", does: "to a file" },
      {
        command: "starling meta 'magnet:?xt=urn:btih:...' -o - | starling info -",
        does: "to a pipe",
      },
    ],
    notes: [
      "MAGNET is a magnet link, or a bare infohash with --peer or --tracker. The trackers and web seeds of " +
      "the link are in the file.",
    ],
    isBuilt: true,
  },
  {
    name: "magnet",
    usage: "TORRENT",
    min: 1,
    max: 1,
    summary: "print the magnet link of a torrent",
    examples: [{ command: "starling magnet data.torrent", does: "to paste somewhere" }],
    isBuilt: true,
  },
  {
    name: "share",
    usage: "PATH...",
    min: 1,
    max: Infinity,
    summary: "create a torrent, track it and seed it, in one process",
    examples: [
      { command: "starling share results/", does: "prints what to type on the other machine" },
      { command: "starling share model.bin --up-limit 20M", does: "at most 20 MiB a second" },
    ],
    notes: [
      "The tracker speaks HTTP and UDP on port 6969, or on any port when that one is taken, and serves the " +
      ".torrent too, so the other machine needs one URL. Ctrl-C ends it.",
    ],
    isBuilt: true,
  },
  {
    name: "scrape",
    usage: "SOURCE",
    min: 1,
    max: 1,
    summary: "ask the trackers for seeds, leeches and completed downloads",
    examples: [
      { command: "starling scrape ubuntu.torrent", does: "what each of its trackers says" },
      {
        command: "starling scrape 'magnet:?xt=urn:btih:...' -t udp://example.org:6969",
        does: "one tracker more",
      },
      { command: "starling scrape ubuntu.torrent --json", does: "for scripts" },
    ],
    notes: [
      "SOURCE is the path of a .torrent file, - for one on standard input, an http(s) URL of one, a magnet " +
      "link or an infohash. All trackers are asked at once, each for 20 seconds at the most; with no answer " +
      "from any the status is 7.",
    ],
    isBuilt: true,
  },
  {
    name: "doctor",
    usage: "[SOURCE]",
    min: 0,
    max: 1,
    summary: "say why a download is stalled: trackers, UDP, DHT, port, disk, pieces",
    examples: [
      { command: "starling doctor", does: "what this machine lets through" },
      { command: "starling doctor stalled.torrent -o ~/Downloads", does: "why it does not move" },
      { command: "starling doctor stalled.torrent --timeout 60 --json", does: "for scripts" },
    ],
    notes: [
      "SOURCE is the path of a .torrent file, - for one on standard input, an http(s) URL of one, a magnet " +
      "link or an infohash. Peers are asked what they have, and for no data. The status is 0 when a download " +
      "could work, 7 when no peer can be reached, 3 when those who can lack pieces.",
    ],
    isBuilt: true,
  },
  {
    name: "tracker",
    usage: "",
    min: 0,
    max: 0,
    summary: "run a tracker, for HTTP and UDP on one port",
    examples: [
      { command: "starling tracker", does: "for any torrent, on port 6969" },
      { command: "starling tracker -p 8000 --whitelist mine.txt", does: "for some torrents only" },
      { command: "starling tracker --interval 5m -q", does: "peers come back more often" },
    ],
    notes: [
      "It prints its announce URLs. Nothing is kept on the disk: after a restart the peers announce " +
      "themselves again within one interval. http://HOST:PORT/ is a page for people, /stats the same as JSON.",
    ],
    isBuilt: true,
  },
  {
    name: "demo",
    usage: "",
    min: 0,
    max: 0,
    summary: "a whole swarm on this machine, without the internet",
    examples: [{ command: "starling demo", does: "a tracker, three seeds, a download to watch" }],
    isBuilt: true,
  },
  {
    name: "completions",
    usage: "bash|zsh|fish",
    min: 1,
    max: 2,
    summary: "print a completion script for the shell",
    examples: [
      { command: "starling completions bash", does: "to be sourced by ~/.bashrc" },
      { command: "starling completions zsh", does: "a file _starling on fpath" },
      { command: "starling completions fish", does: "a file in ~/.config/fish/completions" },
    ],
    notes: [
      "They complete commands, options, their values, files, and for --include the files in a torrent.",
    ],
    isBuilt: true,
  },
  {
    name: "man",
    usage: "",
    min: 0,
    max: 0,
    summary: "print the manual page",
    examples: [{ command: "starling man", does: "as a file: starling.1; to read: | man -l -" }],
    isBuilt: true,
  },
  {
    name: "help",
    usage: "[COMMAND]",
    min: 0,
    max: 1,
    summary: "show help for starling or one of its commands",
    examples: [{ command: "starling help get", does: "every option of get" }],
    isBuilt: true,
  },
  {
    name: "version",
    usage: "",
    min: 0,
    max: 0,
    summary: "print the version",
    examples: [{ command: "starling version", does: "the same as --version" }],
    isBuilt: true,
  },
];

/** The verb of a name or alias. */
export function findVerb(name: string): VerbSpec | undefined {
  return VERBS.find((verb) => verb.name === name || verb.alias === name);
}
