/**
 * Rates that are right at any moment.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { Rates } from "../../src/session/rates.ts";

Deno.test("Rates.at() counts what has come since it was asked last", () => {
  const rates = new Rates();
  const none = { downloaded: 0, uploaded: 0 };
  assertEquals(rates.at(none, 1000), { downRate: 0, upRate: 0 });
  const some = { downloaded: 1_000_000, uploaded: 500 };
  assertEquals(rates.at(some, 1500), { downRate: 2_000_000, upRate: 1000 });
  assertEquals(rates.at(some, 2000), { downRate: 1_000_000, upRate: 500 });
  assertEquals(rates.at(some, 60_000), { downRate: 0, upRate: 0 });
});
