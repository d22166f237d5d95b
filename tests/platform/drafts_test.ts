/**
 * Whole copies on the real disk: what they look like, what is refused, and that nothing is left of those that
 * fail. Whether bytes are shared is seen by `tests/interop/reuse_test.ts`.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { statfs } from "node:fs/promises";
import { equalBytes } from "../../src/base/bytes.ts";
import { systemDrafts } from "../../src/platform/drafts.ts";
import { prng, randomBytes } from "../support/prng.ts";

const LENGTH = 300_000;
const DATA = randomBytes(prng(1), LENGTH);
const { signal } = new AbortController();
const ignore = Deno.build.os === "windows";

/** A folder with an older file. */
async function withOld(
  body: (names: { folder: string; from: string; to: string }) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "starling-" });
  try {
    const from = `${folder}/old`;
    await Deno.writeFile(from, DATA);
    await body({ folder, from, to: `${folder}/.draft` });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

Deno.test("make() makes a copy with the rights of a new file, of now", { ignore }, async () => {
  await withOld(async ({ folder, from, to }) => {
    await Deno.writeTextFile(`${folder}/new`, "");
    const { mode } = await Deno.lstat(`${folder}/new`);
    for (const rights of [0o444, 0o755, 0o600, 0o200]) {
      // Who is root may read what nobody may.
      if (rights === 0o200 && Deno.uid() !== 0) continue;
      await Deno.chmod(from, rights);
      await Deno.utime(from, 1, 1);
      assert(await systemDrafts.make({ from, length: LENGTH, to }, { signal }));
      const made = await Deno.lstat(to);
      assertEquals([made.mode, made.isFile, made.nlink], [mode, true, 1]);
      assert(made.mtime!.getTime() > 1000);
      assert(equalBytes(await Deno.readFile(to), DATA));
      assertEquals((await Deno.lstat(from)).mode! & 0o777, rights);
    }
  });
});

Deno.test("make() refuses what is not the file it was told of", { ignore }, async () => {
  await withOld(async ({ folder, from, to }) => {
    await Deno.symlink(from, `${folder}/link`);
    await Deno.mkdir(`${folder}/dir`);
    await Deno.writeFile(`${folder}/special`, DATA);
    await Deno.chmod(`${folder}/special`, 0o4755);
    const refused = async (name: string, length = LENGTH) => {
      const spec = { from: `${folder}/${name}`, length, to };
      assertEquals(await systemDrafts.make(spec, { signal }), false, name);
      assertEquals(await isThere(to), false, name);
    };
    for (const name of ["link", "dir", "special", "nothing"]) await refused(name);
    await refused("old", LENGTH - 1);
    await refused("old", LENGTH + 1);
    // Not worth while.
    await Deno.truncate(from, 1000);
    await refused("old", 1000);
  });
});

Deno.test("make() removes what is at its place and follows no link there", { ignore }, async () => {
  await withOld(async ({ folder, from, to }) => {
    await Deno.writeTextFile(`${folder}/precious`, "precious");
    await Deno.link(`${folder}/precious`, to);
    const spec = { from, length: LENGTH, to };
    assert(await systemDrafts.make(spec, { signal }));
    await Deno.remove(to);
    await Deno.symlink(`${folder}/precious`, to);
    assert(await systemDrafts.make(spec, { signal }));
    await Deno.remove(to);
    // One that leads nowhere is not taken for anything.
    await Deno.symlink(`${folder}/nowhere`, to);
    assertEquals(await systemDrafts.make(spec, { signal }), false);
    assertEquals(await Deno.readTextFile(`${folder}/precious`), "precious");
    assertEquals(await isThere(`${folder}/nowhere`), false);
  });
});

Deno.test("make() fails quietly where nothing can be made", { ignore }, async () => {
  await withOld(async ({ folder, from, to }) => {
    const spec = { from, length: LENGTH, to: `${folder}/no/folder` };
    assertEquals(await systemDrafts.make(spec, { signal }), false);
    await Deno.mkdir(to);
    await Deno.writeTextFile(`${to}/mine`, "");
    assertEquals(await systemDrafts.make({ ...spec, to }, { signal }), false);
    assert(await isThere(`${to}/mine`));
  });
});

Deno.test("make() ends with the signal's reason and leaves nothing", { ignore }, async () => {
  await withOld(async ({ from, to }) => {
    const stop = new AbortController();
    const spec = { from, length: LENGTH, to };
    const making = systemDrafts.make(spec, { signal: stop.signal });
    stop.abort(new Error("stop"));
    await assertRejects(() => making, Error, "stop");
    await assertRejects(() => systemDrafts.make(spec, { signal: stop.signal }), Error, "stop");
    assertEquals(await isThere(to), false);
  });
});

Deno.test("make() makes none that takes room where it must not", { ignore }, async () => {
  await withOld(async ({ folder, from, to }) => {
    const isMade = await systemDrafts.make({ from, length: LENGTH, to, mustShare: true }, {
      signal,
    });
    // What tests are run on is mostly one of these.
    const sharesNothing = [0xef53, 0x0102_1994].includes(Number((await statfs(folder)).type));
    if (sharesNothing) assertEquals(isMade, false);
    assertEquals(await isThere(to), isMade);
  });
});

Deno.test("drop() removes a draft, and minds no other", async () => {
  await withOld(async ({ folder, from }) => {
    await systemDrafts.drop(from);
    assertEquals(await isThere(from), false);
    await systemDrafts.drop(from);
    await systemDrafts.drop(`${folder}/no/folder`);
  });
});
