/**
 * The tokens of what brings nothing.
 *
 * @module
 */

import { assertEquals, assertThrows } from "@std/assert";
import { PeerError } from "../../src/base/errors.ts";
import { Chatter, CHATTER_BURST, CHATTER_PER_SECOND } from "../../src/swarm/chatter.ts";

Deno.test("charge() throws flood when messages without worth come faster than tokens", () => {
  const chatter = new Chatter(0);
  chatter.charge(CHATTER_BURST - 10, 10 * 1024, 0);
  chatter.charge(CHATTER_PER_SECOND, 0, 1000);
  const error = assertThrows(() => chatter.charge(1, 4, 1000), PeerError);
  assertEquals(error.reason, "flood");
});

Deno.test("charge() counts bytes when few messages are long", () => {
  const chatter = new Chatter(0);
  chatter.charge(1, (CHATTER_BURST - 1) * 1024, 0);
  assertThrows(() => chatter.charge(0, 1024, 0), PeerError);
});

Deno.test("charge() lets pass whatever is of worth, at any speed", () => {
  const chatter = new Chatter(0);
  for (let i = 0; i < 100_000; i++) {
    chatter.refund(16_384);
    chatter.refund(0);
    chatter.charge(2, 16_397 + 17, 0);
  }
});

Deno.test("charge() saves no more than the burst, however long a peer was quiet", () => {
  const chatter = new Chatter(0);
  for (let i = 0; i < 1000; i++) chatter.refund(16_384);
  chatter.charge(0, 0, 3_600_000);
  assertThrows(() => chatter.charge(CHATTER_BURST + 1, 0, 3_600_000), PeerError);
});

Deno.test("charge() takes no harm when the clock goes back", () => {
  const chatter = new Chatter(10_000);
  chatter.charge(1, 0, 5_000);
  chatter.charge(1, 0, 5_001);
});
