/**
 * What is found below a path: files, links, oddities, and what cannot be looked at.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../../src/base/errors.ts";
import { listFolder } from "../../src/platform/folder_list.ts";
import type { Listing, ListOptions } from "../../src/ports/folder.ts";
import { withFolder } from "../support/folder.ts";

const { signal } = new AbortController();
const isWindows = Deno.build.os === "windows";

function list(path: string, options: Partial<ListOptions> = {}): Promise<Listing> {
  return listFolder(path, { followsLinks: true, signal, ...options });
}

function pathsOf(entries: readonly { readonly path: readonly string[] }[]): string[] {
  return entries.map(({ path }) => path.join("/")).sort();
}

Deno.test("listFolder() finds every file with its length and time, hidden and empty ones too", async () => {
  await withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/top/a/b`, { recursive: true });
    await Deno.mkdir(`${folder}/top/empty`);
    for (const [path, text] of [["x", "12"], ["a/.h", ""], ["a/b/日本 .txt", "123"]] as const) {
      await Deno.writeTextFile(`${folder}/top/${path}`, text);
    }
    await Deno.utime(`${folder}/top/x`, 1000, 2000);
    const listing = await list(`${folder}/top/`);
    assertEquals([listing.name, listing.isSingleFile], ["top", false]);
    assertEquals(pathsOf(listing.files), ["a/.h", "a/b/日本 .txt", "x"]);
    const x = listing.files.find(({ path }) => path[0] === "x")!;
    assertEquals([x.length, x.mtimeMs], [2, 2_000_000]);
    assertEquals([listing.links, listing.oddities, listing.troubles], [[], [], []]);
  });
});

Deno.test("listFolder() finds a single file by its own name", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/one`, "abc");
    const listing = await list(`${folder}/./one`);
    assertEquals([listing.name, listing.isSingleFile, listing.root.endsWith("/one")], [
      "one",
      true,
      true,
    ]);
    assertEquals(listing.files.map(({ path, length }) => [path, length]), [[[], 3]]);
  });
});

Deno.test("listFolder() follows links or tells them", { ignore: isWindows }, async () => {
  await withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/outside`);
    await Deno.writeTextFile(`${folder}/outside/f`, "abc");
    await Deno.mkdir(`${folder}/top`);
    await Deno.symlink("../outside", `${folder}/top/folder`);
    await Deno.symlink("../outside/f", `${folder}/top/file`);
    await Deno.symlink("top", `${folder}/link`);
    const followed = await list(`${folder}/link`);
    assertEquals([followed.name, pathsOf(followed.files)], ["link", ["file", "folder/f"]]);
    assertEquals(followed.files.map(({ length }) => length), [3, 3]);
    const told = await list(`${folder}/link`, { followsLinks: false });
    assertEquals(told.files, []);
    assertEquals(told.links.map((path) => path.join("/")).sort(), ["file", "folder"]);
  });
});

Deno.test(
  "listFolder() gives what it cannot look at with a reason",
  { ignore: isWindows },
  async () => {
    await withFolder(async (folder) => {
      await Deno.mkdir(`${folder}/a/b`, { recursive: true });
      await Deno.symlink("..", `${folder}/a/b/up`);
      await Deno.symlink("nowhere", `${folder}/dangling`);
      await Deno.symlink("self", `${folder}/self`);
      await new Deno.Command("mkfifo", { args: [`${folder}/pipe`] }).output();
      await new Deno.Command("sh", {
        args: ["-c", "touch \"$(printf 'bad\\377')\""],
        cwd: folder,
      }).output();
      const { files, troubles, oddities } = await list(folder);
      assertEquals([files, oddities], [[], [["pipe"]]]);
      const told = Object.fromEntries(
        troubles.map(({ path, error }) => [path.join("/"), error.message.replace(/^.*": /, "")]),
      );
      assertEquals(told, {
        "a/b/up": "it is a link to a folder that it is in",
        "dangling": "it is a link that leads nowhere, or has just been removed",
        "self": "a link in circles",
        ...(Deno.build.os === "linux"
          ? { "bad\ufffd": "its name is not UTF-8, as names in torrents are" }
          : {}),
      });
      for (const { error } of troubles) assertEquals(error.hint, "--exclude leaves it out");
    });
  },
);

Deno.test("listFolder() enters a folder that several links lead to each time", {
  ignore: isWindows,
}, async () => {
  await withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/real`);
    await Deno.writeTextFile(`${folder}/real/f`, "");
    await Deno.symlink("real", `${folder}/one`);
    await Deno.symlink("real", `${folder}/two`);
    assertEquals(pathsOf((await list(folder)).files), ["one/f", "real/f", "two/f"]);
  });
});

Deno.test("listFolder() leaves out what is known", async () => {
  await withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/d`);
    for (const path of ["a", "b", "d/a", "d/c"]) await Deno.writeTextFile(`${folder}/${path}`, "x");
    const isKnown = (path: string) => path === "a" || path === "d/c" || path === "d";
    for (const followsLinks of [true, false]) {
      const { files } = await list(folder, { followsLinks, isKnown });
      assertEquals(pathsOf(files), ["b", "d/a"]);
    }
  });
});

Deno.test("listFolder() rejects for a path where nothing is", async () => {
  await withFolder(async (folder) => {
    const error = await assertRejects(() => list(`${folder}/no`), DiskError);
    assertEquals([error.kind, error.hint], ["missing", undefined]);
    assert(error.message.endsWith("no such file or folder"));
  });
});

Deno.test("listFolder() ends with the signal's reason", async () => {
  await withFolder(async (folder) => {
    const stopped = AbortSignal.abort(new Error("enough"));
    await assertRejects(() => list(folder, { signal: stopped }), Error, "enough");
  });
});
