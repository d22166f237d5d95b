/**
 * The kinds of value: what each takes, what it makes of it, what it refuses.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { type OptionKind, type OptionValue, parseValue } from "../../src/cli/values.ts";
import { forSeeds, pick } from "../support/prng.ts";

const K = 1024;

const GOOD: [OptionKind, Record<string, OptionValue>][] = [
  [{ type: "flag" }, { true: true, "1": true, YES: true, false: false, "0": false, off: false }],
  [{ type: "duration" }, {
    "90": 90_000,
    "90s": 90_000,
    "5m": 300_000,
    "2h": 7_200_000,
    "1.5h": 5_400_000,
    "1h30m": 5_400_000,
    "250ms": 250,
    "1d": 86_400_000,
    "0": 0,
  }],
  [{ type: "size" }, {
    "17": 17,
    "16K": 16 * K,
    "1M": K * K,
    "2G": 2 * K * K * K,
    "1.5k": 1536,
    "3MiB": 3 * K * K,
    "3mb": 3 * K * K,
  }],
  [{ type: "rate" }, { "800K": 800 * K, "5M": 5 * K * K, "5M/s": 5 * K * K, "0": 0 }],
  [{ type: "int", min: 1, max: 10 }, { "1": 1, "10": 10, "007": 7 }],
  [{ type: "ratio" }, { "1": 1, "1.5": 1.5, "0.0": 0 }],
  [{ type: "ports" }, {
    "0": [0],
    "6881": [6881],
    "6881-6883": [6881, 6882, 6883],
    "7000,6881-6882": [7000, 6881, 6882],
  }],
  [{ type: "ranges" }, { "1,3-5": [1, 1, 3, 5], "2": [2, 2] }],
  [{ type: "host-port" }, { "a.example:1": "a.example:1", "[::1]:6881": "[::1]:6881" }],
  [{ type: "url", schemes: ["http", "https"] }, { "http://a/b": "http://a/b" }],
  [{ type: "enum", values: ["tcp", "utp"] }, { tcp: "tcp" }],
  [{ type: "text" }, { "-x": "-x" }],
];

const BAD: [OptionKind, string[]][] = [
  [{ type: "flag" }, ["", "maybe"]],
  [{ type: "duration" }, ["", "-1", "5x", "1e3", "m", "5 m", "99999999999d", "١"]],
  [{ type: "size" }, ["", "-1", "1P", "K", "1e9", "9".repeat(30), "1M/s"]],
  [{ type: "rate" }, ["5M/h", "fast"]],
  [{ type: "int", min: 1, max: 10 }, ["", "0", "11", "1.5", "+1", "0x5"]],
  [{ type: "ratio" }, ["", "-1", "1,5", "NaN"]],
  [{ type: "ports" }, ["", "65536", "2-1", "0-5", "1-", "-1", "a"]],
  [{ type: "ranges" }, ["", "0", "5-3", "1,,2", "1-2-3", "a"]],
  [{ type: "host-port" }, ["", "a", "a:0", "a:65536", "::1:6881", "a b:1"]],
  [{ type: "url", schemes: ["http"] }, ["", "a", "ftp://a", "http://", "https://a"]],
  [{ type: "enum", values: ["tcp", "utp"] }, ["", "TCP", "both"]],
  [{ type: "text" }, [""]],
];

Deno.test("parseValue() gives the value when the text is one", () => {
  for (const [kind, cases] of GOOD) {
    for (const [text, value] of Object.entries(cases)) {
      assertEquals(parseValue(kind, text), { value }, `${kind.type} ${text}`);
    }
  }
});

Deno.test("parseValue() says why when the text is none", () => {
  for (const [kind, texts] of BAD) {
    for (const text of texts) {
      const parsed = parseValue(kind, text);
      assert("why" in parsed && /^it is /.test(parsed.why), `${kind.type} "${text}"`);
    }
  }
});

Deno.test("parseValue() never throws and never gives NaN when the text is garbage", () => {
  const letters = [..."0123456789.,-+kmgtsMhd/:[]%x \u0661\ud800é"];
  forSeeds(200, (next, seed) => {
    const text = Array.from({ length: Math.floor(next() * 12) }, () => pick(next, letters)).join(
      "",
    );
    for (const [kind] of GOOD) {
      const parsed = parseValue(kind, text);
      if (!("value" in parsed)) continue;
      const numbers = [parsed.value].flat().filter((value) => typeof value === "number");
      assert(
        numbers.every((n) => Number.isFinite(n) && n >= 0),
        `seed ${seed}: ${kind.type} ${text}`,
      );
    }
  });
});
