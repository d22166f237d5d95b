/**
 * Addresses of peers: an IP literal and a port, and their compact forms.
 *
 * Compact IPv4 is 4 + 2 bytes (BEP 23), compact IPv6 is 16 + 2 bytes (BEP 7), ports big-endian. An
 * IPv4 address that arrives mapped into IPv6 (`::ffff:a.b.c.d`, as dual-stack sockets give it) is
 * unmapped, so that one peer has one name.
 *
 * @module
 */

/** An IP literal (never a host name) and a port, 1 to 65535 for anything that can be dialled. */
export interface Address {
  /** IPv4 dotted quad or IPv6 in its canonical short form, without brackets or zone. */
  readonly host: string;
  /** TCP or UDP port. */
  readonly port: number;
}

/** The one name of an address: `1.2.3.4:5` or `[::1]:5`. Used as a map key. */
export function formatAddress(address: Address): string {
  return address.host.includes(":")
    ? `[${address.host}]:${address.port}`
    : `${address.host}:${address.port}`;
}

/** The bytes of an IP literal: 4 or 16 of them, or `undefined` where it is not one. IPv4-mapped IPv6 gives 4. */
export function parseIp(text: string): Uint8Array | undefined {
  const length = putIp(text, scratch);
  return length === 0 ? undefined : scratch.slice(0, length);
}

/**
 * Writes the bytes of an IP literal to the start of `into`, which has room for 16, and returns how many there
 * are: 4, 16, or 0 where it is not one. IPv4-mapped IPv6 gives 4.
 */
export function putIp(text: string, into: Uint8Array): 0 | 4 | 16 {
  if (!text.includes(":")) return putIpv4(text, 0, into, 0) ? 4 : 0;
  // As dual-stack sockets write it.
  if (text.startsWith("::ffff:") && putIpv4(text, 7, into, 0)) return 4;
  if (!putIpv6(text, into)) return 0;
  if (!isMapped(into)) return 16;
  into.copyWithin(0, 12, 16);
  return 4;
}

/** The canonical form of an IP literal, as {@link formatIp} writes it; `undefined` where it is not one. */
export function canonicalIp(text: string): string | undefined {
  const length = putIp(text, scratch);
  if (length === 0) return undefined;
  // A dotted quad that can be read is canonical.
  if (length === 4) {
    if (text.startsWith("::ffff:") && text.includes(".")) return text.slice(7);
    return text.includes(":") ? dottedQuad(scratch, 0) : text;
  }
  return formatIp(scratch);
}

// A new array costs more than the parsing, and every datagram brings its sender as text.
const scratch = new Uint8Array(16);

/** The canonical text of 4 or 16 address bytes. IPv4-mapped IPv6 comes out as IPv4. */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return dottedQuad(bytes, 0);
  if (isMapped(bytes)) return dottedQuad(bytes, 12);
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((bytes[i]! << 8) | bytes[i + 1]!);
  // The longest run of at least two zero groups becomes "::" (RFC 5952).
  let best = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; i++) {
    let j = i;
    while (j < 8 && groups[j] === 0) j++;
    if (j - i > bestLength) [best, bestLength] = [i, j - i];
    if (j > i) i = j;
  }
  const hex = (from: number, to: number) =>
    groups.slice(from, to).map((g) => g.toString(16)).join(":");
  if (best < 0) return hex(0, 8);
  return `${hex(0, best)}::${hex(best + bestLength, 8)}`;
}

/** An address with its host in canonical form, or `undefined` where host or port is not valid. */
export function makeAddress(host: string, port: number): Address | undefined {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return undefined;
  const ip = canonicalIp(host);
  return ip === undefined ? undefined : { host: ip, port };
}

/** `HOST:PORT` or `[V6]:PORT` split; the host may be a name. `undefined` where it is neither. */
export function splitHostPort(text: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]@/?#]+)):(\d{1,5})$/.exec(text);
  if (!match) return undefined;
  const port = Number(match[3]);
  if (port < 1 || port > 65_535) return undefined;
  const v6 = match[1];
  if (v6 !== undefined) {
    const ip = canonicalIp(v6);
    return ip === undefined ? undefined : { host: ip, port };
  }
  return { host: match[2]!, port };
}

/**
 * Addresses out of a compact list; `bytesPerIp` is 4 (BEP 23) or 16 (BEP 7). Entries that could never be
 * dialled (port 0, unspecified, multicast) are left out; trailing bytes that make no entry are ignored.
 */
export function decodeCompact(list: Uint8Array, bytesPerIp: 4 | 16): Address[] {
  const out: Address[] = [];
  const step = bytesPerIp + 2;
  for (let at = 0; at + step <= list.length; at += step) {
    const ip = list.subarray(at, at + bytesPerIp);
    const port = (list[at + bytesPerIp]! << 8) | list[at + bytesPerIp + 1]!;
    if (port !== 0 && isUnicast(ip)) out.push({ host: formatIp(ip), port });
  }
  return out;
}

/** The compact form of an address: 6 or 18 bytes. */
export function encodeCompact(address: Address): Uint8Array {
  const ip = parseIp(address.host);
  if (!ip) throw new TypeError(`Cannot encode address: "${address.host}" is not an IP literal`);
  const out = new Uint8Array(ip.length + 2);
  out.set(ip);
  out[ip.length] = address.port >> 8;
  out[ip.length + 1] = address.port & 0xff;
  return out;
}

/** Whether an address can belong to one host: not unspecified, multicast or broadcast. */
export function isUnicast(ip: Uint8Array): boolean {
  if (ip.length === 4) return ip[0]! > 0 && ip[0]! < 224;
  if (isMapped(ip)) return isUnicast(ip.subarray(12));
  return ip[0] !== 0xff && ip.some((b) => b !== 0);
}

/**
 * Whether an IP literal is local in the sense of the safety policy: loopback, private, link-local,
 * carrier-grade NAT or unique-local. What is no IP literal at all is not.
 */
export function isLocalIp(text: string): boolean {
  const ip = parseIp(text);
  return ip !== undefined && isLocal(ip);
}

/** As {@link isLocalIp}, of 4 or 16 address bytes. */
export function isLocal(ip: Uint8Array): boolean {
  if (ip.length === 16) {
    const loopback = ip[15] === 1 && ip.subarray(0, 15).every((b) => b === 0);
    return loopback || (ip[0]! & 0xfe) === 0xfc || (ip[0] === 0xfe && (ip[1]! & 0xc0) === 0x80) ||
      ip.every((b) => b === 0);
  }
  const [a, b] = [ip[0]!, ip[1]!];
  return a === 127 || a === 10 || a === 0 || (a === 172 && b >= 16 && b < 32) ||
    (a === 192 && b === 168) || (a === 169 && b === 254) || (a === 100 && b >= 64 && b < 128);
}

function dottedQuad(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

function isMapped(ip: Uint8Array): boolean {
  if (ip[10] !== 0xff || ip[11] !== 0xff) return false;
  for (let i = 0; i < 10; i++) if (ip[i] !== 0) return false;
  return true;
}

/** Reads the dotted quad that is `text` from `from` to its end into `out` at `at`; false where it is none. */
function putIpv4(text: string, from: number, out: Uint8Array, at: number): boolean {
  let value = 0;
  let digits = 0;
  let parts = 0;
  for (let i = from; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit >= 0 && digit <= 9) {
      // A leading zero would make it octal to some readers.
      if (digits === 3 || (digits > 0 && value === 0)) return false;
      value = value * 10 + digit;
      digits++;
    } else {
      if (digit !== DOT || digits === 0 || value > 255 || parts === 3) return false;
      out[at + parts++] = value;
      value = digits = 0;
    }
  }
  if (digits === 0 || value > 255 || parts !== 3) return false;
  out[at + 3] = value;
  return true;
}

/** As far from the digit 0 as the digits are. */
const DOT = 46 - 48;
const COLON = 58;

/** One pass, without regular expressions or lists; false where it is no IPv6 literal. */
function putIpv6(text: string, out: Uint8Array): boolean {
  // The longest literal is "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255".
  if (text.length < 2 || text.length > 45) return false;
  let at = 0;
  // Where "::" stands, in bytes.
  let gap = -1;
  let i = 0;
  if (text.charCodeAt(0) === COLON) {
    if (text.charCodeAt(1) !== COLON) return false;
    gap = 0;
    i = 2;
  }
  while (i < text.length) {
    const end = groupEnd(text, i);
    if (text.charCodeAt(end) === 46) {
      if (at > 12 || !putIpv4(text, i, out, at)) return false;
      at += 4;
      break;
    }
    if (at === 16 || end === i || end - i > 4) return false;
    const group = parseInt(text.slice(i, end), 16);
    out[at++] = group >> 8;
    out[at++] = group;
    if (end === text.length) break;
    if (text.charCodeAt(end) !== COLON) return false;
    i = end + 1;
    if (i === text.length) return false;
    if (text.charCodeAt(i) !== COLON) continue;
    if (gap >= 0) return false;
    gap = at;
    i++;
  }
  if (gap < 0 ? at !== 16 : at === 16) return false;
  if (gap >= 0) {
    out.copyWithin(16 - (at - gap), gap, at);
    out.fill(0, gap, 16 - (at - gap));
  }
  return true;
}

/** Where the run of at most five hexadecimal digits from `from` on ends. */
function groupEnd(text: string, from: number): number {
  let i = from;
  for (; i < text.length && i < from + 5; i++) {
    const c = text.charCodeAt(i);
    const isDigit = (c >= 48 && c <= 57) || (c >= 97 && c <= 102) || (c >= 65 && c <= 70);
    if (!isDigit) break;
  }
  return i;
}
