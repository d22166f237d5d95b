/**
 * The cache folder: where it is, what it keeps, what it never does.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { cacheFolder, FolderCache, MAX_FILES } from "../../src/platform/cache.ts";
import { withFolder } from "../support/folder.ts";

const of = (system: "linux" | "darwin" | "windows", vars: Record<string, string>) =>
  cacheFolder({ system, env: (name) => vars[name] });

async function withCache(body: (cache: FolderCache, folder: string) => Promise<void>) {
  await withFolder(async (root) => {
    await body(new FolderCache(`${root}/a/b`), `${root}/a/b`);
  });
}

Deno.test("cacheFolder() is where each system has it", () => {
  const HOME = "/h/me";
  assertEquals(of("linux", { HOME }), "/h/me/.cache/starling");
  assertEquals(of("linux", { HOME, XDG_CACHE_HOME: "/c" }), "/c/starling");
  assertEquals(of("darwin", { HOME, XDG_CACHE_HOME: "/c" }), "/h/me/Library/Caches/starling");
  assertEquals(of("windows", { HOME, LOCALAPPDATA: "/l" }), "/l/starling");
});

Deno.test("cacheFolder() is nowhere without a home, and not below a relative path", () => {
  assertEquals(of("linux", {}), undefined);
  assertEquals(of("linux", { HOME: "" }), undefined);
  assertEquals(of("linux", { XDG_CACHE_HOME: "cache" }), undefined);
  assertEquals(of("windows", { HOME: "/h/me" }), undefined);
});

Deno.test("write() keeps a file that read() gives, and leaves nothing else behind", () =>
  withCache(async (cache, folder) => {
    assertEquals(await cache.read("f/x.bin"), undefined);
    await cache.write("f/x.bin", Uint8Array.of(1, 2));
    await cache.write("f/x.bin", Uint8Array.of(3));
    await cache.write("top", Uint8Array.of(4));
    assertEquals(await cache.read("f/x.bin"), Uint8Array.of(3));
    assertEquals(await cache.read("top"), Uint8Array.of(4));
    assertEquals([...Deno.readDirSync(`${folder}/f`)].map((entry) => entry.name), ["x.bin"]);
  }));

Deno.test("names that lead elsewhere are neither read nor written", () =>
  withCache(async (cache, folder) => {
    for (const name of ["../x", "f/../../x", "/etc/passwd", "", "f/", ".x", "f/.x", "a/b/c"]) {
      await cache.write(name, Uint8Array.of(1));
      assertEquals(await cache.read(name), undefined, name);
    }
    assertEquals(await Deno.stat(folder).catch(() => undefined), undefined);
  }));

Deno.test("write() removes what was used longest ago when a folder is full", () =>
  withCache(async (cache, folder) => {
    const count = MAX_FILES + 3;
    await Deno.mkdir(`${folder}/f`, { recursive: true });
    for (let i = 0; i < count; i++) {
      await Deno.writeFile(`${folder}/f/${i}`, Uint8Array.of(1));
      await Deno.utime(`${folder}/f/${i}`, 1000 + i, 1000 + i);
    }
    // A read counts as a use.
    assertEquals(await cache.read("f/0"), Uint8Array.of(1));
    await cache.write("f/new", Uint8Array.of(2));
    const names = new Set([...Deno.readDirSync(`${folder}/f`)].map((entry) => entry.name));
    assertEquals(names.size, MAX_FILES);
    assertEquals(["0", "1", "2", "3", "4", "5", "new"].filter((name) => names.has(name)), [
      "0",
      "5",
      "new",
    ]);
  }));

Deno.test("a cache that cannot be written is no cache, and no error", () =>
  withCache(async (_cache, folder) => {
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeFile(`${folder}/file`, Uint8Array.of(1));
    const cache = new FolderCache(`${folder}/file`);
    await cache.write("f/x", Uint8Array.of(1));
    assertEquals(await cache.read("f/x"), undefined);
  }));
