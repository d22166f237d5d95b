/**
 * Files and folders that the user named: what is in them, and how a whole file is put there.
 *
 * @module
 */

import type { DiskError } from "../base/errors.ts";

/** A file below a folder. */
export interface FoundFile {
  /** Its components below what was listed; empty for a single file. */
  readonly path: readonly string[];
  /** Bytes. */
  readonly length: number;
  /** Time of the last change, milliseconds since the epoch, or 0 where unknown. */
  readonly mtimeMs: number;
}

/** Something that could not be looked at. */
export interface FolderTrouble {
  /** Its components below what was listed. */
  readonly path: readonly string[];
  /** Whether it is a folder, so that what is in it is not known. */
  readonly isFolder: boolean;
  /** What happened. */
  readonly error: DiskError;
}

/** What there is at a path. */
export interface Listing {
  /** The last component of the path, as an absolute path has it; "" for the root of a disk. */
  readonly name: string;
  /** The absolute path itself. */
  readonly root: string;
  /** Whether it is a file and not a folder. */
  readonly isSingleFile: boolean;
  /** Regular files in no certain order. */
  readonly files: readonly FoundFile[];
  /** Symbolic links, where they are not followed. */
  readonly links: readonly (readonly string[])[];
  /** Sockets, pipes and devices. */
  readonly oddities: readonly (readonly string[])[];
  /** What could not be looked at: unreadable folders, links that lead nowhere or in circles. */
  readonly troubles: readonly FolderTrouble[];
  /** Whether there is more than was to be looked at. */
  readonly isCut: boolean;
}

/** How a path is listed. */
export interface ListOptions {
  /** Follow symbolic links below the path; the path itself may always be one. */
  readonly followsLinks: boolean;
  /** Files that are left out without a look at them, by their components joined with `/`. */
  readonly isKnown?: (path: string) => boolean;
  /** Whether files of this length are of interest (all). */
  readonly wants?: (length: number) => boolean;
  /** Entries that are looked at; where there are more, the rest is left out (no bound). */
  readonly maxEntries?: number;
  /** Gives up. */
  readonly signal: AbortSignal;
}

/** The platform's side of it. */
export interface Folders {
  /**
   * Everything below a path.
   *
   * @throws {DiskError} when there is nothing or it cannot be looked at; the signal's reason.
   */
  list(path: string, options: ListOptions): Promise<Listing>;
  /**
   * Writes a whole file or nothing: it appears under its name when all of it is on the disk. Pipes and
   * devices are written to as they are.
   *
   * @throws {DiskError} kind `in-the-way` where there is a file already that is not to be replaced.
   */
  write(path: string, data: Uint8Array, options: { readonly replace: boolean }): Promise<void>;
}
