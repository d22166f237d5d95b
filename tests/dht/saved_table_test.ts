/**
 * The table between two runs.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { encodeContact } from "../../src/dht/contact.ts";
import { decodeTable, encodeTable } from "../../src/dht/saved_table.ts";
import { forSeeds, mutate, prng, randomBytes } from "../support/prng.ts";
import { ascii, idOf, randomOf, stranger } from "./support.ts";

const contacts = Array.from({ length: 20 }, () => stranger(randomOf(prng(3))));
const saved = encodeTable(idOf(7), contacts.map(encodeContact), 4);

Deno.test("decodeTable() gives what encodeTable() wrote, to the same family", () => {
  assertEquals(decodeTable(saved, 4), { id: idOf(7), contacts });
  assertEquals(decodeTable(saved, 6), undefined);
});

Deno.test("decodeTable() gives nothing when the bytes are no table", () => {
  for (const text of ["", "le", "de", "d2:id3:abce", "d2:id20:abcdefghij0123456789e"]) {
    assertEquals(decodeTable(ascii(text), 4), undefined);
  }
  assertEquals(decodeTable(new Uint8Array(1e6).fill(0x6c), 4), undefined);
});

Deno.test("decodeTable() never throws, whatever it is given", () => {
  forSeeds(1000, (next) => {
    decodeTable(mutate(next, saved), 4);
    decodeTable(randomBytes(next, 50), 4);
  });
});
