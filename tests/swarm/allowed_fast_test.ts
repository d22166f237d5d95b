/**
 * The pieces that belong to an address, by the examples of BEP 6.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { systemHasher } from "../../src/platform/hasher.ts";
import { allowedFastSet } from "../../src/swarm/allowed_fast.ts";

const source = {
  infoHash: new Uint8Array(20).fill(0xaa),
  pieceCount: 1313,
  sha1: systemHasher.sha1,
};

Deno.test("allowedFastSet() gives the pieces of the examples in BEP 6", () => {
  const seven: number[] = [1059, 431, 808, 1217, 287, 376, 1188];
  const found = (host: string, count: number) => allowedFastSet(host, count, source) as number[];
  assertEquals(found("80.4.4.200", 7), seven);
  assertEquals(found("80.4.4.200", 9), [...seven, 353, 508]);
  assertEquals(found("80.4.4.7", 7), seven, "a network has one set");
});

Deno.test("allowedFastSet() ends with small torrents, networks of IPv6 and names", () => {
  const small = { ...source, pieceCount: 3 };
  assertEquals(allowedFastSet("80.4.4.200", 7, small)?.toSorted(), [0, 1, 2] as never[]);
  const six = allowedFastSet("2001:db8::1", 5, source);
  assertEquals([six?.length, six], [5, allowedFastSet("2001:db8::2", 5, source)]);
  assertEquals(allowedFastSet("2001:db8:0:1::1", 5, source)?.join() === six?.join(), false);
  assertEquals(allowedFastSet("example.org", 5, source), undefined);
});
