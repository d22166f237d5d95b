/**
 * The extension handshake: what is kept of it and what a peer cannot do with it.
 *
 * @module
 */

import { assertEquals, assertThrows } from "@std/assert";
import { PeerError } from "../../src/base/errors.ts";
import { MIB } from "../../src/base/units.ts";
import {
  decodeExtensionHandshake,
  encodeExtensionHandshake,
  EXTENSION_IDS,
  type ExtensionHandshake,
  mergeExtensionIds,
  mergeExtensions,
} from "../../src/wire/extension.ts";
import { below, forSeeds, mutate, randomBytes } from "../support/prng.ts";

const latin1 = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
const decode = (text: string) => decodeExtensionHandshake(latin1(text));

const NOTHING: ExtensionHandshake = {
  ids: new Map(),
  version: undefined,
  port: undefined,
  requestQueue: undefined,
  metadataSize: undefined,
  uploadOnly: undefined,
  yourIp: undefined,
  prefersEncryption: undefined,
};

Deno.test("encodeExtensionHandshake() writes canonical bencode", () => {
  const payload = encodeExtensionHandshake({
    m: EXTENSION_IDS,
    v: "starling 0.1.0",
    port: 6881,
    reqq: 500,
    metadataSize: 31_235,
    uploadOnly: true,
    yourIp: Uint8Array.of(1, 2, 3, 4),
  });
  assertEquals(
    new TextDecoder("latin1").decode(payload),
    "d1:md11:lt_donthavei3e11:ut_metadatai2e6:ut_pexi1ee13:metadata_sizei31235e1:pi6881e" +
      "4:reqqi500e11:upload_onlyi1e1:v14:starling 0.1.06:yourip4:\x01\x02\x03\x04e",
  );
});

Deno.test("decodeExtensionHandshake() gives back what was encoded", () => {
  const yourIp = new Uint8Array(16).fill(9);
  const payload = encodeExtensionHandshake({
    m: { ut_pex: 1, ut_metadata: 255, off: 0 },
    v: "µ 3.5",
    port: 65_535,
    reqq: 1,
    metadataSize: 96 * MIB,
    uploadOnly: false,
    yourIp,
  });
  assertEquals(decodeExtensionHandshake(payload), {
    ids: new Map([["off", 0], ["ut_metadata", 255], ["ut_pex", 1]]),
    version: "µ 3.5",
    port: 65_535,
    requestQueue: 1,
    metadataSize: 96 * MIB,
    uploadOnly: false,
    yourIp,
    prefersEncryption: undefined,
  });
  assertEquals(decode("d1:ei1ee").prefersEncryption, true);
});

Deno.test("decodeExtensionHandshake() reads the example of BEP 10", () => {
  assertEquals(
    decode("d1:md11:LT_metadatai1e6:\xb5T_PEXi2ee1:pi6881e1:v13:\xc2\xb5Torrent 1.2e"),
    {
      ...NOTHING,
      ids: new Map([["LT_metadata", 1], ["\xb5T_PEX", 2]]),
      port: 6881,
      version: "µTorrent 1.2",
    },
  );
});

Deno.test("decodeExtensionHandshake() has nothing when the dictionary is empty", () => {
  assertEquals(decode("de"), NOTHING);
});

const IGNORED: readonly string[] = [
  "d1:mle1:p0:1:vi5e4:reqqlee",
  "d1:pi0e4:reqqi0ee",
  "d1:pi-1e4:reqqi-5ee",
  "d1:pi65536e4:reqqi1000001ee",
  "d1:pi9223372036854775807e4:reqqi9223372036854775807ee",
  "d13:metadata_sizei0ee",
  "d13:metadata_sizei-1ee",
  "d13:metadata_sizei100663297ee",
  "d13:metadata_sizei9223372036854775807ee",
  "d13:metadata_size3:100e",
  "d11:upload_onlyi2ee",
  "d6:yourip0:e",
  "d6:yourip5:abcdee",
  "d6:youripi5ee",
  "d1:md1:ai-1e1:bi256e1:c1:x1:dlee2:zzd1:ai1eee",
];

for (const text of IGNORED) {
  Deno.test(`decodeExtensionHandshake() ignores what is out of range when there is ${text}`, () => {
    assertEquals(decode(text), NOTHING);
  });
}

for (const text of ["", "i5e", "le", "4:spam", "d1:m", "d1:md1:ai1e1:ai2eee", "\0\0\0"]) {
  Deno.test(`decodeExtensionHandshake() throws PeerError when the payload is "${text}"`, () => {
    assertEquals(assertThrows(() => decode(text), PeerError).reason, "bad-message");
  });
}

Deno.test("decodeExtensionHandshake() refuses when nested deep or when there are many values", () => {
  assertThrows(() => decode("d1:m" + "l".repeat(100_000)), PeerError);
  assertThrows(() => decode("d1:ml" + "i1e".repeat(100_000) + "ee"), PeerError);
});

Deno.test("decodeExtensionHandshake() keeps 64 ids and characters when a peer sends more", () => {
  let m = "";
  for (let i = 1000; i < 1200; i++) m += `4:${i}i7e`;
  const { ids, version } = decode(`d1:md${m}e1:v1000:${"\xc2\xb5".repeat(500)}e`);
  assertEquals(ids.size, 64);
  assertEquals(version, "µ".repeat(64));
  assertEquals(decode(`d1:md100:${"x".repeat(100)}i1eee`), NOTHING);
});

Deno.test("decodeExtensionHandshake() keeps nothing of the payload's memory", () => {
  const payload = latin1("d1:md6:ut_pexi1ee1:v3:abc6:yourip4:abcde");
  const { version, yourIp } = decodeExtensionHandshake(payload);
  payload.fill(0);
  assertEquals([version, yourIp], ["abc", latin1("abcd")]);
});

Deno.test("decodeExtensionHandshake() throws nothing but PeerError when fed with garbage", () => {
  const good = encodeExtensionHandshake({
    m: EXTENSION_IDS,
    v: "starling",
    port: 1,
    reqq: 1,
    metadataSize: 1,
    uploadOnly: true,
    yourIp: new Uint8Array(4),
  });
  forSeeds(1000, (next) => {
    const payload = next() < 0.2 ? randomBytes(next, below(next, 50)) : mutate(next, good);
    try {
      decodeExtensionHandshake(payload);
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
    }
  });
});

Deno.test("mergeExtensionIds() adds, changes and removes when a peer shakes hands again", () => {
  const known = new Map([["ut_pex", 1], ["ut_metadata", 2]]);
  mergeExtensionIds(known, new Map([["ut_pex", 0], ["ut_metadata", 9], ["lt_donthave", 7]]));
  assertEquals(known, new Map([["ut_metadata", 9], ["lt_donthave", 7]]));
});

Deno.test("mergeExtensionIds() stays bounded when a peer names new extensions for ever", () => {
  const known = new Map<string, number>();
  for (let i = 0; i < 1000; i++) mergeExtensionIds(known, new Map([[`x${i}`, 1]]));
  assertEquals(known.size, 64);
  mergeExtensionIds(known, new Map([["x0", 5]]));
  assertEquals(known.get("x0"), 5);
});

Deno.test("mergeExtensions() keeps what a later handshake leaves out", () => {
  const first = decodeExtensionHandshake(
    encodeExtensionHandshake({ m: { ut_pex: 1, ut_metadata: 2 }, v: "a", reqq: 500, port: 6881 }),
  );
  const later = decodeExtensionHandshake(new TextEncoder().encode("d1:md6:ut_pexi0eee"));
  const merged = mergeExtensions(mergeExtensions(undefined, first), later);
  assertEquals(merged.requestQueue, 500);
  assertEquals(merged.port, 6881);
  assertEquals([...merged.ids], [["ut_metadata", 2]]);
});
