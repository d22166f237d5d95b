/**
 * The runtime's file errors, turned into `DiskError`, and the plain form in which they cross from a
 * Worker to the main thread.
 *
 * @module
 */

import { DiskError, type DiskErrorKind, type DiskOperation } from "../base/errors.ts";
import { hostSystem } from "./host.ts";

/** A `DiskError` as plain data. */
export interface PlainDiskError {
  /** As in `DiskError`. */
  readonly message: string;
  /** As in `DiskError`. */
  readonly path: string;
  /** As in `DiskError`. */
  readonly operation: DiskOperation;
  /** As in `DiskError`. */
  readonly kind: DiskErrorKind;
  /** As in `DiskError`. */
  readonly hint: string | undefined;
}

/** What the runtime gives no code to, by the number that the system has for it. */
const UNCODED: Readonly<Record<typeof hostSystem, Readonly<Record<string, string>>>> = {
  linux: { 27: "EFBIG", 122: "EDQUOT" },
  darwin: { 27: "EFBIG", 69: "EDQUOT" },
  windows: { 223: "EFBIG", 1295: "EDQUOT" },
};

/** The system's code of an error (`ENOENT`), `undefined` where it has none. */
export function codeOf(error: unknown): string | undefined {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  if (typeof code === "string") return code;
  const number = typeof message === "string" ? /\(os error (\d+)\)/.exec(message)?.[1] : undefined;
  return number === undefined ? undefined : UNCODED[hostSystem][number];
}

/** The failure of `operation` on `path` as a `DiskError`; one that is one already stays. */
export function toDiskError(error: unknown, path: string, operation: DiskOperation): DiskError {
  if (error instanceof DiskError) return error;
  const [kind, why, hint] = explain(error);
  return new DiskError(`Cannot ${operation} ${quote(path)}: ${why}`, {
    path,
    operation,
    kind,
    ...(hint !== undefined && { hint }),
    cause: error,
  });
}

/** Something at `path` that is not ours to replace. */
export function inTheWay(path: string, what: string, operation: DiskOperation): DiskError {
  return new DiskError(`Cannot ${operation} ${quote(path)}: ${what}`, {
    path,
    operation,
    kind: "in-the-way",
    hint: "move it away, or choose another folder with --output",
  });
}

/** An error as plain data; what is no `DiskError` becomes one of kind `other`. */
export function toPlain(error: unknown): PlainDiskError {
  const { message, path, operation, kind, hint } = toDiskError(error, "the files", "write");
  return { message, path, operation, kind, hint };
}

/** The `DiskError` that was made plain. */
export function fromPlain(plain: PlainDiskError): DiskError {
  const { message, path, operation, kind, hint } = plain;
  return new DiskError(message, { path, operation, kind, ...(hint !== undefined && { hint }) });
}

function quote(path: string): string {
  return `"${path}"`;
}

const LINK = "a symbolic link is in the way";
const MOVE = "move it away, or choose another folder with --output";

function explain(error: unknown): [DiskErrorKind, string, string?] {
  const code = codeOf(error);
  switch (code) {
    case "ENOSPC":
      return ["full", "the disk is full", "make room and run the same command again"];
    case "EDQUOT":
      return ["full", "the disk quota is used up", "make room and run the same command again"];
    case "EFBIG":
      return ["full", "the file system cannot hold a file of this size"];
    case "EACCES":
    case "EPERM":
      return ["permission", "permission denied"];
    case "EROFS":
      return ["permission", "the file system is read-only"];
    case "ENOENT":
      return ["missing", "no such file or folder"];
    case "ELOOP":
      return ["in-the-way", LINK, MOVE];
    case "EISDIR":
      return ["in-the-way", "a folder is in the way", MOVE];
    case "ENOTDIR":
    case "EEXIST":
      return ["in-the-way", "a file is in the way of a folder", MOVE];
    case "ENXIO":
      return ["in-the-way", "a device is in the way", MOVE];
    case "ENAMETOOLONG":
      return ["too-long", "the name is too long for this file system"];
    case "EILSEQ":
      return ["name", "the file system cannot hold this name"];
    case "EMFILE":
    case "ENFILE":
      return ["other", "too many open files"];
    case "EIO":
      return ["other", "the disk reports an input/output error"];
  }
  if (error instanceof Deno.errors.NotCapable) {
    return [
      "permission",
      "starling was started without the permission (--allow-read, --allow-write)",
    ];
  }
  const text = error instanceof Error ? error.message : String(error);
  return ["other", text.slice(0, 200)];
}
