/**
 * `--json`: one event a line on standard output.
 *
 * A subscriber, never a participant. A reader that stalls costs progress lines, which newer ones replace,
 * and nothing else; the last line is `done` or `error`.
 *
 * @module
 */

import type { DoneEvent, ErrorEvent, SessionEvent } from "../session/events.ts";
import type { Output } from "../ports/shell.ts";
import type { LocalEvent } from "./local_events.ts";
import { forJson } from "./escape.ts";

/** Characters that may wait for a reader before progress is left out. */
const BACKLOG_CHARS = 262_144;

/** Where an event came from, where a torrent has no infohash yet to tell. */
export interface Sourced {
  /** The SOURCE as it was typed. */
  readonly source?: string;
  /** The torrent's file or folder on the disk, of a download that is complete. */
  readonly path?: string;
}

/** An event as `--json` writes it. */
export type JsonEvent =
  | Exclude<SessionEvent, DoneEvent | ErrorEvent>
  | LocalEvent
  | ((DoneEvent | ErrorEvent) & Sourced);

/** Writes events. */
export class JsonLines {
  readonly #output: Output;
  #hasEnded = false;

  constructor(output: Output) {
    this.#output = output;
  }

  /** Whether the last line was written. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Writes an event, unless it is progress that the reader is too slow for. */
  write(event: JsonEvent): void {
    if (this.#hasEnded) return;
    if (event.type === "progress" && this.#output.backlog > BACKLOG_CHARS) return;
    this.#output.write(`${forJson(event)}\n`);
  }

  /** Writes the last line; what comes after it is dropped. */
  end(event: (DoneEvent | ErrorEvent) & Sourced): void {
    this.write(event);
    this.#hasEnded = true;
  }
}
