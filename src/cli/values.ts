/**
 * The kinds of value an option can have, and how their text is read.
 *
 * Pure: text in, value or a reason out. The reason ends the sentence "Cannot use --x TEXT: …", so every
 * kind explains itself the same way on the command line and in the environment.
 *
 * @module
 */

import { splitHostPort } from "../base/address.ts";
import { GIB, KIB, MIB } from "../base/units.ts";

/** What an option's value looks like. */
export type OptionKind =
  | { readonly type: "flag" }
  /** A flag that counts how often it is given. */
  | { readonly type: "count" }
  /** Milliseconds, from `90`, `90s`, `5m`, `2h`, `1h30m`. */
  | { readonly type: "duration" }
  /** Bytes, from `16K`, `1M`, `2G`. */
  | { readonly type: "size" }
  /** Bytes a second, written like a size. 0 is no limit. */
  | { readonly type: "rate" }
  | { readonly type: "int"; readonly min: number; readonly max: number }
  /** A number of at least 0, with decimals. */
  | { readonly type: "ratio" }
  /** Ports to try in order, from `6881`, `6881-6889`, `6881,6890-6899`. */
  | { readonly type: "ports" }
  /** Numbers from 1, from `1,3-5`; the value is pairs `[1, 1, 3, 5]`, ends included. */
  | { readonly type: "ranges" }
  | { readonly type: "text"; readonly mayBeEmpty?: boolean }
  | { readonly type: "host-port" }
  | { readonly type: "url"; readonly schemes: readonly string[] }
  | { readonly type: "enum"; readonly values: readonly string[] };

/** A parsed value. Numbers of `ports` and `ranges` come as a list. */
export type OptionValue = boolean | number | string | readonly number[];

/** A value, or why there is none. */
export type Parsed = { readonly value: OptionValue } | { readonly why: string };

/** The longest duration that is taken: ten years, far within what a number can count. */
const MAX_DURATION_MS = 10 * 365 * 86_400_000;

/** Reads `text` as a value of the kind. */
export function parseValue(kind: OptionKind, text: string): Parsed {
  if (kind.type === "flag") return parseFlag(text);
  const mayBeEmpty = kind.type === "text" && kind.mayBeEmpty === true;
  if (text === "" && !mayBeEmpty) return { why: "it is empty" };
  switch (kind.type) {
    case "count":
      return parseCount(text);
    case "duration":
      return parseDuration(text);
    case "size":
    case "rate":
      return parseSize(text, kind.type);
    case "int":
      return parseInt10(text, kind.min, kind.max);
    case "ratio":
      return parseRatio(text);
    case "ports":
      return parsePorts(text);
    case "ranges":
      return parseRanges(text);
    case "host-port":
      return splitHostPort(text)
        ? { value: text }
        : { why: "it is not HOST:PORT or [IPV6]:PORT with a port from 1 to 65535" };
    case "url":
      return parseUrl(text, kind.schemes);
    case "enum":
      return kind.values.includes(text)
        ? { value: text }
        : { why: `it is none of ${kind.values.join(", ")}` };
    default:
      return { value: text };
  }
}

function parseFlag(text: string): Parsed {
  if (/^(?:true|1|yes|on)$/i.test(text)) return { value: true };
  if (/^(?:false|0|no|off)$/i.test(text)) return { value: false };
  return { why: "it is neither true nor false" };
}

function parseInt10(text: string, min: number, max: number): Parsed {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  return value >= min && value <= max
    ? { value }
    : { why: `it is not a whole number from ${min} to ${max}` };
}

/** How often; a variable of the environment may say only that. */
function parseCount(text: string): Parsed {
  const isTold = parseFlag(text);
  return "value" in isTold ? { value: Number(isTold.value) } : parseInt10(text, 0, 9);
}

function parseRatio(text: string): Parsed {
  const value = /^\d{1,9}(?:\.\d{1,9})?$/.test(text) ? Number(text) : NaN;
  return Number.isNaN(value) ? { why: "it is not a number like 1 or 1.5" } : { value };
}

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

function parseDuration(text: string): Parsed {
  const why = "it is not a duration like 90, 90s, 5m or 2h";
  if (/^\d+(?:\.\d+)?$/.test(text)) return within(Number(text) * 1000, MAX_DURATION_MS, why);
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/i.test(text)) return { why };
  let ms = 0;
  for (const [, number, unit] of text.matchAll(/([\d.]+)(ms|s|m|h|d)/gi)) {
    ms += Number(number) * DURATION_UNITS[unit!.toLowerCase()]!;
  }
  return within(ms, MAX_DURATION_MS, why);
}

const SIZE_UNITS: Readonly<Record<string, number>> = {
  "": 1,
  k: KIB,
  m: MIB,
  g: GIB,
  t: 1024 * GIB,
};

function parseSize(text: string, type: "size" | "rate"): Parsed {
  const why = type === "size"
    ? "it is not a size like 16K, 1M or 2G"
    : "it is not a rate like 800K or 5M (bytes a second)";
  const end = type === "rate" ? "(?:\\/s)?" : "";
  const match = new RegExp(`^(\\d+(?:\\.\\d+)?)([kmgt]?)(?:i?b)?${end}$`, "i").exec(text);
  if (!match) return { why };
  const bytes = Number(match[1]) * SIZE_UNITS[match[2]!.toLowerCase()]!;
  return within(bytes, Number.MAX_SAFE_INTEGER, why);
}

function within(value: number, max: number, why: string): Parsed {
  return value <= max ? { value: Math.floor(value) } : { why: `${why}, or it is too large` };
}

function parsePorts(text: string): Parsed {
  const why = "it is not a port or a range of ports from 0 to 65535, like 6881 or 6881-6889";
  const ports = new Set<number>();
  for (const part of text.split(",")) {
    const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part);
    if (!match) return { why };
    const [first, last] = [Number(match[1]), Number(match[2] ?? match[1])];
    // 0 lets the system choose, so it is no end of a range.
    if (last > 65_535 || first > last || (first === 0 && last !== 0)) return { why };
    for (let port = first; port <= last; port++) ports.add(port);
  }
  return { value: [...ports] };
}

function parseRanges(text: string): Parsed {
  const why = "it is not a list of file numbers from 1, like 1,3-5";
  const pairs: number[] = [];
  for (const part of text.split(",")) {
    const match = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(part.trim());
    if (!match) return { why };
    const [first, last] = [Number(match[1]), Number(match[2] ?? match[1])];
    if (first < 1 || first > last) return { why };
    pairs.push(first, last);
  }
  return { value: pairs };
}

function parseUrl(text: string, schemes: readonly string[]): Parsed {
  const url = URL.parse(text);
  if (url === null || !schemes.includes(url.protocol.slice(0, -1)) || url.hostname === "") {
    return {
      why: `it is not a URL that starts with ${schemes.map((s) => `${s}://`).join(" or ")}`,
    };
  }
  return { value: text };
}
