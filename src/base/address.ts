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
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

/** The canonical text of 4 or 16 address bytes. IPv4-mapped IPv6 comes out as IPv4. */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  if (isMapped(bytes)) return bytes.subarray(12).join(".");
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
  const ip = parseIp(host);
  return ip && { host: formatIp(ip), port };
}

/** `HOST:PORT` or `[V6]:PORT` split; the host may be a name. `undefined` where it is neither. */
export function splitHostPort(text: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]@/?#]+)):(\d{1,5})$/.exec(text);
  if (!match) return undefined;
  const port = Number(match[3]);
  if (port < 1 || port > 65_535) return undefined;
  const v6 = match[1];
  if (v6 !== undefined) {
    const ip = parseIp(v6);
    return ip && { host: formatIp(ip), port };
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
  if (!ip) return false;
  if (ip.length === 16) {
    const loopback = ip[15] === 1 && ip.subarray(0, 15).every((b) => b === 0);
    return loopback || (ip[0]! & 0xfe) === 0xfc || (ip[0] === 0xfe && (ip[1]! & 0xc0) === 0x80) ||
      ip.every((b) => b === 0);
  }
  const [a, b] = [ip[0]!, ip[1]!];
  return a === 127 || a === 10 || a === 0 || (a === 172 && b >= 16 && b < 32) ||
    (a === 192 && b === 168) || (a === 169 && b === 254) || (a === 100 && b >= 64 && b < 128);
}

function isMapped(ip: Uint8Array): boolean {
  if (ip[10] !== 0xff || ip[11] !== 0xff) return false;
  for (let i = 0; i < 10; i++) if (ip[i] !== 0) return false;
  return true;
}

function parseIpv4(text: string): Uint8Array | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (!match) return undefined;
  const out = new Uint8Array(4);
  for (let i = 0; i < 4; i++) {
    const part = match[i + 1]!;
    const value = Number(part);
    if (value > 255 || (part.length > 1 && part[0] === "0")) return undefined;
    out[i] = value;
  }
  return out;
}

function parseIpv6(text: string): Uint8Array | undefined {
  let body = text;
  const tail: number[] = [];
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (dotted) {
    const v4 = parseIpv4(dotted[2]!);
    if (!v4) return undefined;
    tail.push((v4[0]! << 8) | v4[1]!, (v4[2]! << 8) | v4[3]!);
    body = dotted[1]!;
    if (!body.endsWith("::")) body = body.slice(0, -1);
  }
  const halves = body.split("::");
  if (halves.length > 2) return undefined;
  const groupsOf = (half: string): number[] | undefined => {
    if (half === "") return [];
    const groups: number[] = [];
    for (const part of half.split(":")) {
      if (!/^[0-9A-Fa-f]{1,4}$/.test(part)) return undefined;
      groups.push(parseInt(part, 16));
    }
    return groups;
  };
  const head = groupsOf(halves[0]!);
  const rest = halves.length === 2 ? groupsOf(halves[1]!) : [];
  if (!head || !rest) return undefined;
  rest.push(...tail);
  const missing = 8 - head.length - rest.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...rest];
  const out = new Uint8Array(16);
  groups.forEach((g, i) => {
    out[2 * i] = g >> 8;
    out[2 * i + 1] = g & 0xff;
  });
  return isMapped(out) ? out.slice(12) : out;
}
