/**
 * Ports that HTTP clients refuse: as the client of this runtime has it.
 *
 * @module
 */

import { assert, assertRejects } from "@std/assert";
import { isRefusedPort } from "../../src/base/refused_ports.ts";

Deno.test("isRefusedPort() names the ports that fetch() does not connect to", async () => {
  let count = 0;
  for (let port = 1; port < 65_536; port++) {
    if (!isRefusedPort(port)) continue;
    count++;
    await assertRejects(() => fetch(`http://127.0.0.1:${port}/`), TypeError, "blocked");
  }
  assert(count > 80, `${count} ports`);
  for (const port of [80, 443, 6881, 6969, 8080, 51_413]) assert(!isRefusedPort(port), `${port}`);
});
