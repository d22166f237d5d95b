/**
 * The rules of the house as functions from source files to complaints: which folder may import which,
 * who may touch the outside world, what every file owes its reader. Pure, so that each rule is itself
 * tested on made-up files.
 *
 * @module
 */

import { importsOf, readSource, type Source } from "./source.ts";

/** Source files by their path from the project's root, with `/` between the parts. */
export type Files = ReadonlyMap<string, string>;

/** The rank of every room; a file imports its own room and rooms of lower rank. */
export const RANKS: ReadonlyMap<string, number> = new Map([
  ["base", 0],
  ["ports", 1],
  ["bencode", 2],
  ["platform", 2],
  ["metainfo", 3],
  ["wire", 3],
  ["tracker", 3],
  ["dht", 3],
  ["lsd", 3],
  ["swarm", 4],
  ["disk", 4],
  ["session", 5],
  ["service", 6],
  ["cli", 7],
]);

const PURE_ROOMS = new Set([
  "bencode",
  "metainfo",
  "wire",
  "tracker",
  "dht",
  "lsd",
  "swarm",
]);
const ROOTS = new Set(["src/mod.ts", "main.ts"]);
const BARRELS = new Set(["src/mod.ts", "src/platform/mod.ts"]);
const MAX_LINES = 400;

/** Imports that climb: to a room of the same or a higher rank, to a composition root, to an unknown room. */
export function upwardImports(files: Files): string[] {
  const out: string[] = [];
  for (const [path, target] of edges(files)) {
    if (ROOTS.has(target) && path !== "main.ts") out.push(`${path} imports the root ${target}`);
    if (ROOTS.has(path)) continue;
    const [from, to] = [roomOf(path), roomOf(target)];
    if (from === to) continue;
    const [high, low] = [RANKS.get(from), RANKS.get(to)];
    if (high === undefined) out.push(`${path} is in a room without a rank: ${from}`);
    else if (low === undefined || low >= high) out.push(`${path} imports ${target}, not below it`);
  }
  return out;
}

/** Rooms that know the platform. Only the composition roots do; everyone else is handed a world. */
export function platformImports(files: Files): string[] {
  return edges(files)
    .filter(([path, target]) => roomOf(target) === "platform" && roomOf(path) !== "platform")
    .filter(([path]) => !ROOTS.has(path))
    .map(([path, target]) => `${path} imports ${target}`);
}

/** Cycles, among files and among rooms, each as `a -> b -> a`. */
export function cycles(files: Files): string[] {
  const all = edges(files);
  const rooms = all
    .filter(([from, to]) => !ROOTS.has(from) && !ROOTS.has(to))
    .map(([from, to]): [string, string] => [roomOf(from), roomOf(to)])
    .filter(([from, to]) => from !== to);
  return [...findCycles(all), ...findCycles(rooms)];
}

/** Imports from outside the project (`node:`, `npm:`, URLs) anywhere but in the platform. */
export function foreignImports(files: Files): string[] {
  const out: string[] = [];
  for (const [path, text] of files) {
    if (isOutside(path)) continue;
    for (const name of importsOf(readSource(text).code)) {
      if (!/^(?:\.|@std\/)/.test(name)) out.push(`${path} imports ${name}`);
    }
  }
  return out;
}

/** Uses of the runtime, of time, chance and the network outside the platform. */
export function outsideWorld(files: Files): string[] {
  const rules: [RegExp, string][] = [
    [/(?<![\w.$#])Deno\b(?!-)/g, "Deno"],
    [/(?<![\w.$#])(?:set|clear)(?:Timeout|Interval|Immediate)\b/g, "a timer"],
    [/(?<![\w$#])AbortSignal\s*\.\s*timeout\b/g, "AbortSignal.timeout"],
    [/(?<![\w$#])Date\s*\.\s*now\b/g, "Date.now"],
    [/(?<![\w$#])(?:new\s+)?Date\s*\(\s*\)/g, "the date of today"],
    [/(?<![\w$#])new\s+Date\s*(?=[;,)\]])/g, "the date of today"],
    [/(?<![\w$#])Math\s*\.\s*random\b/g, "Math.random"],
    [/(?<![\w.$#])performance\s*\.(?!\.)/g, "performance"],
    [/(?<![\w.$#])crypto\s*\.(?!\.)/g, "crypto"],
    [/(?<![\w.$#])fetch\s*\((?![^)]*\)\s*:)/g, "fetch"],
    [/(?<![\w.$#])(?:globalThis|self|process|Temporal)\s*[.[](?!\.)/g, "a global"],
    [/(?<![\w$#])new\s+(?:Worker|WebSocket|EventSource)\b/g, "a global"],
  ];
  const out: string[] = [];
  for (const [path, text] of files) {
    if (isOutside(path)) continue;
    const { bare } = readSource(text);
    for (const [pattern, name] of rules) {
      for (const match of bare.matchAll(pattern)) out.push(`${at(path, bare, match)} uses ${name}`);
    }
  }
  return out;
}

/** `async`, `await` and promises in the protocol rooms, which are synchronous. */
export function asyncProtocol(files: Files): string[] {
  const out: string[] = [];
  for (const [path, text] of files) {
    if (!PURE_ROOMS.has(roomOf(path))) continue;
    const { bare } = readSource(text);
    for (const match of bare.matchAll(/(?<![\w.$#])(?:async|await|Promise)\b(?!\s*:)/g)) {
      out.push(`${at(path, bare, match)} uses ${match[0]}`);
    }
  }
  return out;
}

/** What every file owes: a module comment in front, at most 400 lines, no default export, no barrel. */
export function fileShapes(files: Files): string[] {
  const out: string[] = [];
  for (const [path, text] of files) {
    const source = readSource(text);
    const lines = text.trimEnd().split("\n").length;
    if (lines > MAX_LINES) out.push(`${path} has ${lines} lines, more than ${MAX_LINES}`);
    if (!hasModuleComment(text)) out.push(`${path} does not open with a module comment`);
    if (/(?:^|[;}\s])export\s+default\b|\bas\s+default\b/.test(source.bare)) {
      out.push(`${path} has a default export`);
    }
    if (isBarrel(source) && !BARRELS.has(path)) out.push(`${path} is a barrel`);
  }
  return out;
}

/** `file imports file`, for the relative imports that lead to a known file. */
function edges(files: Files): [string, string][] {
  const out: [string, string][] = [];
  for (const [path, text] of files) {
    for (const name of importsOf(readSource(text).code)) {
      const target = name.startsWith(".") ? resolve(path, name) : "";
      if (files.has(target)) out.push([path, target]);
    }
  }
  return out;
}

/** `src/wire/decoder.ts` is in `wire`; a file of no room names itself. */
function roomOf(path: string): string {
  return /^src\/([^/]+)\//.exec(path)?.[1] ?? path;
}

function isOutside(path: string): boolean {
  return path === "main.ts" || roomOf(path) === "platform";
}

function resolve(from: string, name: string): string {
  const parts = from.split("/").slice(0, -1);
  for (const part of name.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}

function at(path: string, text: string, match: RegExpExecArray): string {
  return `${path}:${text.slice(0, match.index).split("\n").length}`;
}

function hasModuleComment(text: string): boolean {
  const comment = /^(?:#![^\n]*\n)?\/\*\*([\s\S]*?)\*\//.exec(text)?.[1];
  return comment !== undefined && /^\s*\*\s*@module\s*$/m.test(comment);
}

/** Nothing but `export … from`: a file that only forwards. */
function isBarrel(source: Source): boolean {
  const rest = source.bare
    .replace(
      /\bexport\s+(?:type\s+)?(?:\{[^}]*\}|\*(?:\s+as\s+\w+)?)\s+from\s*(["'])\s*\1\s*;?/g,
      "",
    )
    .trim();
  return rest === "" && source.bare.trim() !== "";
}

function findCycles(pairs: readonly (readonly [string, string])[]): string[] {
  const next = new Map<string, Set<string>>();
  for (const [from, to] of pairs) next.set(from, (next.get(from) ?? new Set()).add(to));
  const out: string[] = [];
  const done = new Set<string>();
  const trail: string[] = [];
  const visit = (node: string) => {
    const known = trail.indexOf(node);
    if (known >= 0) out.push([...trail.slice(known), node].join(" -> "));
    if (known >= 0 || done.has(node)) return;
    trail.push(node);
    for (const to of next.get(node) ?? []) visit(to);
    trail.pop();
    done.add(node);
  };
  for (const node of next.keys()) visit(node);
  return out;
}
