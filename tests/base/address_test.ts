/**
 * Addresses: one name per peer, whatever form it arrives in.
 *
 * @module
 */

import { assertEquals, assertThrows } from "@std/assert";
import {
  type Address,
  canonicalIp,
  decodeCompact,
  encodeCompact,
  formatAddress,
  formatIp,
  isLocalIp,
  isUnicast,
  makeAddress,
  parseIp,
  putIp,
  splitHostPort,
} from "../../src/base/address.ts";
import { concat } from "../../src/base/bytes.ts";
import { below, forSeeds, pick, randomBytes } from "../support/prng.ts";

const CANONICAL: readonly (readonly [string, string])[] = [
  ["1.2.3.4", "1.2.3.4"],
  ["0.0.0.0", "0.0.0.0"],
  ["255.255.255.255", "255.255.255.255"],
  ["::", "::"],
  ["::1", "::1"],
  ["0:0:0:0:0:0:0:1", "::1"],
  ["1::", "1::"],
  ["2001:DB8::0001", "2001:db8::1"],
  ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
  ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
  ["::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"],
  ["0:0:3:4:5:6:0:0", "::3:4:5:6:0:0"],
  ["::ffff:1.2.3.4", "1.2.3.4"],
  ["::ffff:102:304", "1.2.3.4"],
  ["0:0:0:0:0:ffff:10.0.0.1", "10.0.0.1"],
  ["64:ff9b::1.2.3.4", "64:ff9b::102:304"],
  ["1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"],
  ["fe80::1", "fe80::1"],
];

const NO_IPS: readonly string[] = [
  "",
  "1.2.3",
  "1.2.3.4.5",
  "1.2.3.256",
  "01.2.3.4",
  "1.2.3.-4",
  " 1.2.3.4",
  "1.2.3.4\n",
  "0x7f.0.0.1",
  "2130706433",
  "localhost",
  ":",
  ":::",
  "1::2::3",
  "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:8:9",
  "1:2:3:4:5:6:7:8::",
  "::1:2:3:4:5:6:7:8",
  ":1:2:3:4:5:6:7:8",
  "1:2:3:4:5:6:7:",
  "12345::",
  "g::",
  "fe80::1%eth0",
  "[::1]",
  "::ffff:1.2.3",
  "::ffff:1.2.3.4.5",
  "::\x10",
  "1.2.3.\x14",
  "::1.2.3",
  "::1.2.3.4:5",
  "1.2.3.4::",
  "1:2:3:4:5:6:7:1.2.3.4",
];

Deno.test("formatIp() gives the one canonical text when any form was parsed", () => {
  for (const [text, canonical] of CANONICAL) {
    const ip = parseIp(text);
    assertEquals(ip && formatIp(ip), canonical, text);
  }
});

Deno.test("parseIp() gives undefined when the text is no IP literal", () => {
  for (const text of NO_IPS) assertEquals(parseIp(text), undefined, JSON.stringify(text));
});

Deno.test("parseIp() undoes formatIp() when the bytes are random", () => {
  forSeeds(300, (next) => {
    const bytes = randomBytes(next, pick(next, [4, 16]));
    // Runs of zeros are what the short form is about.
    for (let i = below(next, 16); i > 0; i--) bytes[below(next, bytes.length)] = 0;
    const text = formatIp(bytes);
    assertEquals(parseIp(text), bytes.length === 16 && !text.includes(":") ? undefined : bytes);
    assertEquals(formatIp(parseIp(text)!), text);
  });
});

Deno.test("parseIp() throws nothing when the text is garbage", () => {
  const parts = ["1", "ffff", ":", "::", ".", "255", "0", "%", "[", "x", "-1"];
  forSeeds(300, (next) => {
    let text = "";
    for (let i = below(next, 12); i > 0; i--) text += pick(next, parts);
    const ip = parseIp(text);
    if (ip) assertEquals(parseIp(formatIp(ip)), ip, text);
  });
});

Deno.test("canonicalIp() gives the canonical text, or none when the text is no IP literal", () => {
  for (const [text, canonical] of CANONICAL) assertEquals(canonicalIp(text), canonical, text);
  for (const text of NO_IPS) assertEquals(canonicalIp(text), undefined, text);
});

Deno.test("putIp() leaves nothing of what was there before", () => {
  for (const [text, canonical] of CANONICAL) {
    const into = new Uint8Array(16).fill(0xaa);
    const length = putIp(text, into);
    assertEquals(formatIp(into.slice(0, length)), canonical, text);
  }
});

Deno.test("formatAddress() brackets IPv6 only", () => {
  assertEquals(formatAddress({ host: "1.2.3.4", port: 5 }), "1.2.3.4:5");
  assertEquals(formatAddress({ host: "::1", port: 65_535 }), "[::1]:65535");
});

Deno.test("makeAddress() refuses when the host is a name or the port is out of range", () => {
  assertEquals(makeAddress("::FFFF:10.0.0.1", 80), { host: "10.0.0.1", port: 80 });
  assertEquals(makeAddress("2001:DB8::", 65_535), { host: "2001:db8::", port: 65_535 });
  assertEquals(makeAddress("example.org", 80), undefined);
  for (const port of [0, -1, 65_536, 1.5, NaN, Infinity]) {
    assertEquals(makeAddress("1.2.3.4", port), undefined, String(port));
  }
});

Deno.test("splitHostPort() tells host from port when the text has both", () => {
  const table: readonly (readonly [string, { host: string; port: number } | undefined])[] = [
    ["example.org:80", { host: "example.org", port: 80 }],
    ["1.2.3.4:65535", { host: "1.2.3.4", port: 65_535 }],
    ["[2001:DB8::1]:6881", { host: "2001:db8::1", port: 6881 }],
    ["[::ffff:1.2.3.4]:1", { host: "1.2.3.4", port: 1 }],
    ["example.org", undefined],
    ["example.org:", undefined],
    [":80", undefined],
    ["example.org:0", undefined],
    ["example.org:65536", undefined],
    ["example.org:+80", undefined],
    ["example.org:80 ", undefined],
    ["::1:80", undefined],
    ["[::1]", undefined],
    ["[::1]80", undefined],
    ["[::g]:80", undefined],
    ["[example.org]:80", undefined],
    ["http://a:80", undefined],
    ["a@b:80", undefined],
    ["a b:80", undefined],
  ];
  for (const [text, expected] of table) assertEquals(splitHostPort(text), expected, text);
});

Deno.test("decodeCompact() undoes encodeCompact() when the addresses can be dialled", () => {
  forSeeds(100, (next) => {
    const bytesPerIp = pick(next, [4, 16] as const);
    const addresses: Address[] = [];
    while (addresses.length < 10) {
      const ip = randomBytes(next, bytesPerIp);
      if (isUnicast(ip)) addresses.push({ host: formatIp(ip), port: 1 + below(next, 65_535) });
    }
    const list = concat([...addresses.map(encodeCompact), randomBytes(next, below(next, 5))]);
    assertEquals(decodeCompact(list, bytesPerIp), addresses);
  });
});

Deno.test("decodeCompact() leaves out what could never be dialled", () => {
  const list = (...entries: number[][]) => Uint8Array.from(entries.flat());
  const good = [9, 8, 7, 6, 0x1a, 0xe1];
  const v4 = list(
    [1, 2, 3, 4, 0, 0],
    [0, 0, 0, 0, 1, 1],
    [224, 0, 0, 1, 1, 1],
    [255, 255, 255, 255, 1, 1],
    good,
    [1, 2, 3],
  );
  assertEquals(decodeCompact(v4, 4), [{ host: "9.8.7.6", port: 6881 }]);
  const mapped = [...new Array(10).fill(0), 0xff, 0xff];
  const v6 = list(
    [...new Array(16).fill(0), 1, 1],
    [0xff, 2, ...new Array(13).fill(0), 1, 1, 1],
    [...mapped, 0, 0, 0, 0, 1, 1],
    [...mapped, ...good],
  );
  assertEquals(decodeCompact(v6, 16), [{ host: "9.8.7.6", port: 6881 }]);
  assertEquals(decodeCompact(new Uint8Array(), 4), []);
});

Deno.test("encodeCompact() throws when the host is a name", () => {
  assertThrows(() => encodeCompact({ host: "example.org", port: 1 }), TypeError, "example.org");
});

Deno.test("isLocalIp() tells local addresses from global ones", () => {
  const local = [
    "127.0.0.1",
    "127.255.255.255",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.1.1",
    "100.64.0.1",
    "100.127.255.255",
    "0.0.0.0",
    "::",
    "::1",
    "fe80::1",
    "febf::1",
    "fc00::1",
    "fdff::1",
    "::ffff:10.0.0.1",
    "0:0:0:0:0:0:0:1",
  ];
  const global = [
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "172.15.0.1",
    "172.32.0.1",
    "192.167.0.1",
    "192.169.0.1",
    "169.253.0.1",
    "100.63.0.1",
    "100.128.0.1",
    "128.0.0.1",
    "2001:db8::1",
    "fec0::1",
    "::2",
    "::ffff:8.8.8.8",
    "localhost",
    "",
    "10.0.0",
  ];
  for (const ip of local) assertEquals(isLocalIp(ip), true, ip);
  for (const ip of global) assertEquals(isLocalIp(ip), false, ip);
});
