/**
 * Packed files give back what was packed.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { FileTable, packFiles } from "../../src/platform/packed_files.ts";
import { below, forSeeds } from "../support/prng.ts";

Deno.test("FileTable gives the paths and lengths that were packed", () => {
  forSeeds(20, (next) => {
    const files = Array.from({ length: below(next, 300) }, (_, i) => ({
      path: Array.from({ length: 1 + below(next, 4) }, () => "ä日x🦜".repeat(below(next, 9)) + i),
      length: below(next, 2 ** 52),
    }));
    const table = new FileTable(structuredClone(packFiles(files)));
    assertEquals(table.count, files.length);
    files.forEach(({ path, length }, i) => {
      assertEquals(table.path(i), path.join("/"));
      assertEquals(table.length(i), length);
    });
    assertEquals(table.length(files.length), undefined);
  });
});
