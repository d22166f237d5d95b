/**
 * Magnet links and bare infohashes as SOURCE: the program as a process, beside a seed of our own on loopback.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { equalBytes, hex } from "../../src/base/bytes.ts";
import { formatMagnet } from "../../src/metainfo/magnet.ts";
import { parseMagnet, readTorrent } from "../../src/mod.ts";
import { starling } from "./support/process.ts";
import { bytesOf, eventsOf, HASH, LINK, SET, tree, withLab } from "./support/process_lab.ts";

Deno.test("get downloads a magnet, and the second run needs nobody", () =>
  withLab(async (lab) => {
    const first = await lab.run(`get ${LINK} --peer ${lab.peer} -o out --json`);
    assertEquals(first.code, 0, first.stderr);
    const told = eventsOf(first);
    assertEquals(told.find((event) => event.type === "start")?.["name"], "set");
    const metadata = told.find((event) => event.type === "metadata")!;
    const { name, bytesTotal, files, infoHash } = metadata;
    assertEquals([name, bytesTotal, files, infoHash], ["set", 140_000, 3, HASH]);
    assertEquals([told.at(-1)!.type, told.at(-1)!["infoHash"]], ["done", HASH]);
    assert(equalBytes(await Deno.readFile(lab.path("out/set/b.csv")), bytesOf(1)));
    assertEquals(tree(lab.path("cache/starling/metadata")), [`${HASH}.torrent`]);
    const again = await lab.run(`get ${LINK} -o out --stall-timeout 5`);
    assertEquals(again.code, 0, again.stderr);
    assertStringIncludes(again.stderr, "all of it was there");
  }));

Deno.test("get takes a bare infohash, and a choice of files when the metadata is there", () =>
  withLab(async (lab) => {
    const get = (line: string) => lab.run(`get ${line} --peer ${lab.peer}`);
    const got = (name: string) => tree(lab.path(`${name}/set`));
    const bare = await get(`${HASH.toUpperCase()} -o 1 --include *.csv`);
    assertEquals([bare.code, got("1")], [0, ["a.csv", "b.csv"]], bare.stderr);
    const linked = await get(`${LINK}&so=2 -o 2`);
    assertEquals([linked.code, got("2")], [0, ["sub/c.txt"]], linked.stderr);
    const wins = await get(`${LINK}&so=2 -o 3 --select-file 1`);
    assertEquals([wins.code, got("3")], [0, ["a.csv"]], wins.stderr);
    const all = await get(`${LINK}&so=2 -o 4 --select-file 1-3`);
    assertEquals(got("4"), ["a.csv", "b.csv", "sub/c.txt"], all.stderr);
    const none = await get(`${LINK} -o 5 --include a.tsv`);
    assertEquals(none.code, 2, none.stderr);
    assertStringIncludes(none.stderr, 'error: Cannot select files: --include "a.tsv" matches none');
    assertStringIncludes(none.stderr, "hint: close are a.csv");
    const beyond = await get(`${LINK}&so=9 -o 6`);
    assertEquals(beyond.code, 2, beyond.stderr);
  }));

Deno.test("meta writes a torrent file with the trackers of the link", () =>
  withLab(async (lab) => {
    const trackers = ["http://127.0.0.1:1/announce", "udp://127.0.0.1:1/announce"];
    const link = `${LINK}${trackers.map((url) => `&tr=${encodeURIComponent(url)}`).join("")}`;
    const meta = `meta ${link} --peer ${lab.peer} --no-trackers -o`;
    const { code, stderr } = await lab.run(`${meta} x.torrent`);
    assertEquals(code, 0, stderr);
    const metainfo = readTorrent(await Deno.readFile(lab.path("x.torrent")));
    assertEquals([hex(metainfo.infoHash), metainfo.trackers], [HASH, trackers.map((url) => [url])]);
    assertStringIncludes(stderr, "done: set, in x.torrent");
    assertEquals((await lab.run(`${meta} x.torrent`)).code, 4);
    assertEquals((await lab.run(`${meta} x.torrent --force`)).code, 0);
    const told = await lab.run(`${meta} y.torrent --json`);
    const types = eventsOf(told).map(({ type }) => type).filter((type) => type !== "progress");
    assertEquals(types, ["listening", "start", "metadata", "done"], told.stderr);
  }));

Deno.test("info, cat, verify and seed take a link", () =>
  withLab(async (lab) => {
    const info = await lab.run(`info ${LINK} --peer ${lab.peer} --json`);
    assertEquals(info.code, 0, info.stderr);
    const [object] = eventsOf(info);
    const { infoHash, name, magnet } = object!;
    assertEquals([infoHash, name, magnet], [HASH, "set", LINK]);
    const cat = await lab.run(`cat ${LINK} sub/c.txt --peer ${lab.peer}`);
    assertEquals([cat.code, cat.stdout.length > 0], [0, true], cat.stderr);
    const verify = await lab.run(`verify ${HASH} seed`);
    assertEquals(verify.code, 0, verify.stderr);
    const seed = await lab.run(`seed ${LINK} seed --seed-time 100ms`);
    assertEquals(seed.code, 0, seed.stderr);
  }));

Deno.test("magnet prints the canonical form of a link", async () => {
  const odd =
    `magnet:?dn=a+b&xt=urn:btih:${HASH.toUpperCase()}&junk=1&tr.1=http%3a%2f%2fh%2fannounce`;
  const { code, stdout } = await starling(["magnet", odd]);
  assertEquals(code, 0);
  assertEquals(stdout, `magnet:?xt=urn:btih:${HASH}&dn=a%20b&tr=http%3A%2F%2Fh%2Fannounce\n`);
  assertEquals(formatMagnet(parseMagnet(stdout)), stdout.trimEnd());
  assertEquals((await starling(["edit", odd, "--comment", "x", "-o", "y"])).code, 2);
});

Deno.test("a link that makes no sense ends with 5 and a hint, one of v2 alone with 2", async () => {
  const wrong = [
    "magnet:?xt=urn:btih:xyz",
    "magnet:?dn=nothing",
    "magnet:nothing",
    `magnet:?xt=urn:sha1:${HASH}`,
  ];
  for (const link of wrong) {
    for (const verb of ["get", "info", "meta"]) {
      const { code, stderr } = await starling([verb, link]);
      assertEquals(code, 5, `${verb} ${link}\n${stderr}`);
      assertMatch(stderr, /^error: Cannot parse magnet link: .*\nhint: a link is magnet:\?xt=/m);
    }
  }
  for (const v2 of ["ab".repeat(32), `magnet:?xt=urn:btmh:1220${"ab".repeat(32)}`]) {
    const { code, stderr } = await starling(["get", v2]);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, "torrents of v2 alone are not supported yet");
  }
});

Deno.test("the metadata timeout ends with 3 and the reason in words", async () => {
  const args = [HASH, "--metadata-timeout", "300ms", "-p", "0"];
  for (const verb of ["get", "info", "meta", "verify"]) {
    const { code, stderr } = await starling([verb, ...args], {
      env: { XDG_CACHE_HOME: "/nonexistent" },
    });
    assertEquals(code, 3, stderr);
    assertStringIncludes(stderr, `error: Cannot finish ${HASH}: no metadata after 0.3 s: no peers`);
  }
  const told = await starling(["get", ...args, "--json"]);
  assertEquals(eventsOf(told).at(-1)!["reason"], "metadata-timeout");
  const stalled = await starling(["get", HASH, "--stall-timeout", "1", "-p", "0", "--json"]);
  assertEquals([stalled.code, eventsOf(stalled).at(-1)!["reason"]], [3, "stalled"]);
});

Deno.test("a URL that cannot be fetched any more gives what it gave the last time", () =>
  withLab(async (lab) => {
    const body = new Uint8Array(SET.bytes);
    const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, () => {
      return new Response(body);
    });
    const url = `http://127.0.0.1:${server.addr.port}/x.torrent`;
    const first = await lab.run(`get ${url} -o out --peer ${lab.peer}`);
    assertEquals(first.code, 0, first.stderr);
    await server.shutdown();
    const again = await lab.run(`get ${url} -o out`);
    assertEquals(again.code, 0, again.stderr);
    assertStringIncludes(again.stderr, "the torrent file of last time is used");
    const other = await lab.run(`get ${url}?other -o out`);
    assertEquals(other.code, 7, other.stderr);
  }));
