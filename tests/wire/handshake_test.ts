/**
 * The 68 bytes that open a connection.
 *
 * @module
 */

import { assertEquals, assertThrows } from "@std/assert";
import { hex } from "../../src/base/bytes.ts";
import { PeerError } from "../../src/base/errors.ts";
import {
  decodeHandshake,
  encodeHandshake,
  HANDSHAKE_BYTES,
  HandshakeReader,
} from "../../src/wire/handshake.ts";
import { below, forSeeds, randomBytes } from "../support/prng.ts";

const infoHash = new Uint8Array(20).fill(0xaa);
const peerId = new TextEncoder().encode("-ST0100-abcdefghijkl");

Deno.test("encodeHandshake() writes the bytes of the specification", () => {
  assertEquals(
    hex(encodeHandshake({ infoHash, peerId, dht: true })),
    "13426974546f7272656e742070726f746f636f6c" + "0000000000100005" + "aa".repeat(20) +
      "2d5354303130302d6162636465666768696a6b6c",
  );
});

Deno.test("encodeHandshake() sets only the bits that are offered", () => {
  const reserved = (offer: { fast?: boolean; extended?: boolean; dht?: boolean }) =>
    hex(encodeHandshake({ infoHash, peerId, ...offer }).subarray(20, 28));
  assertEquals(reserved({}), "0000000000100004");
  assertEquals(reserved({ fast: false }), "0000000000100000");
  assertEquals(reserved({ extended: false }), "0000000000000004");
  assertEquals(reserved({ fast: false, extended: false, dht: true }), "0000000000000001");
});

Deno.test("decodeHandshake() gives back what was encoded", () => {
  for (let bits = 0; bits < 8; bits++) {
    const [fast, extended, dht] = [(bits & 1) !== 0, (bits & 2) !== 0, (bits & 4) !== 0];
    assertEquals(decodeHandshake(encodeHandshake({ infoHash, peerId, fast, extended, dht })), {
      infoHash,
      peerId,
      supportsFast: fast,
      supportsExtended: extended,
      supportsDht: dht,
    });
  }
});

Deno.test("decodeHandshake() ignores reserved bits that it does not know", () => {
  const bytes = encodeHandshake({ infoHash, peerId, fast: false, extended: false });
  bytes.fill(0xff, 20, 28);
  bytes[25]! &= ~0x10;
  bytes[27]! &= ~0x05;
  const { supportsFast, supportsExtended, supportsDht } = decodeHandshake(bytes);
  assertEquals([supportsFast, supportsExtended, supportsDht], [false, false, false]);
});

Deno.test("decodeHandshake() refuses when length or protocol is another", () => {
  const good = encodeHandshake({ infoHash, peerId });
  for (const bytes of [good.subarray(1), good.subarray(0, 67), new Uint8Array(69)]) {
    assertEquals(assertThrows(() => decodeHandshake(bytes), PeerError).reason, "bad-handshake");
  }
  for (let at = 0; at < 20; at++) {
    const bad = good.slice();
    bad[at]! ^= 0x20;
    assertThrows(() => decodeHandshake(bad), PeerError);
  }
});

Deno.test("HandshakeReader.push() leaves the messages behind when chunks are cut anywhere", () => {
  forSeeds(100, (next) => {
    const tail = randomBytes(next, below(next, 100));
    const stream = new Uint8Array(HANDSHAKE_BYTES + tail.length);
    stream.set(encodeHandshake({ infoHash, peerId }));
    stream.set(tail, HANDSHAKE_BYTES);
    const reader = new HandshakeReader();
    let at = 0;
    while (reader.missing > 0) {
      assertEquals(reader.infoHash !== undefined, at >= 48);
      assertEquals(reader.handshake, undefined);
      const chunk = stream.subarray(at, at + 1 + below(next, 90));
      const rest = reader.push(chunk);
      at += chunk.length - rest.length;
      if (reader.missing > 0) assertEquals(rest.length, 0);
    }
    assertEquals(at, HANDSHAKE_BYTES);
    assertEquals(reader.infoHash, infoHash);
    assertEquals(reader.handshake?.peerId, peerId);
    assertEquals(reader.push(tail), tail);
  });
});

Deno.test("HandshakeReader.push() refuses with the first wrong byte", () => {
  const good = encodeHandshake({ infoHash, peerId });
  for (let at = 0; at < 20; at++) {
    const reader = new HandshakeReader();
    reader.push(good.subarray(0, at));
    const error = assertThrows(() => reader.push(Uint8Array.of(good[at]! ^ 1)), PeerError);
    assertEquals(error.reason, "bad-handshake");
  }
});

Deno.test("HandshakeReader.push() refuses when the peer speaks HTTP or TLS", () => {
  for (const opening of ["GET / HTTP/1.1\r\n", "\x16\x03\x01"]) {
    const reader = new HandshakeReader();
    assertThrows(() => reader.push(new TextEncoder().encode(opening)), PeerError);
  }
});
