/**
 * Files that may be older copies: lengths, links, bounds.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../../src/base/errors.ts";
import { listOld } from "../../src/platform/old_files.ts";
import { withFolder } from "../support/folder.ts";

const { signal } = new AbortController();

async function withTree(body: (folder: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/deep/er`, { recursive: true });
    for (const [path, length] of [["a", 5], ["deep/b", 7], ["deep/er/c", 5]] as const) {
      await Deno.writeFile(`${folder}/${path}`, new Uint8Array(length));
    }
    await body(folder);
  });
}

Deno.test("listOld() gives files of the lengths that are of use, at any depth", async () => {
  await withTree(async (folder) => {
    const wants = (length: number) => length === 5;
    const { root, files, isCut } = await listOld(folder, { wants, maxEntries: 100, signal });
    assertEquals(files.map(({ path }) => path.join("/")).sort(), ["a", "deep/er/c"]);
    assertEquals([root, isCut], [folder, false]);
    const single = await listOld(`${folder}/a`, { wants, maxEntries: 100, signal });
    assertEquals([single.root, single.files.map(({ path }) => path)], [folder, [["a"]]]);
  });
});

Deno.test("listOld() follows no link below the folder", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await withTree(async (folder) => {
    await Deno.symlink(`${folder}/a`, `${folder}/link`);
    await Deno.symlink(folder, `${folder}/deep/circle`);
    await Deno.symlink(`${folder}/deep`, `${folder}/way`);
    const all = { wants: () => true, maxEntries: 100, signal };
    assertEquals((await listOld(folder, all)).files.length, 3);
    assertEquals((await listOld(`${folder}/way`, all)).files.length, 2);
  });
});

Deno.test("listOld() ends at its bound, and says so", async () => {
  await withTree(async (folder) => {
    const { files, isCut } = await listOld(folder, { wants: () => true, maxEntries: 2, signal });
    assert(isCut && files.length < 3);
  });
});

Deno.test("listOld() fails where there is nothing", async () => {
  const all = { wants: () => true, maxEntries: 100, signal };
  await assertRejects(() => listOld("/nonexistent/folder", all), DiskError);
});
