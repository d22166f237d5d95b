/**
 * Ids, distances and what ties ids to addresses, against the vectors of BEP 42 and a slow model.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { parseIp } from "../../src/base/address.ts";
import { hex } from "../../src/base/bytes.ts";
import {
  closeness,
  commonBits,
  compareDistance,
  idAtDistance,
  idForIp,
  idMatchesIp,
} from "../../src/dht/node_id.ts";
import { forSeeds, randomBytes } from "../support/prng.ts";
import { idOf, randomOf } from "./support.ts";

/** IP, id: the examples of BEP 42. */
const VECTORS = [
  ["124.31.75.21", "5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401"],
  ["21.75.31.124", "5a3ce9c14e7a08645677bbd1cfe7d8f956d53256"],
  ["65.23.51.170", "a5d43220bc8f112a3d426c84764f8c2a1150e616"],
  ["84.124.73.14", "1b0321dd1bb1fe518101ceef99462b947a01ff41"],
  ["43.213.53.83", "e56f6cbf5b7c4be0237986d5243b87aa6d51305a"],
] as const;

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g)!, (byte) => parseInt(byte, 16));
}

function asNumber(id: Uint8Array): bigint {
  return BigInt(`0x${hex(id)}`);
}

Deno.test("idMatchesIp() accepts the ids of BEP 42 when they are at their addresses only", () => {
  for (const [ip, id] of VECTORS) {
    for (const [other] of VECTORS) {
      assertEquals(idMatchesIp(bytesOf(id), parseIp(other)!), other === ip, `${id} at ${other}`);
    }
  }
});

Deno.test("idMatchesIp() looks at the first 21 bits and the last three", () => {
  const [ip, text] = VECTORS[0];
  const flipped = (bit: number) => {
    const id = bytesOf(text);
    id[bit >> 3]! ^= 0x80 >> (bit & 7);
    return idMatchesIp(id, parseIp(ip)!);
  };
  for (let bit = 0; bit < 160; bit++) {
    assertEquals(flipped(bit), bit >= 21 && bit < 157, `bit ${bit}`);
  }
});

Deno.test("idMatchesIp() accepts any id when the address is local", () => {
  const id = bytesOf(VECTORS[0][1]);
  for (
    const ip of ["127.0.0.1", "10.9.8.7", "172.16.0.1", "192.168.1.1", "169.254.3.4", "::1"]
      .concat("fe80::1", "fd00::1")
  ) assert(idMatchesIp(id, parseIp(ip)!), ip);
  for (const ip of ["11.0.0.1", "172.32.0.1", "2001:db8::1"]) {
    assert(!idMatchesIp(id, parseIp(ip)!), ip);
  }
});

Deno.test("idForIp() makes ids that match, of both families, and differ", () => {
  forSeeds(200, (next) => {
    const random = randomOf(next);
    for (const ip of [randomBytes(next, 4), randomBytes(next, 16)]) {
      const [a, b] = [idForIp(ip, random), idForIp(ip, random)];
      assert(idMatchesIp(a, ip));
      assert(hex(a) !== hex(b));
    }
  });
});

Deno.test("idForIp() counts an IPv6 address by its upper half", () => {
  forSeeds(50, (next) => {
    const ip = randomBytes(next, 16);
    ip[0] = 0x20;
    const id = idForIp(ip, randomOf(next));
    const neighbour = ip.slice();
    neighbour.set(randomBytes(next, 8), 8);
    assert(idMatchesIp(id, neighbour));
  });
});

Deno.test("compareDistance() and commonBits() agree with whole numbers", () => {
  forSeeds(300, (next) => {
    const target = randomBytes(next, 20);
    const [a, b] = [0, 1].map(() =>
      idAtDistance(target, Math.floor(next() * 160), randomOf(next))
    ) as [Uint8Array, Uint8Array];
    const [x, y] = [a, b].map((id) => asNumber(id) ^ asNumber(target)) as [bigint, bigint];
    assertEquals(Math.sign(compareDistance(target, a, b)), x < y ? -1 : x > y ? 1 : 0);
    assertEquals(commonBits(a, target), 160 - x.toString(2).length);
  });
  const id = randomBytes(() => 0.5, 20);
  assertEquals(commonBits(id, id), 160);
  assertEquals(compareDistance(id, id, id), 0);
});

Deno.test("closeness() is what is shared and a fraction, ordered as the distance is", () => {
  forSeeds(300, (next) => {
    const [target, random] = [randomBytes(next, 20), randomOf(next)];
    const a = idAtDistance(target, Math.floor(next() * 160), random);
    const exact = 160 - Math.log2(Number(asNumber(a) ^ asNumber(target)));
    assert(Math.abs(closeness(a, target) - exact) < 1 / 64 || exact > 140);
    assert(closeness(a, target) > commonBits(a, target));
    assert(closeness(a, target) <= commonBits(a, target) + 1);
  });
  assertEquals(closeness(idOf(1), idOf(1)), Infinity);
});

Deno.test("idAtDistance() shares exactly as many bits as asked", () => {
  forSeeds(20, (next) => {
    const id = randomBytes(next, 20);
    for (let bits = 0; bits < 160; bits++) {
      assertEquals(commonBits(id, idAtDistance(id, bits, randomOf(next))), bits);
    }
  });
});
