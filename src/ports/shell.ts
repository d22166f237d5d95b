/**
 * The surroundings of a command: arguments, environment, streams, signals. What a person or a script sees
 * of the program passes through here and nowhere else.
 *
 * @module
 */

import type { Clock } from "./clock.ts";
import type { Folders } from "./folder.ts";

/** Standard output or standard error. Writes are queued, so that a slow reader never holds up the program. */
export interface Output {
  /** Whether a terminal shows it. */
  readonly isTerminal: boolean;
  /** Characters, and bytes, that are queued and not written yet. */
  readonly backlog: number;
  /** Resolves when the other end has gone away; what is written from then on is dropped. */
  readonly closed: Promise<void>;
  /** Queues text. */
  write(text: string): void;
  /** Queues bytes, which must not change until they are written. */
  writeBytes(data: Uint8Array): void;
  /** Writes as much as goes without waiting, past the queue; for the last words before {@link Shell.exit}. */
  writeNow(text: string): void;
  /**
   * Resolves when everything queued is written or the other end has gone away.
   *
   * @throws {DiskError} when it cannot be written for another reason, a full disk for example.
   */
  flush(): Promise<void>;
}

/** The signals that ask the program to end. */
export type EndSignal = "SIGINT" | "SIGTERM";

/** What is done around a stop of the process, by Ctrl-Z for example. */
export interface SuspendHandler {
  /** The process is about to stand still: the terminal is somebody else's. */
  readonly onStop: () => void;
  /** The process goes on. */
  readonly onContinue: () => void;
}

/** How a program is run. */
export interface RunOptions {
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Which signal it is sent then (SIGTERM). */
  readonly endWith?: () => EndSignal;
}

/** What bounds the reading of a source. */
export interface ReadOptions {
  /** More bytes than this are refused, before they are read where the size is known. */
  readonly maxBytes: number;
  /** Gives up. */
  readonly signal?: AbortSignal;
}

/** A file that lines are appended to. */
export interface LineFile extends AsyncDisposable {
  /** Queues a line, without its line break. */
  write(line: string): void;
}

/** A folder that is deleted when it is disposed. */
export interface Scratch extends AsyncDisposable {
  /** Where it is. */
  readonly path: string;
  /** Writes a file below it, making the folders on the way; returns the file's path. @throws {DiskError} */
  put(name: string, data: Uint8Array): Promise<string>;
}

/** A folder that something is to be written to. */
export interface FolderRoom {
  /** The folder, or the nearest one above it that is there. */
  readonly path: string;
  /** Why nothing can be written there, in words; `undefined` where it can. */
  readonly trouble: string | undefined;
  /** Bytes that are free; `undefined` where that is not known or may not be asked. */
  readonly freeBytes: number | undefined;
}

/** A network interface of this host. */
export interface HostInterface {
  /** What the system calls it: `eth0`. */
  readonly name: string;
  /** Its addresses, IP literals in canonical form. */
  readonly addresses: readonly string[];
}

/** The surroundings. */
export interface Shell {
  /** The command line without the program itself. */
  readonly args: readonly string[];
  /** The operating system, as far as names of files differ. */
  readonly system: "linux" | "darwin" | "windows";
  /** The clock; there before any world is. */
  readonly clock: Clock;
  /** Files and folders that the user named. */
  readonly folders: Folders;
  /** Standard output: data. */
  readonly stdout: Output;
  /** Standard error: everything else. */
  readonly stderr: Output;
  /** A variable of the environment, `undefined` when unset or not permitted. Never asks a person. */
  env(name: string): string | undefined;
  /** Columns and rows of the terminal, `undefined` where there is none. */
  size(): { readonly columns: number; readonly rows: number } | undefined;
  /**
   * The whole content of a file, a pipe or (path `-`) standard input.
   *
   * @throws {DiskError} when it is missing, unreadable or a folder.
   * @throws {MetainfoError} when it is too large.
   */
  readSource(path: string, options: ReadOptions): Promise<Uint8Array>;
  /**
   * What a path leads to, links followed; `undefined` where there is nothing.
   *
   * @throws {DiskError} when it cannot be found out.
   */
  kindOf(path: string): Promise<"file" | "folder" | "other" | undefined>;
  /** Whether a folder could be written to, by trying; nothing stays behind. Never asks a person. */
  roomAt(path: string): Promise<FolderRoom>;
  /**
   * Finds out whether a program can be run, as far as that can be known before.
   *
   * @throws {OptionsError} where it is not there, no program, or not permitted.
   */
  checkProgram(program: string): Promise<void>;
  /**
   * Runs a program with our own streams and no shell; resolves with its exit code (128 + the signal, where
   * one ended it). Aborting sends it a signal and waits for its end.
   *
   * @throws {OptionsError} when it cannot be started.
   */
  run(command: readonly string[], options: RunOptions): Promise<number>;
  /**
   * IP literals under which other machines may reach this one, the likeliest first; none where that is not
   * known or not permitted. Never asks a person.
   */
  hostAddresses(): string[];
  /** The network interfaces of this host; `undefined` where they may not be asked for. Never asks a person. */
  interfaces(): HostInterface[] | undefined;
  /** A new folder for things that are not kept; disposing it deletes it with all that is in it. */
  makeScratch(): Promise<Scratch>;
  /** Opens a file for appending, creating it. @throws {DiskError} */
  openLines(path: string): Promise<LineFile>;
  /** Calls `handler` for every signal that asks to end, which then does not end the program by itself. */
  onSignal(handler: (signal: EndSignal) => void): Disposable;
  /** Whether {@link onSuspend} hears of Ctrl-Z. */
  readonly canHearSuspend: boolean;
  /** Calls `handler` around every stop by Ctrl-Z, as far as that can be heard. */
  onSuspend(handler: SuspendHandler): Disposable;
  /** Calls `handler` for what nobody caught, which then does not end the program by itself. */
  onCrash(handler: (error: unknown) => void): Disposable;
  /** Ends the process at once. */
  exit(code: number): never;
}
