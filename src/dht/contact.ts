/**
 * Contacts: a node id and the address it is said to be at, their compact form (`<id><ip><port>`, 26 bytes
 * in BEP 5, 38 in BEP 32), and the names under which addresses are counted.
 *
 * What counts as one host: an IP address, and for IPv6 in places where more is at stake its /64, since a
 * whole one belongs to whoever has any of it. Loopback and private addresses count by address and port:
 * there, many nodes on one host are no attack but a laboratory.
 *
 * https://www.bittorrent.org/beps/bep_0032.html
 *
 * @module
 */

import {
  type Address,
  encodeCompact,
  formatAddress,
  formatIp,
  isLocal,
  isUnicast,
  parseIp,
} from "../base/address.ts";
import { concat, hex } from "../base/bytes.ts";
import { BugError } from "../base/errors.ts";
import { ID_BYTES } from "./node_id.ts";

/** Which of the two separate DHTs: that of IPv4 or that of IPv6 (BEP 32). */
export type Family = 4 | 6;

/** A node, as others tell of it: an id of 20 bytes and where it is said to be. */
export interface Contact {
  /** 20 bytes, owned by the contact. */
  readonly id: Uint8Array;
  /** Where it takes datagrams. */
  readonly address: Address;
}

/** Bytes of a compact contact by family. */
export const CONTACT_BYTES: { readonly 4: 26; readonly 6: 38 } = { 4: 26, 6: 38 };

/** The family of an address. */
export function familyOf(address: Address): Family {
  return address.host.includes(":") ? 6 : 4;
}

/**
 * The contacts of a compact list, at most `limit` of them, copied out of it. Those that could never be
 * reached (port 0, multicast, IPv4 within IPv6) are left out. `undefined` where the list's length is wrong.
 */
export function decodeContacts(
  list: Uint8Array,
  family: Family,
  limit: number,
): Contact[] | undefined {
  const step = CONTACT_BYTES[family];
  if (list.length % step !== 0) return undefined;
  const out: Contact[] = [];
  for (let at = 0; at < list.length && out.length < limit; at += step) {
    const address = readAddress(list.subarray(at + ID_BYTES, at + step));
    if (address && familyOf(address) === family) {
      out.push({ id: list.slice(at, at + ID_BYTES), address });
    }
  }
  return out;
}

/** The compact form of a contact: 26 or 38 bytes. */
export function encodeContact({ id, address }: Contact): Uint8Array {
  return concat([id, encodeCompact(address)]);
}

/** The address of 6 or 18 bytes, `undefined` where there are not so many or nothing could be reached there. */
export function readAddress(compact: Uint8Array): Address | undefined {
  if (compact.length !== 6 && compact.length !== 18) return undefined;
  const split = compact.length - 2;
  const ip = compact.subarray(0, split);
  const port = (compact[split]! << 8) | compact[split + 1]!;
  return port !== 0 && isUnicast(ip) ? { host: formatIp(ip), port } : undefined;
}

/** What an address is counted as. */
export interface Place {
  /** The bytes of the IP address, 4 or 16. */
  readonly ip: Uint8Array;
  /** Whether it is loopback, private or link-local. */
  readonly isLocal: boolean;
  /** The name of the one host there: its IP; for local addresses IP and port. */
  readonly host: string;
  /** The name of the /24 (IPv4) or /64 (IPv6) it is in; `undefined` for local addresses. */
  readonly net: string | undefined;
}

/** What an address is counted as. Its host must be an IP literal. */
export function placeOf(address: Address): Place {
  const { host } = address;
  const ip = parseIp(host);
  if (!ip) throw new BugError(`Cannot place address: "${host}" is not an IP literal`);
  if (isLocal(ip)) return { ip, isLocal: true, host: formatAddress(address), net: undefined };
  const net = ip.length === 4 ? host.slice(0, host.lastIndexOf(".")) : hex(ip.subarray(0, 8));
  return { ip, isLocal: false, host, net };
}

/** The name of the one host at an address: {@link Place.host}. */
export function hostKey(address: Address): string {
  return placeOf(address).host;
}

/** The name under which a sender is held to account: its host, but the whole /64 of IPv6. */
export function senderKey(place: Place): string {
  return (place.ip.length === 16 ? place.net : undefined) ?? place.host;
}

/** Whether a node of this family can be at an address, which must be an IP literal to be so. */
export function isReachable(address: Address, family: Family): boolean {
  const ip = address.port > 0 ? parseIp(address.host) : undefined;
  return ip !== undefined && ip.length === (family === 4 ? 4 : 16) && isUnicast(ip);
}

/** Whether two addresses are the same. */
export function isSameAddress(a: Address, b: Address): boolean {
  return a.port === b.port && a.host === b.host;
}
