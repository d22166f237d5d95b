/**
 * The one place where names that came from a torrent become names on the disk.
 *
 * {@link safeName} makes one component harmless; {@link PathTree} makes the paths of a torrent distinct,
 * so that no two files are ever written into one and no file sits where a folder must be. What a
 * system can hold is kept as it is: no percent-decoding, no Unicode normalisation.
 *
 * @module
 */

/** The systems that differ in the names they can hold. */
export type System = "linux" | "darwin" | "windows";

/** Bytes of one path component at the most, in UTF-8: the limit of ext4, APFS and most others. */
const MAX_COMPONENT_BYTES = 255;
/** Components of one path at the most, the torrent's name included. */
export const MAX_PATH_DEPTH = 100;

/**
 * A component that can be created in a folder and stays in it, or `undefined` where nothing is left:
 * empty, `.` and `..`.
 *
 * Separators of any system and control characters become `_`; marks that turn the direction of writing
 * are removed; what is longer than 255 bytes is shortened in front of its extension. Windows loses its
 * forbidden characters, reserved device names and trailing dots and spaces as well.
 */
export function safeName(component: string, system: System = "linux"): string | undefined {
  const name = ODD.test(component)
    ? component.toWellFormed().replace(DIRECTION_MARKS, "").replace(UNSAFE, "_")
    : component;
  if (name === "" || name === "." || name === "..") return undefined;
  if (system !== "windows") return shorten(name, "");
  // Twice, since a cut can leave a space or a dot at the end.
  return windowsName(shorten(windowsName(name), ""));
}

/**
 * {@link safeName} for the name beside which our own hidden files lie: one that has their shape
 * (`.<infohash>.starling`) is moved out of the way, or one torrent could destroy what another remembers.
 */
export function safeTopName(component: string, system: System = "linux"): string | undefined {
  const name = safeName(component, system);
  return name !== undefined && isSideName(name) ? `_${name}` : name;
}

/** Whether a name has the shape of our own hidden files, which no torrent should hold. */
export function isSideName(name: string): boolean {
  return SIDE_FILE.test(name);
}

/** Why there is no path: no component is a name, too deep, or more of one name than could be meant. */
export type PathFault = "no name in it" | "too many folders" | "too many files of one name";

/** Gives out paths of which no two clash, in the order of asking. */
export class PathTree {
  readonly #system: System;
  readonly #top: Folder = newFolder("");
  #renamesLeft = MAX_RENAMES;

  /** An empty tree, by the rules of a system. */
  constructor(system: System) {
    this.#system = system;
  }

  /**
   * Safe components for a file below the folder `top`, distinct from all before; the first of a name keeps
   * it, the next ones are numbered in front of the extension (`a.txt`, `a.1.txt`). Components of which
   * nothing is left, as of `..`, are left out.
   *
   * @returns a string that says what is wrong where there can be no such path.
   */
  place(top: string, components: readonly string[]): string[] | PathFault {
    const path = [top];
    let folder = this.#top;
    let last: string | undefined;
    for (const component of components) {
      const name = safeName(component, this.#system);
      if (name === undefined) continue;
      if (last !== undefined) {
        const below = this.#folder(folder, last);
        if (!below) return "too many files of one name";
        if (path.length >= MAX_PATH_DEPTH - 1) return "too many folders";
        // The folder's own string, so that a thousand files share one.
        path.push(below.name);
        folder = below;
      }
      last = name;
    }
    if (last === undefined) return "no name in it";
    const name = this.#free(folder, last);
    if (name === undefined) return "too many files of one name";
    folder.content.set(fold(name, this.#system), FILE);
    path.push(name);
    return path;
  }

  #folder(parent: Folder, wanted: string): Folder | undefined {
    const key = fold(wanted, this.#system);
    const known = parent.content.get(key);
    if (known && known !== FILE) return known;
    const moved = parent.moved?.get(key);
    if (moved) return moved;
    const name = known ? this.#free(parent, wanted) : wanted;
    if (name === undefined) return undefined;
    const folder = newFolder(name);
    parent.content.set(known ? fold(name, this.#system) : key, folder);
    if (known) (parent.moved ??= new Map()).set(key, folder);
    return folder;
  }

  /** The name itself or its first free variant. */
  #free(parent: Folder, wanted: string): string | undefined {
    const key = fold(wanted, this.#system);
    if (!parent.content.has(key)) return wanted;
    const numbers = parent.numbers ??= new Map();
    for (let number = numbers.get(key) ?? 1; this.#renamesLeft-- > 0; number++) {
      const name = shorten(wanted, `.${number}`);
      if (parent.content.has(fold(name, this.#system))) continue;
      numbers.set(key, number + 1);
      return name;
    }
    return undefined;
  }
}

/** A folder that has been given out. */
interface Folder {
  readonly name: string;
  /** What is in it, by folded name. */
  readonly content: Map<string, Folder>;
  /** Folders in it that had to move aside for a file, by the folded name that was asked for. */
  moved: Map<string, Folder> | undefined;
  /** The number that the next file of a folded name gets. */
  numbers: Map<string, number> | undefined;
}

function newFolder(name: string): Folder {
  return { name, content: new Map(), moved: undefined, numbers: undefined };
}

/** The shape of the files that remember what is verified. */
const SIDE_FILE = /^\.[0-9a-f]{40}\.starling/i;
/** Any file: nothing can be below it. */
const FILE: Folder = newFolder("");
/** Renames tried in one torrent. More are an attack on our time, and on the user's patience. */
const MAX_RENAMES = 10_000;

/** Whether a name needs more than a look: half a character, or any of the two classes below. */
const ODD =
  // deno-lint-ignore no-control-regex
  /[\u0000-\u001f/\\\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]/;
/** C0, `/`, `\`, DEL and C1. */
// deno-lint-ignore no-control-regex
const UNSAFE = /[\u0000-\u001f/\\\u007f-\u009f]/g;
/** Marks that can make `gpj.exe` read as `exe.jpg`. */
const DIRECTION_MARKS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const WINDOWS_FORBIDDEN = /[<>:"|?*]/g;
const WINDOWS_DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³]) *(?:\.|$)/i;
/** A longer extension is no extension. */
const MAX_EXTENSION_BYTES = 32;

const utf8 = new TextEncoder();

function windowsName(name: string): string {
  const plain = name.replace(WINDOWS_FORBIDDEN, "_").replace(/[. ]+$/, "");
  if (plain === "") return "_";
  return WINDOWS_DEVICE.test(plain) ? `_${plain}` : plain;
}

/** `name` with `mark` in front of its extension, within 255 bytes. */
function shorten(name: string, mark: string): string {
  // No character takes more than three bytes a UTF-16 unit.
  if (mark === "" && name.length * 3 <= MAX_COMPONENT_BYTES) return name;
  const dot = name.lastIndexOf(".");
  const hasExtension = dot > 0 && byteLength(name.slice(dot)) <= MAX_EXTENSION_BYTES;
  const extension = hasExtension ? name.slice(dot) : "";
  const stem = hasExtension ? name.slice(0, dot) : name;
  const room = MAX_COMPONENT_BYTES - byteLength(extension) - mark.length;
  return truncate(stem, room) + mark + extension;
}

/** The longest start of `text` that fits `room` bytes and cuts no character. */
function truncate(text: string, room: number): string {
  const { read } = utf8.encodeInto(text, new Uint8Array(room));
  return text.slice(0, read);
}

function byteLength(text: string): number {
  return utf8.encode(text).length;
}

/** What a system takes for the same name, as the key of a map. */
function fold(name: string, system: System): string {
  const key = system === "linux" ? name : sameCase(name, system);
  // V8 hashes strings of digits by their value, so that a map of many such names crawls.
  return isDigit(key.charCodeAt(0)) ? `/${key}` : key;
}

function sameCase(name: string, system: System): string {
  return system === "darwin"
    ? name.normalize("NFD").toUpperCase().toLowerCase()
    : name.toUpperCase();
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}
