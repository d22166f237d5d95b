/**
 * canonicalPriority(): the examples of BEP 40, and that both ends agree.
 *
 * @module
 */

import { assertEquals, assertNotEquals } from "@std/assert";
import { crc32c } from "../../src/base/crc32c.ts";
import { canonicalPriority } from "../../src/swarm/canonical_priority.ts";

const priority = (a: string, b: string, ports: [number, number] = [1, 2]) => {
  const one = { host: a, port: ports[0] };
  const other = { host: b, port: ports[1] };
  const result = canonicalPriority(one, other);
  assertEquals(canonicalPriority(other, one), result);
  return result;
};
const bytes = (hex: string) => Uint8Array.from(hex.match(/../g)!, (pair) => parseInt(pair, 16));

Deno.test("canonicalPriority() gives the examples of BEP 40", () => {
  assertEquals(priority("123.213.32.10", "98.76.54.32"), 0xec2d7224);
  assertEquals(priority("123.213.32.10", "123.213.32.234"), 0x99568189);
});

Deno.test("canonicalPriority() keeps a byte more when the addresses share a /16", () => {
  assertEquals(priority("123.213.32.10", "123.213.7.255"), crc32c(bytes("7bd507557bd52000")));
});

Deno.test("canonicalPriority() takes the ports when the addresses are the same", () => {
  assertEquals(priority("9.0.0.1", "9.0.0.1", [0x1234, 0x0102]), crc32c(bytes("01021234")));
});

Deno.test("canonicalPriority() widens the mask of IPv6 with what the addresses share", () => {
  const far = "20010db800010000" + "0000000000000001";
  assertEquals(
    priority("2001:db8:1::1", "2001:db9:1::2"),
    crc32c(bytes(far + "20010db9000100000000000000000000")),
  );
  // The same /48: seven bytes are whole.
  assertEquals(
    priority("2001:db8:1:ffff::", "2001:db8:1:1fff::"),
    crc32c(bytes("20010db800011f550000000000000000" + "20010db80001ff550000000000000000")),
  );
  assertNotEquals(priority("2001:db8::1", "2001:db8::2"), priority("2001:db8::1", "2001:db8::3"));
});

Deno.test("canonicalPriority() knows none between the families", () => {
  assertEquals(priority("9.0.0.1", "2001:db8::1"), undefined);
});
