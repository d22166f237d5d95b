/**
 * Sizes, rates and times as people read them.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import {
  formatBytes,
  formatCount,
  formatPercent,
  formatRate,
  formatSeconds,
  formatTime,
} from "../../src/cli/units.ts";

Deno.test("formatBytes() shows three digits and a binary unit", () => {
  const cases: [number, string][] = [
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.00 KiB"],
    [10_239, "10.0 KiB"],
    [163_783, "160 KiB"],
    [1023 * 1024, "1023 KiB"],
    [1024 * 1024 - 1, "1.00 MiB"],
    [2_083_390_464, "1.94 GiB"],
    [2 ** 53, "8.00 PiB"],
    [-5, "0 B"],
  ];
  for (const [bytes, text] of cases) assertEquals(formatBytes(bytes), text);
  assertEquals(formatRate(36_805_017), "35.1 MiB/s");
});

Deno.test("formatSeconds() shows the two units that matter", () => {
  const cases: [number, string][] = [
    [0, "0s"],
    [0.34, "0.3s"],
    [9.96, "10s"],
    [59.4, "59s"],
    [59.6, "1m 00s"],
    [200, "3m 20s"],
    [18_240, "5h 04m"],
    [1_047_600, "12d 3h"],
  ];
  for (const [seconds, text] of cases) assertEquals(formatSeconds(seconds), text);
});

Deno.test("formatPercent() never says 100 before the end nor 0 after the start", () => {
  assertEquals(formatPercent(0, 1000), "0.0 %");
  assertEquals(formatPercent(1, 1_000_000), "0.1 %");
  assertEquals(formatPercent(999_999, 1_000_000), "99.9 %");
  assertEquals(formatPercent(1000, 1000), "100 %");
  assertEquals(formatPercent(0, 0), "100 %");
});

Deno.test("formatTime() gives no date when the year does not exist", () => {
  assertEquals(formatTime(1_565_034_266), "2019-08-05 19:44:26 UTC");
  assertEquals(formatTime(1e18), undefined);
  assertEquals(formatTime(-1), "1969-12-31 23:59:59 UTC");
});

Deno.test("formatCount() groups by thousands", () => {
  assertEquals(formatCount(7), "7");
  assertEquals(formatCount(1000), "1,000");
  assertEquals(formatCount(2_083_390_464), "2,083,390,464");
});
