/**
 * Compact contacts and what an address counts as.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { concat } from "../../src/base/bytes.ts";
import {
  decodeContacts,
  encodeContact,
  isReachable,
  placeOf,
  readAddress,
  senderKey,
} from "../../src/dht/contact.ts";
import { at, idOf } from "./support.ts";

const V4 = { id: idOf(1, 2, 3), address: at("1.2.3.4:567") };
const V6 = { id: idOf(4), address: at("[2001:db8::5]:6881") };

Deno.test("decodeContacts() gives what encodeContact() wrote, up to the limit", () => {
  const list = concat([V4, V4, V4].map(encodeContact));
  assertEquals(list.length, 78);
  assertEquals(decodeContacts(list, 4, 2), [V4, V4]);
  assertEquals(decodeContacts(encodeContact(V6), 6, 8), [V6]);
});

Deno.test("decodeContacts() refuses a list when its length is wrong", () => {
  for (const length of [1, 25, 27, 38, 53]) {
    assertEquals(decodeContacts(new Uint8Array(length), 4, 8), undefined);
  }
  assertEquals(decodeContacts(new Uint8Array(26), 6, 8), undefined);
  assertEquals(decodeContacts(new Uint8Array(0), 4, 8), []);
});

Deno.test("decodeContacts() leaves out what cannot be reached", () => {
  const made = (...rest: number[]) => concat([idOf(9), Uint8Array.from(rest)]);
  const list = concat([
    made(1, 2, 3, 4, 0, 0),
    made(0, 0, 0, 0, 1, 1),
    made(224, 0, 0, 1, 1, 1),
    encodeContact(V4),
  ]);
  assertEquals(decodeContacts(list, 4, 8), [V4]);
  const mapped = new Uint8Array(38).fill(0xff, 30);
  mapped.set([1, 2, 3, 4, 5, 6], 32);
  assertEquals(decodeContacts(mapped, 6, 8), []);
});

Deno.test("readAddress() takes 6 and 18 bytes only", () => {
  assertEquals(readAddress(Uint8Array.of(1, 2, 3, 4, 2, 55)), V4.address);
  for (const length of [0, 5, 7, 16, 17, 19]) {
    assertEquals(readAddress(new Uint8Array(length).fill(1)), undefined);
  }
});

Deno.test("placeOf() names hosts and networks, local ones by their port", () => {
  const names = (address: string) => {
    const place = placeOf(at(address));
    return [place.host, place.net, senderKey(place)];
  };
  assertEquals(names("1.2.3.4:5"), ["1.2.3.4", "1.2.3", "1.2.3.4"]);
  assertEquals(names("10.0.0.1:5"), ["10.0.0.1:5", undefined, "10.0.0.1:5"]);
  assertEquals(names("[2001:db8:1:2:3::4]:5"), [
    "2001:db8:1:2:3::4",
    "20010db800010002",
    "20010db800010002",
  ]);
  assertEquals(names("[::1]:5"), ["[::1]:5", undefined, "[::1]:5"]);
});

Deno.test("isReachable() asks for the family, a port and one host's address", () => {
  assertEquals(isReachable(V4.address, 4), true);
  assertEquals(isReachable(V4.address, 6), false);
  assertEquals(isReachable(V6.address, 6), true);
  assertEquals(isReachable({ host: "1.2.3.4", port: 0 }, 4), false);
  assertEquals(isReachable({ host: "239.1.1.1", port: 1 }, 4), false);
  assertEquals(isReachable({ host: "a.example", port: 1 }, 4), false);
  assertEquals(isReachable({ host: "fe80::1%eth0", port: 1 }, 6), false);
});
