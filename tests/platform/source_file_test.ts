/**
 * Sources on the disk: what is read, what is refused, and when.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { DiskError, MetainfoError } from "../../src/base/errors.ts";
import { readSource } from "../../src/platform/source_file.ts";
import { withFolder } from "../support/folder.ts";

Deno.test("readSource() gives every byte when a file is shorter, as long or longer than a chunk", async () => {
  await withFolder(async (folder) => {
    for (const length of [0, 1, 65_535, 65_536, 65_537, 300_000]) {
      const bytes = Uint8Array.from({ length }, (_, i) => i * 31);
      await Deno.writeFile(`${folder}/x`, bytes);
      assertEquals(await readSource(`${folder}/x`, { maxBytes: 300_000 }), bytes, String(length));
    }
  });
});

Deno.test("readSource() refuses a file that is too large before it is read", async () => {
  await withFolder(async (folder) => {
    using file = await Deno.create(`${folder}/x`);
    await file.truncate(2 ** 40);
    await assertRejects(
      () => readSource(`${folder}/x`, { maxBytes: 1000 }),
      MetainfoError,
      "more than",
    );
  });
});

Deno.test(
  "readSource() refuses what never ends",
  { ignore: Deno.build.os === "windows" },
  async () => {
    await assertRejects(
      () => readSource("/dev/zero", { maxBytes: 1_000_000 }),
      MetainfoError,
      "more than 1000000 bytes",
    );
  },
);

Deno.test("readSource() says what is wrong with a path", async () => {
  await withFolder(async (folder) => {
    const missing = await assertRejects(
      () => readSource(`${folder}/none`, { maxBytes: 10 }),
      DiskError,
    );
    assertEquals(missing.kind, "missing");
    const inTheWay = await assertRejects(() => readSource(folder, { maxBytes: 10 }), DiskError);
    assertEquals(inTheWay.message, `Cannot read "${folder}": it is a folder`);
    assert(inTheWay.hint !== undefined);
  });
});

Deno.test("readSource() gives up when the signal aborts", async () => {
  const reason = new Error("enough");
  await assertRejects(
    () => readSource("/", { maxBytes: 10, signal: AbortSignal.abort(reason) }),
    Error,
    "enough",
  );
});
