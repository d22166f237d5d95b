/**
 * The downloads of one run of `get`: a few at a time, each from SOURCE to outcome, with what is told of
 * them on the way.
 *
 * The session is opened when the first torrent is known to be one, so that a bad SOURCE costs no socket.
 * A download that fails leaves the others alone.
 *
 * @module
 */

import { join } from "@std/path/join";
import { hex } from "../base/bytes.ts";
import type { Magnet } from "../metainfo/magnet.ts";
import type { Metainfo } from "../metainfo/torrent_file.ts";
import type { World } from "../ports/world.ts";
import type { Outcome, SessionEvent } from "../session/events.ts";
import type { TorrentStats } from "../session/stats.ts";
import { choose, type PlacedChoice } from "./choice.ts";
import type { Context, RunningSession, RunningTorrent } from "./context.ts";
import { type Deadline, deadline } from "./deadline.ts";
import { type Downloaded, Repeated, tellAll, tellEnd, type Telling } from "./downloaded.ts";
import { type Failure, failureOf, failureOfOutcome } from "./exit.ts";
import type { Plan } from "./plan.ts";
import { pour, type Poured } from "./pour.ts";
import { Progress, type ProgressRow } from "./progress.ts";
import { renderSeeding } from "./render.ts";
import { renderReuse } from "./render_end.ts";
import { noMatch } from "./select.ts";
import { firstWordsOf, magnetOf } from "./magnet_source.ts";
import { runCommand } from "./seed_command.ts";
import { readTorrent } from "./source.ts";
import { nameOfSource } from "./source_kind.ts";

/** What downloads are made with. */
export interface DownloadParts {
  readonly context: Context;
  readonly plan: Plan;
  readonly world: World;
  readonly limit: Deadline;
  /** Whether there is one SOURCE, whose end is the end of the run. */
  readonly isOnly: boolean;
}

/** A session that will not close in this time is left behind. */
const CLOSE_MS = 3_000;

/** The downloads of a run. */
export class Downloads {
  readonly #context: Context;
  readonly #plan: Plan;
  readonly #world: World;
  readonly #limit: Deadline;
  readonly #isOnly: boolean;
  readonly #progress: Progress;
  readonly #startedAt: number;
  readonly #names = new Map<string, string>();
  readonly #outputs = new Map<string, string>();
  /** The source of every torrent that was started, by its infohash. */
  readonly #sources = new Map<string, string>();
  #session: Promise<RunningSession> | undefined;
  #events: Promise<void> = Promise.resolve();
  readonly #running = new Set<RunningTorrent>();
  #commandCode: number | undefined;
  #poured: Promise<Poured | void> = Promise.resolve();

  constructor({ context, plan, world, limit, isOnly }: DownloadParts) {
    this.#context = context;
    this.#plan = plan;
    this.#world = world;
    this.#limit = limit;
    this.#isOnly = isOnly;
    this.#progress = new Progress(context.screen, context.shell.stderr, world.clock);
    this.#startedAt = world.clock.now();
  }

  /** Downloads every source, `-j` at a time; one result for each torrent, in their order. */
  async run(sources: readonly string[]): Promise<Downloaded[]> {
    const { interrupts } = this.#context;
    const shown = new AbortController();
    const showing = this.#progress.run(shown.signal);
    const results: Downloaded[] = [];
    const ends: Promise<void>[] = [];
    let next = 0;
    const work = async () => {
      while (next < sources.length) {
        const at = next++;
        const downloaded = Promise.withResolvers<void>();
        const end = this.#download(sources[at]!, downloaded.resolve).then((result) => {
          // One that was stopped for want of a reader has nothing to say.
          const isLeft = interrupts.isLeft && result.failure?.reason === "terminated";
          results[at] = isLeft ? { source: result.source, isLeft } : result;
          tellEnd(results[at], this.#telling);
          downloaded.resolve();
        });
        ends.push(end);
        // One that only seeds makes room for the next.
        await downloaded.promise;
      }
    };
    await Promise.all(Array.from({ length: Math.min(this.#plan.jobs, sources.length) }, work));
    // Of those that seed there is no result yet.
    await this.#runCommand(results.every(({ failure, isLeft }) => !failure && !isLeft));
    await Promise.all(ends);
    await this.#close();
    shown.abort();
    await showing;
    const own = results.filter(({ isRepeated }) => isRepeated !== true);
    tellAll(own, this.#telling);
    return own;
  }

  /** The exit code of the command that was run while seeding, once it has ended. */
  get commandCode(): number | undefined {
    return this.#commandCode;
  }

  /** Runs the command of `--seed-while`, if any and all is there for it; its end ends the seeding. */
  async #runCommand(isWhole: boolean): Promise<void> {
    const { command } = this.#plan;
    if (command === undefined) return;
    const { shell, interrupts } = this.#context;
    const { signal } = this.#limit;
    try {
      if (isWhole) this.#commandCode = await runCommand(command, { shell, interrupts, signal });
      else if (!signal.aborted) this.#warn("--seed-while runs nothing: not everything is there");
    } finally {
      for (const torrent of this.#running) void torrent.stop();
    }
  }

  async #download(source: string, onDownloaded: () => void): Promise<Downloaded> {
    const { screen, interrupts, invocation } = this.#context;
    const { name, note } = firstWordsOf(source);
    // The first was told of before anything was loaded.
    const isTold = source === invocation.operands[0] || interrupts.isLeft;
    if (screen.look.progress !== "bar" && !isTold && note !== undefined) screen.note(note);
    const row = this.#progress.add(name);
    let torrent: RunningTorrent | undefined;
    try {
      torrent = await this.#start(source, row);
      this.#running.add(torrent);
      const outcome = await this.#finish(torrent, onDownloaded);
      const stats = torrent.stats();
      const { infoHash } = torrent;
      const poured = await this.#afterPouring();
      if (poured === "left") return { source, infoHash, isLeft: true };
      const failure = typeof poured === "object" ? poured : this.#failureOf(outcome, stats.name);
      const path = this.#pathOf(infoHash, stats);
      return { source, infoHash, stats, ...path, ...(failure === undefined ? {} : { failure }) };
    } catch (error) {
      if (error instanceof Repeated) return this.#repeated(source, error);
      const infoHash = torrent?.infoHash;
      return { source, failure: failureOf(error), ...(infoHash === undefined ? {} : { infoHash }) };
    } finally {
      if (torrent !== undefined) this.#running.delete(torrent);
      row.remove();
    }
  }

  /** Where its data is, unless that went to standard output. */
  #pathOf(infoHash: string, { name }: TorrentStats): Pick<Downloaded, "folder" | "path"> {
    if (this.#plan.pour !== undefined) return {};
    const folder = this.#outputs.get(infoHash) ?? this.#plan.torrent.output;
    return { folder, path: join(folder, name) };
  }

  #repeated(source: string, { message, infoHash }: Repeated): Downloaded {
    this.#warn(message, { infoHash });
    return { source, infoHash, isRepeated: true };
  }

  #warn(message: string, of: { readonly infoHash?: string } = {}): void {
    const { screen, json } = this.#context;
    screen.warn(message);
    json?.write({ v: 1, type: "warning", at: this.#world.clock.epochMs(), ...of, message });
  }

  /** Makes the torrent that of a source. @throws {Repeated} where it is another one's. */
  #claim(infoHash: Uint8Array | null, source: string): void {
    if (infoHash === null) return;
    const key = hex(infoHash);
    const first = this.#sources.get(key);
    if (first !== undefined) throw new Repeated(nameOfSource(source), nameOfSource(first), key);
    this.#sources.set(key, source);
  }

  /** Seeding that something else than its goals has ended is no success. */
  #failureOf(outcome: Outcome, name: string): Failure | undefined {
    const { interrupts } = this.#context;
    const { signal } = this.#limit;
    const wasCut = outcome.kind === "complete" && this.#isSeeder && signal.aborted;
    if (wasCut && !interrupts.signal.aborted) return failureOf(signal.reason);
    return failureOfOutcome(wasCut ? { kind: "stopped" } : outcome, {
      name,
      interrupted: interrupts.reason,
    });
  }

  /** From SOURCE to a torrent that runs. */
  async #start(source: string, row: ProgressRow): Promise<RunningTorrent> {
    const magnet = magnetOf(source);
    const torrent = magnet === undefined
      ? await this.#startFile(source)
      : await this.#startMagnet(source, magnet);
    row.follow(() => torrent.stats());
    return torrent;
  }

  async #startFile(source: string): Promise<RunningTorrent> {
    const { shell } = this.#context;
    const { http, hasher, cache, clock } = this.#world;
    const { signal } = this.#limit;
    const { allowPrivate, torrent: options, stallMs } = this.#plan;
    using patience = deadline(clock, stallMs, signal, "stall-timeout");
    const warn = (message: string) => this.#warn(message);
    const reader = { shell, http, hasher, cache, warn, allowPrivate };
    const metainfo = await readTorrent(source, reader, patience);
    const { selection, file, placed } = await this.#choose(source, metainfo);
    const session = await this.#open();
    signal.throwIfAborted();
    this.#claim(metainfo.infoHash, source);
    const torrent = session.add({
      ...options,
      metainfo,
      ...placed,
      ...(selection === undefined ? {} : { selection }),
      ...this.#time,
    });
    this.#onChosen(torrent, metainfo.name, placed);
    if (file !== undefined) this.#poured = this.#pour(torrent, file);
    return torrent;
  }

  async #startMagnet(source: string, magnet: Magnet): Promise<RunningTorrent> {
    const { metadataMs, torrent: options } = this.#plan;
    const session = await this.#open();
    this.#limit.signal.throwIfAborted();
    this.#claim(magnet.infoHash, source);
    let file: number | undefined;
    const torrent: RunningTorrent = session.addMagnet({
      ...options,
      magnet,
      ...this.#time,
      ...(metadataMs === undefined ? {} : { metadataTimeoutMs: metadataMs }),
      onMetadata: async (read) => {
        const choice = await this.#choose(source, read, magnet);
        file = choice.file;
        this.#onChosen(torrent, read.name, choice.placed);
        return { ...choice.placed, selection: choice.selection };
      },
    });
    if (this.#plan.pour !== undefined) {
      this.#poured = torrent.known.then(() => {
        // Without metadata there is nothing to pour, and the torrent says why.
        return file === undefined ? "taken" : this.#pour(torrent, file);
      });
    }
    return torrent;
  }

  /** What of a torrent is wanted, and where. */
  async #choose(source: string, metainfo: Metainfo, magnet?: Magnet): Promise<PlacedChoice> {
    const { selection, file, idle } = choose(metainfo, this.#plan, magnet);
    for (const glob of idle) {
      const error = noMatch("--exclude", glob, metainfo.files);
      // Among many torrents a glob is meant for some; for a single one it is a mistake.
      if (this.#isOnly) throw error;
      this.#warn(`${nameOfSource(source)}: ${error.message}`);
    }
    return { selection, file, placed: await this.#plan.place?.(metainfo) };
  }

  #onChosen(torrent: RunningTorrent, name: string, placed: PlacedChoice["placed"]): void {
    this.#names.set(torrent.infoHash, name);
    if (placed !== undefined) this.#outputs.set(torrent.infoHash, placed.output);
  }

  /** The time for the whole run, and what of it is over. */
  get #time(): { readonly timeoutMs?: number; readonly usedMs?: number } {
    const { timeoutMs } = this.#plan;
    if (timeoutMs === undefined) return {};
    return { timeoutMs, usedMs: this.#world.clock.now() - this.#startedAt };
  }

  async #pour(torrent: RunningTorrent, file: number): Promise<Poured> {
    const poured = await pour(torrent.stream(file), this.#context.shell.stdout);
    if (poured !== "taken" && poured !== "broken") void torrent.stop();
    return poured;
  }

  /** How the stream ended, if there is one: its last bytes may take longer than the torrent. */
  #afterPouring(): Promise<Poured | void> {
    return Promise.race([this.#poured, this.#context.interrupts.asked]);
  }

  /** Waits for the end, and brings it about when the program is asked to stop. */
  async #finish(
    torrent: RunningTorrent,
    onDownloaded: () => void,
  ): Promise<Outcome> {
    const { signal } = this.#limit;
    const { interrupts } = this.#context;
    // A download that runs out of time says why by itself; one that seeds has nothing to explain.
    const onStop = () => {
      const isOurs = interrupts.signal.aborted || torrent.stats().state === "seeding";
      if (isOurs) void torrent.stop();
    };
    torrent.downloaded.then(() => {
      // One that has ended makes room once its result is known.
      if (torrent.stats().state !== "seeding") return;
      onDownloaded();
      this.#tellSeeding(torrent);
    });
    if (signal.aborted) onStop();
    signal.addEventListener("abort", onStop, { once: true });
    try {
      return await torrent.finished;
    } finally {
      signal.removeEventListener("abort", onStop);
    }
  }

  #open(): Promise<RunningSession> {
    this.#session ??= this.#openSession();
    return this.#session;
  }

  async #openSession(): Promise<RunningSession> {
    const session = await this.#context.parts.openSession(this.#world, this.#plan.session);
    this.#events = this.#forward(session.events());
    return session;
  }

  /** Hands on what the session tells: to `--json`, and warnings to people. */
  async #forward(events: AsyncIterableIterator<SessionEvent>): Promise<void> {
    const { json, screen } = this.#context;
    for await (const event of events) {
      json?.write(event);
      if (event.type === "warning") screen.warn(this.#named(event.infoHash, event.message));
      else if (event.type === "reuse") screen.note(renderReuse(event));
      else if (event.type === "listening") {
        screen.report(`info: listening on port ${event.port}`, screen.look.verbosity > 0);
      }
    }
  }

  /** The message with the torrent's name in front, where there are several. */
  #named(infoHash: string | undefined, message: string): string {
    const name = infoHash === undefined ? undefined : this.#names.get(infoHash);
    return this.#isOnly || name === undefined ? message : `${name}: ${message}`;
  }

  /** Closes the session and hears it out, so that nothing comes after the last event. */
  async #close(): Promise<void> {
    if (this.#session === undefined) return;
    const over = new AbortController();
    const closing = this.#session.then(async (session) => {
      await session[Symbol.asyncDispose]();
      await this.#events;
    }).catch(() => {});
    const late = this.#world.clock.sleep(CLOSE_MS, { signal: over.signal }).catch(() => {});
    await Promise.race([closing, late]);
    over.abort();
  }

  get #isSeeder(): boolean {
    return this.#plan.torrent.seed === true;
  }

  #tellSeeding(torrent: RunningTorrent): void {
    const stats = torrent.stats();
    const isPartial = stats.bytesDone < stats.bytesTotal;
    if (isPartial) {
      this.#context.screen.warn(`${stats.name}: only a part of it verifies; seeding that part`);
    }
    this.#context.screen.note(renderSeeding(stats, this.#plan.command));
  }

  get #telling(): Telling {
    const { screen, json } = this.#context;
    const isKept = this.#plan.isScratch !== true;
    return { screen, json, at: this.#world.clock.epochMs(), isOnly: this.#isOnly, isKept };
  }
}
