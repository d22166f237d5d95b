/**
 * A choice of files in processes: what is on the disk after it, after another one, and when there is no room.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { equalBytes } from "../../src/base/bytes.ts";
import { encode } from "../../src/bencode/encode.ts";
import { withFolder } from "../support/folder.ts";
import { starling } from "./support/process.ts";
import { withSeed } from "./support/seed.ts";

/** Everything below a folder, hidden files too. */
async function tree(folder: string): Promise<string[]> {
  const out: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) {
      for (const below of await tree(`${folder}/${name}`)) out.push(`${name}/${below}`);
    } else out.push(name);
  }
  return out.sort();
}

Deno.test("starling get puts the chosen files on the disk, and others when they are chosen", async () => {
  await withSeed("0", async ({ folder, torrent, large, small, to }) => {
    const out = `${folder}/out`;
    const get = async (...choice: string[]) => {
      const { code, stderr } = await starling(["get", torrent, "-o", out, ...choice, ...to]);
      assertEquals(code, 0, stderr);
      return await tree(out);
    };
    const side = /^\.[0-9a-f]{40}\.starling$/;
    const first = await get("--include", "small.bin");
    assertEquals(first.filter((path) => !side.test(path)), ["set/small.bin"]);
    // The piece that both files share keeps the bytes of the other one there.
    assertEquals(first.length, 2);
    assert(equalBytes(await Deno.readFile(`${out}/set/small.bin`), small));
    assertEquals(await get("--include", "small.bin"), first);
    const all = await get("--exclude", "small.bin");
    assertEquals(all, ["set/large.bin", "set/small.bin"]);
    assert(equalBytes(await Deno.readFile(`${out}/set/large.bin`), large));
    assert(equalBytes(await Deno.readFile(`${out}/set/small.bin`), small));
    assertEquals(await get(), all);
    const { code, stderr } = await starling(["get", torrent, "-o", out, "--select-file", "3"]);
    assertEquals([code, stderr.includes("there is no file number 3")], [2, true]);
  });
});

Deno.test("starling get looks for room for what is chosen before it writes", async () => {
  await withFolder(async (folder) => {
    const pieceLength = 64 << 20;
    const pieces = 262_144;
    const files = [
      { length: pieces * pieceLength - 1000, path: ["huge"] },
      { length: 1000, path: ["tiny"] },
    ];
    const info = {
      name: "t",
      "piece length": pieceLength,
      pieces: new Uint8Array(20 * pieces),
      files,
    };
    const torrent = `${folder}/t.torrent`;
    await Deno.writeFile(torrent, encode({ info }));
    const alone = ["--no-dht", "--no-lsd", "-p", "0", "--stall-timeout", "1s"];
    const get = (permissions: string[], ...choice: string[]) =>
      starling(["get", torrent, "-o", `${folder}/out`, ...choice, ...alone], { permissions });
    const full = await get(["-A"]);
    assertEquals(full.code, 4, full.stderr);
    assert(/error: .* MiB short of the 16777216 MiB to be written/.test(full.stderr), full.stderr);
    await assertRejects(() => Deno.lstat(`${folder}/out`), Deno.errors.NotFound);
    // What is chosen fits, but nobody gives it.
    assertEquals((await get(["-A"], "--include", "tiny")).code, 3);
    // Without the permission to ask it goes ahead.
    assertEquals((await get(["-N", "-R", "-W", "--no-prompt"])).code, 3);
  });
});
