/**
 * Canonical peer priority (BEP 40, https://www.bittorrent.org/beps/bep_0040.html): a number on which both ends
 * of a connection agree, and which nobody can choose. Peers with a higher one are preferred, so that all
 * have equal footing, and addresses of one network do not take all slots.
 *
 * @module
 */

import { type Address, parseIp } from "../base/address.ts";
import { compareBytes, concat, putUint16 } from "../base/bytes.ts";
import { crc32c } from "../base/crc32c.ts";

/**
 * "priority = crc32-c(sort(masked_client_ip, masked_peer_ip))", or of the ports where the addresses are the
 * same. An unsigned 32-bit integer; `undefined` where the two are not of one family.
 */
export function canonicalPriority(ours: Address, theirs: Address): number | undefined {
  const [a, b] = [parseIp(ours.host), parseIp(theirs.host)];
  if (a === undefined || a.length !== b?.length) return undefined;
  if (compareBytes(a, b) === 0) return crc32c(sorted(portBytes(ours), portBytes(theirs)));
  const kept = keptBytes(a, b);
  return crc32c(sorted(masked(a, kept), masked(b, kept)));
}

/**
 * How many bytes are left whole: "FF.FF.55.55 unless the IP addresses are in the same /16. In that case,
 * FF.FF.FF.55. If the IP addresses are in the same /24, the entire address"; of IPv6 six, and one more than
 * are the same from there on.
 */
function keptBytes(a: Uint8Array, b: Uint8Array): number {
  const least = a.length === 4 ? 2 : 6;
  let same = 0;
  while (same < a.length && a[same] === b[same]) same++;
  return same < least ? least : Math.min(a.length, same + 1);
}

function masked(ip: Uint8Array, kept: number): Uint8Array {
  return ip.map((byte, i) => i < kept ? byte : byte & 0x55);
}

function portBytes({ port }: Address): Uint8Array {
  const out = new Uint8Array(2);
  putUint16(out, 0, port);
  return out;
}

function sorted(a: Uint8Array, b: Uint8Array): Uint8Array {
  return concat(compareBytes(a, b) <= 0 ? [a, b] : [b, a]);
}
