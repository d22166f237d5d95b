/**
 * Peer exchange messages against BEP 11 and against floods.
 *
 * @module
 */

import { assertEquals, assertThrows } from "@std/assert";
import { PeerError } from "../../src/base/errors.ts";
import {
  decodePex,
  encodePex,
  MAX_PEX_PEERS,
  PEX_REACHABLE,
  PEX_SEED,
  type PexMessage,
} from "../../src/wire/ut_pex.ts";
import { below, forSeeds, mutate, randomBytes } from "../support/prng.ts";

const latin1 = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
const text = (bytes: Uint8Array) => String.fromCharCode(...bytes);
const v4 = (n: number, port = 6881) => ({ host: `10.0.${n >> 8}.${n & 255}`, port });
const v6 = (n: number) => ({ host: `2001:db8::${(n + 1).toString(16)}`, port: 6881 });

const MESSAGE: PexMessage = {
  added: [{ address: v4(1), flags: PEX_SEED }, { address: v4(2), flags: 0 }, {
    address: v6(3),
    flags: PEX_SEED | PEX_REACHABLE,
  }],
  dropped: [v4(4), v6(5), v6(6)],
};

Deno.test("encodePex() writes canonical bencode with the lists that have entries", () => {
  assertEquals(
    text(encodePex({ added: [{ address: v4(1), flags: 0x12 }], dropped: [] })),
    "d5:added6:\x0a\x00\x00\x01\x1a\xe17:added.f1:\x12e",
  );
});

Deno.test("encodePex() writes an empty list of added peers when there is nothing to say", () => {
  assertEquals(text(encodePex({ added: [], dropped: [] })), "d5:added0:7:added.f0:e");
});

Deno.test("decodePex() gives back what was encoded", () => {
  assertEquals(decodePex(encodePex(MESSAGE)), MESSAGE);
});

Deno.test("decodePex() keeps flags beside their peers when entries are left out", () => {
  // Port 0, then a good one, then a multicast address.
  const payload = "d5:added18:\x01\x02\x03\x04\0\0" + "\x01\x02\x03\x05\0\x01" +
    "\xe0\0\0\x01\0\x01" + "7:added.f3:abce";
  assertEquals(decodePex(latin1(payload)), {
    added: [{ address: { host: "1.2.3.5", port: 1 }, flags: 0x62 }],
    dropped: [],
  });
});

Deno.test("decodePex() takes flags as 0 when there are too few", () => {
  const payload = latin1("d5:added12:\x01\x02\x03\x04\0\x01\x01\x02\x03\x05\0\x017:added.f1:\x02e");
  assertEquals(decodePex(payload).added.map((peer) => peer.flags), [2, 0]);
});

const EMPTY: readonly string[] = [
  "de",
  "d5:added0:e",
  "d5:added5:abcdee",
  "d5:addedi5e6:added6le7:droppedde8:dropped6i-1ee",
  "d6:added617:0123456789abcdef0e",
];

for (const payload of EMPTY) {
  Deno.test(`decodePex() finds nobody when there is ${payload}`, () => {
    assertEquals(decodePex(latin1(payload)), { added: [], dropped: [] });
  });
}

Deno.test("decodePex() takes 50 when a peer sends thousands", () => {
  const many = (n: number, make: (i: number) => { host: string; port: number }) =>
    Array.from({ length: n }, (_, i) => ({ address: make(i), flags: 0 }));
  const count = (n4: number, n6: number) => {
    const added = [...many(n4, v4), ...many(n6, v6)];
    const message = decodePex(encodePex({ added, dropped: added.map((peer) => peer.address) }));
    assertEquals(message.dropped, message.added.map((peer) => peer.address));
    const sixes = message.dropped.filter((address) => address.host.includes(":")).length;
    return [message.dropped.length - sixes, sixes];
  };
  assertEquals(count(3000, 0), [MAX_PEX_PEERS, 0]);
  assertEquals(count(0, 3000), [0, MAX_PEX_PEERS]);
  assertEquals(count(3000, 3000), [25, 25]);
  assertEquals(count(45, 3000), [25, 25]);
  assertEquals(count(10, 3000), [10, 40]);
  assertEquals(count(3000, 5), [45, 5]);
});

for (const payload of ["", "le", "i1e", "d5:added", "d5:added99:abce"]) {
  Deno.test(`decodePex() throws PeerError when the payload is "${payload}"`, () => {
    assertEquals(assertThrows(() => decodePex(latin1(payload)), PeerError).reason, "bad-message");
  });
}

Deno.test("decodePex() throws nothing but PeerError when fed with garbage", () => {
  const good = encodePex(MESSAGE);
  forSeeds(1000, (next) => {
    const payload = next() < 0.2 ? randomBytes(next, below(next, 50)) : mutate(next, good);
    try {
      for (const { address } of decodePex(payload).added) {
        assertEquals(address.port > 0 && address.port < 65_536, true);
      }
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
    }
  });
});
