/**
 * What tests of the typed contract share: a folder, a small torrent, somebody in this process who seeds it,
 * and the program in processes of its own.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { hex } from "../../../src/base/bytes.ts";
import { formatMagnet } from "../../../src/metainfo/magnet.ts";
import { openSession } from "../../../src/mod.ts";
import { makeTorrent, type TestTorrent } from "../../sim/torrents.ts";
import { parseEvents } from "../../support/events.ts";
import { withFolder } from "../../support/folder.ts";
import { type Run, type RunOptions, spawnStarling, starling } from "./process.ts";

/** A line of `--json`. */
export interface Event {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** Three files in five pieces; the small one shares a piece with its neighbour. */
export const SET: TestTorrent = makeTorrent({
  name: "set",
  files: [
    { path: "a.csv", length: 50_000 },
    { path: "b.csv", length: 70_000 },
    { path: "sub/c.txt", length: 20_000 },
  ],
});
/** Its files, below the folder it is downloaded to. */
export const FILES: readonly string[] = ["set/a.csv", "set/b.csv", "set/sub/c.txt"];
/** Its infohash in hex. */
export const HASH: string = hex(SET.metainfo.infoHash);
/** Its magnet link. */
export const LINK: string = formatMagnet({ ...SET.metainfo, trackers: [] });

/** The bytes of one of its files. */
export function bytesOf(index: number, { metainfo, content }: TestTorrent = SET): Uint8Array {
  const { offset, length } = metainfo.files[index]!;
  return content.subarray(offset, offset + length);
}

/** Where the program is typed. */
export class ProcessLab {
  /** Holds all of it; the current folder of the program. */
  readonly folder: string;
  /** The torrent file. */
  readonly torrent: string;
  /** The seed in this process, `HOST:PORT`. */
  readonly peer: string;

  /** @param folder and who seeds what in it. */
  constructor(folder: string, peer: string) {
    this.folder = folder;
    this.torrent = `${folder}/set.torrent`;
    this.peer = peer;
  }

  /** A path in the folder. */
  path(name: string): string {
    return `${this.folder}/${name}`;
  }

  /** Types a line; nothing is between the words but spaces. */
  run(line: string, options: RunOptions = {}): Promise<Run> {
    return starling(wordsOf(line), this.#options(options));
  }

  /** Types a line and lets it run. */
  start(line: string, options: RunOptions = {}): Deno.ChildProcess {
    return spawnStarling(wordsOf(line), this.#options(options));
  }

  /** Writes files, of bytes or of text. */
  async put(files: Readonly<Record<string, Uint8Array | string>>): Promise<void> {
    for (const [name, content] of Object.entries(files)) {
      const path = this.path(name);
      await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      await Deno.writeFile(path, bytes);
    }
  }

  /** Puts a copy of the torrent's files into a folder of that name. */
  putSet(name: string): Promise<void> {
    const { files } = SET.metainfo;
    const copies = files.map((file, i) => [`${name}/${file.path.join("/")}`, bytesOf(i)] as const);
    return this.put(Object.fromEntries(copies));
  }

  #options(options: RunOptions): RunOptions {
    const env = { XDG_CACHE_HOME: this.path("cache"), STARLING_PORT: "0", ...options.env };
    return { cwd: this.folder, ...options, env };
  }
}

function wordsOf(line: string): string[] {
  return line.split(" ").filter((word) => word !== "");
}

/** Runs with a folder and a seed, both gone afterwards. */
export async function withLab(body: (lab: ProcessLab) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    await Deno.writeFile(`${folder}/set.torrent`, SET.bytes);
    await using session = await openSession({ ports: [0] });
    const lab = new ProcessLab(folder, `127.0.0.1:${session.port}`);
    await lab.putSet("seed");
    const options = { output: `${folder}/seed`, isUploadOnly: true, noDht: true, noLsd: true };
    await session.add({ metainfo: SET.metainfo, ...options }).downloaded;
    await body(lab);
  });
}

/** Everything below a folder, hidden files too; none where there is no folder. */
export function tree(folder: string): string[] {
  const out: string[] = [];
  try {
    for (const { name, isDirectory } of Deno.readDirSync(folder)) {
      if (isDirectory) {
        for (const below of tree(`${folder}/${name}`)) out.push(`${name}/${below}`);
      } else out.push(name);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return out.sort();
}

/** The lines of `--json`, each held against the schema. */
export function eventsOf({ stdout }: Run): Event[] {
  return parseEvents<Event>(stdout.split("\n").slice(0, -1));
}

/** The error that explains an exit code: exactly one line, at most one hint behind it, and no trace. */
export function errorOf({ stderr }: Run): { error: string; hint: string | undefined } {
  const lines = stderr.split("\n");
  const errors = lines.filter((line) => line.startsWith("error: "));
  const hints = lines.filter((line) => line.startsWith("hint: "));
  assertEquals(errors.length, 1, stderr);
  assert(hints.length <= 1 && !lines.some((line) => /^ +at /.test(line)), stderr);
  if (hints.length === 1) assertEquals(lines[lines.indexOf(errors[0]!) + 1], hints[0]);
  return { error: errors[0]!.slice(7), hint: hints[0]?.slice(6) };
}

/** Asserts a good end that left standard output alone. */
export function assertDone(run: Run): void {
  assertEquals([run.code, run.stdout], [0, ""], run.stderr);
  assert(!/^error: /m.test(run.stderr), run.stderr);
}

/** What a process says, on standard output unless told otherwise, up to what matches. */
export async function hear(
  child: Deno.ChildProcess,
  pattern: RegExp,
  stream: "stdout" | "stderr" = "stdout",
): Promise<RegExpMatchArray> {
  let text = "";
  const reader = child[stream].getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const match = text.match(pattern);
      if (match !== null) return match;
      const { value, done } = await reader.read();
      if (done) throw new Error(`Cannot see ${pattern} in ${text}`);
      text += decoder.decode(value, { stream: true });
    }
  } finally {
    reader.releaseLock();
  }
}

/** Ends a process by a signal and hears it out; gives its exit code and what it said on standard error. */
export async function end(
  child: Deno.ChildProcess,
  signal: Deno.Signal,
): Promise<{ code: number; stderr: string }> {
  child.kill(signal);
  const [, stderr] = await Promise.all([rest(child.stdout), rest(child.stderr)]);
  return { code: (await child.status).code, stderr };
}

/** What is left of a stream that somebody may have read from before. */
async function rest(stream: ReadableStream<Uint8Array>): Promise<string> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return text;
    text += decoder.decode(value, { stream: true });
  }
}
