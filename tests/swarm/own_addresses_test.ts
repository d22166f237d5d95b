/**
 * OwnAddresses: which addresses are ours, and which of them a peer sees.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { OwnAddresses } from "../../src/swarm/own_addresses.ts";

const at = (host: string, port = 6881) => ({ host, port });
const US = Uint8Array.of(9, 9, 9, 9);

Deno.test("isUs() knows our port on loopback and on every address a connection had", () => {
  const own = new OwnAddresses();
  assert(own.isUs(at("127.0.0.5"), 6881) && own.isUs(at("::1"), 6881));
  assert(!own.isUs(at("127.0.0.1", 7000), 6881) && !own.isUs(at("10.0.0.1"), 6881));
  assert(own.learn("10.0.0.1"));
  assert(!own.learn("10.0.0.1"));
  assert(own.isUs(at("10.0.0.1"), 6881) && !own.isUs(at("10.0.0.1", 1), 6881));
});

Deno.test("facing() gives the local address to local peers and what peers agree on to the others", () => {
  const own = new OwnAddresses();
  own.learn("10.0.0.1");
  assertEquals([own.facing("192.168.1.1"), own.facing("8.8.8.8")], ["10.0.0.1", undefined]);
  assertEquals(own.facing("fd00::1"), undefined);
  const voters = ["1.0.0.1", "2.0.0.1", "3.0.0.1", "4.0.0.1"];
  assertEquals(voters.map((host) => own.hear(at(host), US)), [false, false, false, true]);
  assertEquals([own.facing("192.168.1.1"), own.facing("8.8.8.8")], ["10.0.0.1", "9.9.9.9"]);
  assert(own.isUs(at("9.9.9.9"), 6881));
  assertEquals(own.hear(at("5.0.0.1"), US), false);
});

Deno.test("hear() believes neither one network, nor private voters, nor addresses that cannot be ours", () => {
  const own = new OwnAddresses();
  for (let i = 1; i < 20; i++) own.hear(at(`1.0.0.${i}`), US);
  for (let i = 1; i < 20; i++) own.hear(at(`10.0.${i}.1`), US);
  for (let i = 1; i < 20; i++) own.hear(at(`${i}.0.0.1`), Uint8Array.of(127, 0, 0, 1));
  for (let i = 1; i < 20; i++) own.hear(at(`${i}.0.0.1`), Uint8Array.of(239, 0, 0, 1));
  assertEquals(own.facing("8.8.8.8"), undefined);
});

Deno.test("learn() remembers a bounded number of addresses", () => {
  const own = new OwnAddresses();
  for (let i = 0; i < 100; i++) own.learn(`10.0.0.${i}`);
  assert(!own.isUs(at("10.0.0.99"), 6881));
});
