/**
 * Files that appear whole or not at all.
 *
 * @module
 */

import { assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../../src/base/errors.ts";
import { writeWhole } from "../../src/platform/whole_file.ts";
import { withFolder } from "../support/folder.ts";

const isWindows = Deno.build.os === "windows";
const OLD = Uint8Array.of(1, 2, 3);
const NEW = Uint8Array.of(9);

function names(folder: string): string[] {
  return Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
}

Deno.test("writeWhole() makes a file and leaves nothing beside it", async () => {
  await withFolder(async (folder) => {
    await writeWhole(`${folder}/f`, OLD, { replace: false });
    assertEquals([names(folder), await Deno.readFile(`${folder}/f`)], [["f"], OLD]);
  });
});

Deno.test("writeWhole() replaces only where it may, and keeps the rights of the file", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/f`;
    await Deno.writeFile(path, OLD);
    if (!isWindows) await Deno.chmod(path, 0o640);
    const error = await assertRejects(() => writeWhole(path, NEW, { replace: false }), DiskError);
    assertEquals([error.kind, names(folder), await Deno.readFile(path)], [
      "in-the-way",
      ["f"],
      OLD,
    ]);
    await writeWhole(path, NEW, { replace: true });
    assertEquals([names(folder), await Deno.readFile(path)], [["f"], NEW]);
    if (!isWindows) assertEquals((await Deno.stat(path)).mode! & 0o777, 0o640);
  });
});

Deno.test("writeWhole() writes through a link and into a pipe", { ignore: isWindows }, async () => {
  await withFolder(async (folder) => {
    await Deno.writeFile(`${folder}/real`, OLD);
    await Deno.symlink("real", `${folder}/link`);
    await writeWhole(`${folder}/link`, NEW, { replace: true });
    assertEquals(await Deno.readFile(`${folder}/real`), NEW);
    assertEquals((await Deno.lstat(`${folder}/link`)).isSymlink, true);
    await new Deno.Command("mkfifo", { args: [`${folder}/pipe`] }).output();
    const reading = Deno.readFile(`${folder}/pipe`);
    await writeWhole(`${folder}/pipe`, OLD, { replace: false });
    assertEquals(await reading, OLD);
    await writeWhole("/dev/null", OLD, { replace: true });
    assertEquals((await Deno.stat("/dev/null")).isCharDevice, true);
  });
});

Deno.test("writeWhole() refuses a folder and a folder that is missing", async () => {
  await withFolder(async (folder) => {
    for (const path of [folder, `${folder}/no/f`]) {
      const error = await assertRejects(() => writeWhole(path, OLD, { replace: true }), DiskError);
      assertEquals(error.path, path);
    }
    assertEquals(names(folder), []);
  });
});
