/**
 * Tokens: to whom, for how long.
 *
 * @module
 */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { SECRET_MS, TOKEN_BYTES, Tokens } from "../../src/dht/tokens.ts";
import { testHasher } from "../sim/hasher.ts";
import { prng } from "../support/prng.ts";
import { randomOf } from "./support.ts";

function setup(): Tokens {
  return new Tokens({ hasher: testHasher, random: randomOf(prng(1)) });
}

Deno.test("isValid() accepts a token when it comes from the address it was issued to", () => {
  const tokens = setup();
  const token = tokens.issue("1.2.3.4", 0);
  assertEquals(token.length, TOKEN_BYTES);
  assert(tokens.isValid(token, "1.2.3.4", 1));
  assert(!tokens.isValid(token, "1.2.3.5", 1));
  assert(!tokens.isValid(token.subarray(1), "1.2.3.4", 1));
  assert(!tokens.isValid(new Uint8Array(TOKEN_BYTES), "1.2.3.4", 1));
  assert(!tokens.isValid(new Uint8Array(0), "1.2.3.4", 1));
});

Deno.test("isValid() accepts a token for one to two lives of a secret", () => {
  const tokens = setup();
  const first = tokens.issue("1.2.3.4", 0);
  assert(tokens.isValid(first, "1.2.3.4", SECRET_MS - 1));
  assert(tokens.isValid(first, "1.2.3.4", SECRET_MS));
  assertNotEquals(tokens.issue("1.2.3.4", SECRET_MS), first);
  assert(tokens.isValid(first, "1.2.3.4", 2 * SECRET_MS - 1));
  assert(!tokens.isValid(first, "1.2.3.4", 2 * SECRET_MS));
});

Deno.test("isValid() refuses an old token though nobody asked for long", () => {
  const tokens = setup();
  const first = tokens.issue("1.2.3.4", 0);
  assert(!tokens.isValid(first, "1.2.3.4", 2 * SECRET_MS));
  assert(!tokens.isValid(first, "1.2.3.4", 2 * SECRET_MS + 1));
});

Deno.test("issue() gives another node's tokens to nobody", () => {
  const other = new Tokens({ hasher: testHasher, random: randomOf(prng(2)) });
  assert(!setup().isValid(other.issue("1.2.3.4", 0), "1.2.3.4", 0));
});
