/**
 * Whether there is room for a download, before any of it is written.
 *
 * @module
 */

import { DiskError } from "../base/errors.ts";
import { MIB } from "../base/units.ts";
import type { FileIo, StoreFile } from "../ports/disk.ts";

/** What is to be written, and where to. */
export interface Flight {
  readonly files: readonly (StoreFile & { readonly isPad: boolean })[];
  /** Indices of the wanted files, `undefined` for all. */
  readonly selection: readonly number[] | undefined;
  /** The folder they go into. */
  readonly output: string;
  /** Bytes of the wanted files that are not verified. */
  readonly bytes: number;
}

/**
 * Looks whether the wanted files fit on their disk, as far as it tells.
 *
 * @throws {DiskError} kind `full`, with how much is missing.
 */
export async function checkRoom(io: FileIo, flight: Flight): Promise<void> {
  const { files, selection, output, bytes } = flight;
  const wanted = selection?.flatMap((file) => files[file] ?? []) ?? files;
  const short = await io.shortOf({
    root: output,
    files: wanted.filter(({ isPad }) => !isPad),
    bytes,
  });
  if (short === 0) return;
  const why = `its disk is ${inMebibytes(short)} short of the ${inMebibytes(bytes)} to be written`;
  throw new DiskError(`Cannot download to ${output}: ${why}`, {
    path: output,
    operation: "allocate",
    kind: "full",
    hint: "free some space, choose another folder with --output, or fewer files with --include",
  });
}

function inMebibytes(bytes: number): string {
  return `${Math.ceil(bytes / MIB)} MiB`;
}
