/**
 * The schema of `--json`, and that what the program writes is of it. Every test that reads events holds them
 * against it as well.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { EVENTS, parseEvents } from "../support/events.ts";
import { withFolder } from "../support/folder.ts";
import { type Schema, schemaErrors } from "../support/json_schema.ts";
import { fill, run } from "./support/disk_run.ts";

Deno.test("schemaErrors() finds what is wrong, and where", () => {
  const schema: Schema = {
    oneOf: [{ $ref: "#/$defs/a" }, { $ref: "#/$defs/b" }],
    $defs: {
      a: {
        type: "object",
        required: ["type", "n"],
        properties: {
          type: { const: "a" },
          n: { type: ["integer", "null"], minimum: 1, maximum: 9 },
          list: { type: "array", items: { type: "string", pattern: "^x" } },
          map: { type: "object", additionalProperties: { enum: [1, 2] } },
        },
      },
      b: { type: "object", required: ["type"], properties: { type: { const: "b" } } },
    },
  };
  const errors = (value: unknown, isStrict = true) => schemaErrors(value, schema, { isStrict });
  assertEquals(errors({ type: "a", n: null, list: ["x"], map: { k: 2 } }), []);
  assertEquals(errors({ type: "a" }), ["$: has no n"]);
  assertEquals(errors({ type: "a", n: 0 }), ["$.n: is less than 1"]);
  assertEquals(errors({ type: "a", n: 1.5 }), ["$.n: is no integer,null"]);
  assertEquals(errors({ type: "a", n: 1, list: ["x", "y"] }), ["$.list[1]: is not ^x"]);
  assertEquals(errors({ type: "a", n: 1, map: { k: 3 } }), ["$.map.k: is none of [1,2]"]);
  assertEquals(errors({ type: "b", more: 1 }), ["$: more is not in the schema"]);
  assertEquals(errors({ type: "b", more: 1 }, false), []);
  assertThrows(() => schemaErrors(1, { not: {} }), Error, 'keyword "not"');
});

Deno.test("the schema describes every event once, by its type", () => {
  const refs = (EVENTS["oneOf"] as { $ref: string }[]).map(({ $ref }) => $ref.split("/").at(-1)!);
  assertEquals(new Set(refs).size, refs.length);
  const defs = EVENTS["$defs"] as Record<string, { properties: { type: Schema } }>;
  for (const name of refs) assertEquals(defs[name]!.properties.type, { const: name });
});

Deno.test("the schema names every type of event that the sources have", async () => {
  const known = Object.keys(EVENTS["$defs"] as object);
  for (const file of ["session/events.ts", "cli/local_events.ts", "cli/info_view.ts"]) {
    const text = await Deno.readTextFile(new URL(`../../src/${file}`, import.meta.url));
    for (const [, type] of text.matchAll(/readonly type: "([\w-]+)"/g)) {
      assert(known.includes(type!), `${file}: ${type} is not in docs/events.schema.json`);
    }
  }
});

Deno.test("every verb that works alone writes events of the schema", async () => {
  await withFolder(async (folder) => {
    await fill(folder, { "data/a.bin": 40_000, "data/b.bin": 5 });
    const torrent = `${folder}/data.torrent`;
    const lines = [
      ["create", `${folder}/data`, "-o", torrent],
      ["info", torrent],
      ["magnet", torrent],
      ["edit", torrent, "--comment", "x"],
      ["verify", torrent, folder],
      ["get", `${folder}/nothing`],
      ["get", "--max-peers", "x"],
    ];
    const codes: number[] = [];
    for (const line of lines) {
      const { code, shell } = await run([...line, "--json"]);
      codes.push(code);
      assert(parseEvents(shell.stdout.lines).length > 0, line.join(" "));
    }
    assertEquals(codes, [0, 0, 0, 0, 0, 4, 2]);
  });
});
