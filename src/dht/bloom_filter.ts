/**
 * The Bloom filter of DHT scrapes: 256 bytes, two bits an IP address (BEP 33).
 *
 * https://www.bittorrent.org/beps/bep_0033.html
 *
 * @module
 */

import type { Hasher } from "../ports/hash.ts";

/** Bytes of a filter. */
export const FILTER_BYTES = 256;

/** Adds an IP address of 4 or 16 bytes to a filter of {@link FILTER_BYTES} bytes. */
export function addToFilter(
  filter: Uint8Array,
  ip: Uint8Array,
  hasher: Pick<Hasher, "sha1">,
): void {
  const hash = hasher.sha1(ip);
  for (const at of [0, 2]) {
    const index = (hash[at]! | (hash[at + 1]! << 8)) % (8 * FILTER_BYTES);
    filter[index >> 3]! |= 1 << (index & 7);
  }
}
