/**
 * The files of a v1 info dictionary: names made safe, lengths checked, padding and links recognised.
 *
 * A torrent has either `length` (one file, called `name`) or `files` (in a folder called `name`). Where a
 * torrent has both, `files` counts, as everywhere.
 *
 * https://www.bittorrent.org/beps/bep_0003.html, https://www.bittorrent.org/beps/bep_0047.html
 *
 * @module
 */

import { equalBytes } from "../base/bytes.ts";
import { BencodeDict, type BencodeList } from "../bencode/decode.ts";
import { broken, demandBytes, demandInteger, demandList } from "./fields.ts";
import {
  MAX_PATH_DEPTH,
  type PathFault,
  PathTree,
  safeName,
  safeTopName,
  type System,
} from "./safe_path.ts";
import { exactText, repairedText } from "./text.ts";

/** One entry of a torrent's list of files. Its place in the list is its index everywhere. */
export interface FileEntry {
  /** Safe components on the disk, distinct within the torrent, the torrent's name first. */
  readonly path: readonly string[];
  /** The path inside the torrent, without its top folder, joined with `/`; a single file's name. */
  readonly displayPath: string;
  /** Bytes. */
  readonly length: number;
  /** Offset of its first byte within the torrent. */
  readonly offset: number;
  /** Whether it never reaches the disk: padding, whose bytes are zero, or a symbolic link (BEP 47). */
  readonly isPad: boolean;
}

/** What an info dictionary says about files. */
export interface FileList {
  /** The name of the file or top folder on the disk. */
  readonly name: string;
  /** In the order of the info dictionary, end to end. */
  readonly files: readonly FileEntry[];
  /** Whether it is one file without a folder around it. */
  readonly isSingleFile: boolean;
  /** Sum of all lengths, at least 1. */
  readonly totalBytes: number;
}

/**
 * Reads the files of an info dictionary.
 *
 * @throws {MetainfoError} naming the key that breaks a rule.
 */
export function readFiles(info: BencodeDict, system: System): FileList {
  const name = readName(info, system);
  const isSingleFile = !info.has("files");
  if (isSingleFile && !info.has("length")) throw broken("info", "neither length nor files");
  const length = info.has("length") ? readLength(info, "info") : 0;
  const files = isSingleFile
    ? [{ path: [name], displayPath: name, length, offset: 0, isPad: false }]
    : readList(demandList({ dict: info, key: "files", parent: "info" }), new Layout(name, system));
  const last = files.at(-1);
  if (!last) throw broken("info.files", "empty list");
  const totalBytes = last.offset + last.length;
  if (totalBytes === 0) {
    throw broken(isSingleFile ? "info.length" : "info.files", "a torrent without data");
  }
  return { name, files, isSingleFile, totalBytes };
}

/** Components looked at; those that are no names are left out later. */
const MAX_COMPONENTS = 2 * MAX_PATH_DEPTH;

/**
 * The components of every file as the info dictionary has them, its name first: nothing is made safe.
 *
 * @throws {MetainfoError} naming the key that breaks a rule.
 */
export function readVerbatimPaths(info: BencodeDict): string[][] {
  const name = nameOf(info);
  if (!info.has("files")) return [[name]];
  const names = new Names();
  const paths: string[][] = [];
  for (const entry of demandList({ dict: info, key: "files", parent: "info" })) {
    const where = `info.files[${paths.length}]`;
    if (!(entry instanceof BencodeDict)) throw broken(where, "not a dictionary");
    paths.push([name, ...pathOf(entry, where, names)]);
  }
  return paths;
}

function nameOf(info: BencodeDict): string {
  const plain = demandBytes({ dict: info, key: "name", parent: "info" });
  const better = info.bytes("name.utf-8");
  return (better && exactText(better)) ?? repairedText(plain);
}

function readName(info: BencodeDict, system: System): string {
  const name = safeTopName(nameOf(info), system);
  if (name === undefined) throw broken("info.name", "empty or not a name");
  return name;
}

function readLength(dict: BencodeDict, parent: string): number {
  return demandInteger({ dict, key: "length", parent }, 0, Number.MAX_SAFE_INTEGER);
}

function readList(list: BencodeList, layout: Layout): FileEntry[] {
  const files: FileEntry[] = [];
  const names = new Names();
  let offset = 0;
  for (const entry of list) {
    const where = `info.files[${files.length}]`;
    if (!(entry instanceof BencodeDict)) throw broken(where, "not a dictionary");
    const marked = markOf(entry);
    const length = marked === "link" && !entry.has("length") ? 0 : readLength(entry, where);
    if (length > Number.MAX_SAFE_INTEGER - offset) {
      throw broken(`${where}.length`, "the sum of all lengths is out of range");
    }
    const components = pathOf(entry, where, names);
    const kind = marked ?? (isPadPath(components) ? "pad" : "file");
    if (kind === "link" && length > 0) throw broken(`${where}.path`, "a link that has a length");
    const isPad = kind !== "file";
    const path = isPad ? layout.aside(components) : layout.place(components);
    if (typeof path === "string") throw broken(`${where}.path`, path);
    files.push({ path, displayPath: path.slice(1).join("/"), length, offset, isPad });
    offset += length;
  }
  return files;
}

/** Where the files of a folder go. */
class Layout {
  readonly #name: string;
  readonly #system: System;
  readonly #tree: PathTree;

  constructor(name: string, system: System) {
    this.#name = name;
    this.#system = system;
    this.#tree = new PathTree(system);
  }

  place(components: readonly string[]): string[] | PathFault {
    return this.#tree.place(this.#name, components);
  }

  /** A path for what is never created; it takes no name away from a file. */
  aside(components: readonly string[]): string[] {
    const safe = components.map((name) => safeName(name, this.#system) ?? "_");
    return [this.#name, ...safe.slice(0, MAX_PATH_DEPTH)];
  }
}

/** The path of an entry; padding may go without one (BEP 47). */
function pathOf(entry: BencodeDict, where: string, names: Names): string[] {
  const isNameless = markOf(entry) === "pad" && !entry.has("path");
  return isNameless ? [PAD_FOLDER, `${entry.integer("length")}`] : readPath(entry, where, names);
}

function readPath(dict: BencodeDict, parent: string, names: Names): string[] {
  const components: string[] = [];
  for (const part of demandList({ dict, key: "path", parent })) {
    if (!(part instanceof Uint8Array)) throw broken(`${parent}.path`, "not a list of strings");
    if (components.length === MAX_COMPONENTS) throw broken(`${parent}.path`, "too many components");
    components.push(names.text(part, components.length));
  }
  if (components.length === 0) throw broken(`${parent}.path`, "empty list");
  return betterPath(dict) ?? components;
}

/** Texts of the path read last: most files lie in the folder of the file before. */
class Names {
  readonly #bytes: Uint8Array[] = [];
  readonly #texts: string[] = [];

  text(bytes: Uint8Array, depth: number): string {
    const last = this.#bytes[depth];
    if (last && equalBytes(last, bytes)) return this.#texts[depth]!;
    this.#bytes[depth] = bytes;
    return this.#texts[depth] = repairedText(bytes);
  }
}

/** `path.utf-8`, if it is what its name says. */
function betterPath(entry: BencodeDict): string[] | undefined {
  const components: string[] = [];
  for (const part of entry.list("path.utf-8") ?? []) {
    const text = part instanceof Uint8Array ? exactText(part) : undefined;
    if (text === undefined || components.length === MAX_COMPONENTS) return undefined;
    components.push(text);
  }
  return components.length > 0 ? components : undefined;
}

const LETTER_P = 0x70;
const LETTER_L = 0x6c;
/** "The recommended path is [".pad", "N"]"; padding that names none is called the same. */
const PAD_FOLDER = ".pad";

/** `attr` is a set of letters: `p` is padding, `l` a symbolic link. What needs no path has it from here alone. */
function markOf(entry: BencodeDict): "pad" | "link" | undefined {
  const attributes = entry.bytes("attr");
  if (attributes?.includes(LETTER_P)) return "pad";
  return attributes?.includes(LETTER_L) ? "link" : undefined;
}

/** Old creators mark padding by its path alone. */
function isPadPath(path: readonly string[]): boolean {
  return path.length === 2 && path[0] === PAD_FOLDER && /^\d+$/.test(path[1]!);
}
