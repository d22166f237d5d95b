/**
 * The library as an embedder uses it: real sockets on loopback, real files.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { BencodeError, MetainfoError, openSession, readTorrent } from "../src/mod.ts";
import { withFolder } from "./support/folder.ts";
import { makeTorrent } from "./sim/torrents.ts";

const root = new URL("../", import.meta.url);

Deno.test("openSession() downloads what another session gives", async () => {
  await withFolder(async (folder) => {
    const { bytes, metainfo, content } = makeTorrent({ length: 700_000, pieceLength: 32_768 });
    await Deno.mkdir(join(folder, "seed"));
    await Deno.writeFile(join(folder, "seed", metainfo.name), content);

    await using giver = await openSession({ ports: [0] });
    const seed = giver.add({
      metainfo,
      output: join(folder, "seed"),
      isUploadOnly: true,
      noDht: true,
      noLsd: true,
    });
    await seed.downloaded;

    await using session = await openSession({ ports: [0] });
    const torrent = session.add({
      metainfo: readTorrent(bytes),
      output: join(folder, "out"),
      peers: [`127.0.0.1:${giver.port}`],
      noLsd: true,
      stallTimeoutMs: 60_000,
      noDht: true,
    });
    assertEquals(await torrent.finished, { kind: "complete" });
    assertEquals(await Deno.readFile(join(folder, "out", metainfo.name)), content);
    assertEquals(torrent.stats().bytesDone, 700_000);
    const left = [...Deno.readDirSync(join(folder, "out"))].map((entry) => entry.name);
    assertEquals(left, [metainfo.name]);
  });
});

Deno.test("readTorrent() refuses what is no torrent with the class that says why", () => {
  assertThrows(() => readTorrent(new TextEncoder().encode("<html>")), BencodeError);
  assertThrows(() => readTorrent(new TextEncoder().encode("de")), MetainfoError);
});

Deno.test("the README shows the example of the module, line for line", async () => {
  const module = await Deno.readTextFile(new URL("src/mod.ts", root));
  const readme = await Deno.readTextFile(new URL("README.md", root));
  const example = /```ts ignore\n([\s\S]*?)```/.exec(module)?.[1]?.replace(/^ \* ?/gm, "").trim();
  assert(example, "src/mod.ts has no example");
  assertStringIncludes(readme, example);
});
