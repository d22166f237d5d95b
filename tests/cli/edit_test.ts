/**
 * `starling edit` and `starling magnet` on the real disk.
 *
 * @module
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { hex } from "../../src/base/bytes.ts";
import { type Metainfo, parseTorrent } from "../../src/metainfo/torrent_file.ts";
import { systemHasher } from "../../src/platform/hasher.ts";
import { withFolder } from "../support/folder.ts";
import { run } from "./support/disk_run.ts";
import { torrentBytes } from "./support/torrents.ts";

const A = "http://a.example/announce";
const BEFORE = torrentBytes({ root: { announce: A, comment: "old", zz: "kept" } });
const HASH = hex(parseTorrent(BEFORE, { hasher: systemHasher }).infoHash);

async function read(path: string): Promise<Metainfo> {
  return parseTorrent(await Deno.readFile(path), { hasher: systemHasher });
}

Deno.test("edit changes a torrent in its place and prints its infohash twice", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/t.torrent`;
    await Deno.writeFile(path, BEFORE);
    const line = [
      "edit",
      path,
      "-t",
      "udp://b.example:1",
      "--comment",
      "",
      "--webseed",
      "http://w/",
    ];
    const { code, stdout, stderr } = await run(line);
    assertEquals([code, stdout], [0, `before        ${HASH}\nafter         ${HASH}\n`], stderr);
    const { trackers, comment, webSeeds } = await read(path);
    assertEquals([trackers, comment, webSeeds], [[[A], ["udp://b.example:1"]], null, [
      "http://w/",
    ]]);
    assertStringIncludes(new TextDecoder().decode(await Deno.readFile(path)), "2:zz4:kept");
  });
});

Deno.test("edit says when it becomes another torrent", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/t.torrent`;
    await Deno.writeFile(path, BEFORE);
    const { stdout, stderr } = await run([
      "edit",
      path,
      "--private",
      "--source",
      "S",
      "--no-trackers",
    ]);
    const { isPrivate, source, infoHash, trackers } = await read(path);
    assertEquals([isPrivate, source, trackers], [true, "S", []]);
    assertEquals(stdout, `before        ${HASH}\nafter         ${hex(infoHash)}\n`);
    assertStringIncludes(stderr, "warning: the infohash has changed");
    await run(["edit", path, "--no-private", "--source="]);
    assertEquals(hex((await read(path)).infoHash), HASH);
  });
});

Deno.test("edit leaves the torrent alone when it writes elsewhere", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/t.torrent`;
    await Deno.writeFile(path, BEFORE);
    const line = ["edit", path, "--comment", "new", "-o"];
    assertEquals((await run([...line, `${folder}/copy`])).code, 0);
    assertEquals(await Deno.readFile(path), BEFORE);
    assertEquals((await read(`${folder}/copy`)).comment, "new");
    assertEquals((await run([...line, `${folder}/copy`])).code, 4);
    assertEquals((await run([...line, `${folder}/copy`, "--force"])).code, 0);
    const piped = await run([...line, "-"]);
    const { comment } = parseTorrent(piped.shell.stdout.bytes, { hasher: systemHasher });
    assertEquals([piped.code, piped.stdout, comment], [0, "", "new"]);
    assertStringIncludes(piped.stderr, `after         ${HASH}`);
  });
});

Deno.test("edit touches nothing when nothing changes", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/t.torrent`;
    await Deno.writeFile(path, BEFORE);
    await Deno.utime(path, 5, 5);
    const { code, stderr } = await run(["edit", path, "--comment", "old", "-t", A]);
    assertEquals([code, (await Deno.stat(path)).mtime!.getTime()], [0, 5000]);
    assertStringIncludes(stderr, "warning: nothing has changed");
  });
});

Deno.test("edit refuses what makes no sense", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/t.torrent`;
    await Deno.writeFile(path, BEFORE);
    await Deno.writeTextFile(`${folder}/html`, "<html>");
    assertEquals((await run(["edit", path])).code, 2);
    assertEquals((await run(["edit", "-", "--private"])).code, 2);
    assertEquals((await run(["edit", path, "--private", "-o", "-", "--json"])).code, 2);
    assertEquals((await run(["edit", `${folder}/html`, "--private"])).code, 5);
    assertEquals((await run(["edit", `${folder}/no`, "--private"])).code, 4);
    assertEquals(await Deno.readFile(path), BEFORE);
  });
});

Deno.test("edit --json tells both infohashes", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/t.torrent`;
    await Deno.writeFile(path, BEFORE);
    const { events } = await run(["edit", path, "--private", "--json"]);
    assertEquals(events.map(({ type }) => type), ["torrent", "done"]);
    const infoHash = hex((await read(path)).infoHash);
    assertEquals([events[0]!.infoHashBefore, events[0]!.infoHash], [HASH, infoHash]);
    assertEquals([events[0]!.totalBytes, events[0]!.files], [40_000, 1]);
  });
});

Deno.test("magnet prints the link alone, or one object", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/t.torrent`;
    await Deno.writeFile(path, BEFORE);
    const link = `magnet:?xt=urn:btih:${HASH}&dn=data.bin&tr=http%3A%2F%2Fa.example%2Fannounce`;
    const plain = await run(["magnet", path]);
    assertEquals([plain.code, plain.stdout, plain.stderr], [0, `${link}\n`, ""]);
    const { events } = await run(["magnet", path, "--json"]);
    assertEquals(events, [{
      v: 1,
      type: "magnet",
      at: 1_700_000_000_000,
      infoHash: HASH,
      infoHashV2: null,
      name: "data.bin",
      magnet: link,
    }]);
    assertEquals((await run(["magnet", `${folder}/no`])).code, 4);
  });
});
