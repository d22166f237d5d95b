/**
 * Names of this machine alone; no name server is asked.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { resolveHost } from "../../src/platform/dns.ts";

Deno.test("resolveHost() gives a literal back in its canonical form", async () => {
  assertEquals(await resolveHost("10.1.2.3"), ["10.1.2.3"]);
  assertEquals(await resolveHost("[2001:db8:0:0:0:0:0:1]"), ["2001:db8::1"]);
  assertEquals(await resolveHost("::ffff:1.2.3.4"), ["1.2.3.4"]);
});

Deno.test("resolveHost() knows localhost", async () => {
  const hosts = await resolveHost("localhost");
  assert(hosts.length > 0);
  for (const host of hosts) assert(["127.0.0.1", "::1"].includes(host), host);
});

Deno.test("resolveHost() throws the signal's reason when aborted", async () => {
  const signal = AbortSignal.abort(new Error("enough"));
  await assertRejects(() => resolveHost("localhost", { signal }), Error, "enough");
});
