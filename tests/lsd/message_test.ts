/**
 * encodeLsd() and decodeLsd(): the text of BEP 14, and what is made of other text.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import {
  decodeLsd,
  encodeLsd,
  LSD_GROUP_V4,
  LSD_GROUP_V6,
  MAX_MESSAGE_BYTES,
  MAX_SENT_HASHES,
} from "../../src/lsd/message.ts";
import { below, prng } from "../support/prng.ts";

const A = "0123456789abcdef0123456789abcdef01234567";
const B = "f".repeat(40);
const read = (text: string) => decodeLsd(new TextEncoder().encode(text));
const announce = (...lines: string[]) =>
  read(["BT-SEARCH * HTTP/1.1", ...lines].join("\r\n") + "\r\n\r\n\r\n");

Deno.test("encodeLsd() writes the announce of BEP 14", () => {
  const bytes = encodeLsd({ port: 6881, infoHashes: [A, B], cookie: "1f" }, LSD_GROUP_V4);
  assertEquals(
    new TextDecoder().decode(bytes),
    "BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 6881\r\n" +
      `Infohash: ${A}\r\nInfohash: ${B}\r\ncookie: 1f\r\n\r\n\r\n`,
  );
  const v6 = new TextDecoder().decode(encodeLsd({ port: 1, infoHashes: [A] }, LSD_GROUP_V6));
  assert(v6.includes("\r\nHost: [ff15::efc0:988f]:6771\r\n"));
});

Deno.test("encodeLsd() keeps within one packet when it holds as many torrents as it may", () => {
  const infoHashes = Array.from({ length: MAX_SENT_HASHES }, () => A);
  const message = { port: 65_535, infoHashes, cookie: "0123456789abcdef" };
  assert(encodeLsd(message, LSD_GROUP_V6).length <= MAX_MESSAGE_BYTES);
});

Deno.test("decodeLsd() reads what encodeLsd() wrote", () => {
  const message = { port: 51_413, infoHashes: [A, B], cookie: "ab" };
  assertEquals(decodeLsd(encodeLsd(message, LSD_GROUP_V4)), message);
  assertEquals(decodeLsd(encodeLsd({ port: 1, infoHashes: [A] }, LSD_GROUP_V6)), {
    port: 1,
    infoHashes: [A],
  });
});

Deno.test("decodeLsd() reads headers in any order and case, and overlooks others", () => {
  const got = announce("INFOHASH:" + A.toUpperCase(), "X-Other: 1", "nonsense", "pORT: 7 ");
  assertEquals(got, { port: 7, infoHashes: [A] });
  assertEquals(read(`bt-search * http/1.1\nPort: 7\nInfohash: ${A}\n\n`)?.port, 7);
});

Deno.test("decodeLsd() refuses what names no port or no torrent", () => {
  assertEquals(announce(`Infohash: ${A}`), undefined);
  assertEquals(announce("Port: 7"), undefined);
  for (const port of ["0", "65536", "-1", "1e3", "", "7.0", "0x10", "111111"]) {
    assertEquals(announce(`Port: ${port}`, `Infohash: ${A}`), undefined, port);
  }
  for (const hash of ["", "zz", A.slice(1), `${A}0`, "g".repeat(40)]) {
    assertEquals(announce("Port: 7", `Infohash: ${hash}`), undefined, hash);
  }
});

Deno.test("decodeLsd() refuses other methods and what is behind the headers", () => {
  assertEquals(read(`M-SEARCH * HTTP/1.1\r\nPort: 7\r\nInfohash: ${A}\r\n\r\n`), undefined);
  assertEquals(read(`BT-SEARCH * HTTP/1.1\r\nPort: 7\r\n\r\nInfohash: ${A}\r\n`), undefined);
  assertEquals(read(""), undefined);
});

Deno.test("decodeLsd() takes a bounded number of torrents, and nothing of a huge datagram", () => {
  const hashes = Array.from({ length: 60 }, (_, i) => `Infohash: ${A.slice(2)}${10 + i}`);
  assertEquals(announce("Port: 7", ...hashes)?.infoHashes.length, 32);
  assertEquals(announce("Port: 7", ...hashes, ...hashes), undefined);
  assertEquals(announce("Port: 7", `Infohash: ${A}`, `Infohash: ${A}`)?.infoHashes, [A]);
});

Deno.test("decodeLsd() throws nothing whatever the bytes are", () => {
  const random = prng(14);
  const whole = encodeLsd({ port: 6881, infoHashes: [A, B], cookie: "1f" }, LSD_GROUP_V4);
  for (let i = 0; i < 2000; i++) {
    const bytes = whole.slice(0, below(random, whole.length + 1));
    for (let n = below(random, 8); n > 0; n--) {
      bytes[below(random, Math.max(1, bytes.length))] = below(random, 256);
    }
    const got = decodeLsd(bytes);
    if (got) assert(got.port > 0 && got.port < 65_536 && got.infoHashes.length <= 32);
  }
});
