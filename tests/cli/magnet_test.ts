/**
 * Magnet links and bare infohashes as SOURCE: the program as a process, beside a seed of our own on loopback.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { equalBytes, hex } from "../../src/base/bytes.ts";
import { formatMagnet } from "../../src/metainfo/magnet.ts";
import { openSession, parseMagnet, readTorrent } from "../../src/mod.ts";
import { makeTorrent } from "../sim/torrents.ts";
import { withFolder } from "../support/folder.ts";
import { type Run, starling } from "./support/process.ts";

const TORRENT = makeTorrent({
  name: "set",
  files: [
    { path: "a.csv", length: 50_000 },
    { path: "b.csv", length: 70_000 },
    { path: "c.txt", length: 20_000 },
  ],
});
const HASH = hex(TORRENT.metainfo.infoHash);
const LINK = formatMagnet({ ...TORRENT.metainfo, trackers: [] });

/** A folder, a seed, and the program with a cache of its own. */
interface Lab {
  readonly folder: string;
  /** Where the seed is. */
  readonly peer: string;
  readonly run: (...args: string[]) => Promise<Run>;
}

async function withSeed(body: (lab: Lab) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/seed/set`, { recursive: true });
    for (const { path, offset, length } of TORRENT.metainfo.files) {
      const bytes = TORRENT.content.subarray(offset, offset + length);
      await Deno.writeFile(`${folder}/seed/${path.join("/")}`, bytes);
    }
    await using session = await openSession({ ports: [0] });
    const options = { output: `${folder}/seed`, isUploadOnly: true, noDht: true, noLsd: true };
    const seed = session.add({ metainfo: TORRENT.metainfo, ...options });
    await seed.downloaded;
    const env = { XDG_CACHE_HOME: `${folder}/cache` };
    const run = (...args: string[]) => starling(args, { env });
    await body({ folder, peer: `127.0.0.1:${session.port}`, run });
  });
}

function events({ stdout }: Run): { type: string; [field: string]: unknown }[] {
  return stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
}

function names(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map((entry) => entry.name).toSorted();
}

Deno.test("get downloads a magnet, and the second run needs nobody", () =>
  withSeed(async ({ folder, peer, run }) => {
    const out = `${folder}/out`;
    const first = await run("get", LINK, "--peer", peer, "-o", out, "-p", "0", "--json");
    assertEquals(first.code, 0, first.stderr);
    const told = events(first);
    assertEquals(told.find((event) => event.type === "start")?.name, "set");
    const metadata = told.find((event) => event.type === "metadata")!;
    assertEquals([metadata.name, metadata.bytesTotal, metadata.files, metadata.infoHash], [
      "set",
      140_000,
      3,
      HASH,
    ]);
    assertEquals([told.at(-1)!.type, told.at(-1)!.infoHash], ["done", HASH]);
    const b = TORRENT.metainfo.files[1]!;
    const expected = TORRENT.content.subarray(b.offset, b.offset + b.length);
    assert(equalBytes(await Deno.readFile(`${out}/set/b.csv`), expected));
    assertEquals(names(`${folder}/cache/starling/metadata`), [`${HASH}.torrent`]);
    const again = await run("get", LINK, "-o", out, "-p", "0", "--stall-timeout", "5");
    assertEquals(again.code, 0, again.stderr);
    assertStringIncludes(again.stderr, "all of it was there");
  }));

Deno.test("get takes a bare infohash, and a choice of files when the metadata is there", () =>
  withSeed(async ({ folder, peer, run }) => {
    const get = (...args: string[]) => run("get", ...args, "--peer", peer, "-p", "0");
    const bare = await get(HASH.toUpperCase(), "-o", `${folder}/1`, "--include", "*.csv");
    assertEquals([bare.code, names(`${folder}/1/set`)], [0, ["a.csv", "b.csv"]], bare.stderr);
    const linked = await get(`${LINK}&so=2`, "-o", `${folder}/2`);
    assertEquals([linked.code, names(`${folder}/2/set`)], [0, ["c.txt"]], linked.stderr);
    const wins = await get(`${LINK}&so=2`, "-o", `${folder}/3`, "--select-file", "1");
    assertEquals([wins.code, names(`${folder}/3/set`)], [0, ["a.csv"]], wins.stderr);
    const all = await get(`${LINK}&so=2`, "-o", `${folder}/4`, "--select-file", "1-3");
    assertEquals(names(`${folder}/4/set`), ["a.csv", "b.csv", "c.txt"], all.stderr);
    const none = await get(LINK, "-o", `${folder}/5`, "--include", "a.tsv");
    assertEquals(none.code, 2, none.stderr);
    assertStringIncludes(none.stderr, 'error: Cannot select files: --include "a.tsv" matches none');
    assertStringIncludes(none.stderr, "hint: close are a.csv");
    const beyond = await get(`${LINK}&so=9`, "-o", `${folder}/6`);
    assertEquals(beyond.code, 2, beyond.stderr);
  }));

Deno.test("meta writes a torrent file with the trackers of the link", () =>
  withSeed(async ({ folder, peer, run }) => {
    const trackers = ["http://127.0.0.1:1/announce", "udp://127.0.0.1:1/announce"];
    const link = `${LINK}${trackers.map((url) => `&tr=${encodeURIComponent(url)}`).join("")}`;
    const file = `${folder}/x.torrent`;
    const args = ["meta", link, "--peer", peer, "--no-trackers", "-p", "0"];
    const { code, stderr } = await run(...args, "-o", file);
    assertEquals(code, 0, stderr);
    const metainfo = readTorrent(await Deno.readFile(file));
    assertEquals([hex(metainfo.infoHash), metainfo.trackers], [HASH, trackers.map((url) => [url])]);
    assertStringIncludes(stderr, `done: set, in ${file}`);
    assertEquals((await run(...args, "-o", file)).code, 4);
    assertEquals((await run(...args, "-o", file, "--force")).code, 0);
    const told = await run(...args, "-o", `${folder}/y.torrent`, "--json");
    const types = events(told).map(({ type }) => type).filter((type) => type !== "progress");
    assertEquals(types, ["listening", "start", "metadata", "done"], told.stderr);
  }));

Deno.test("info, cat, verify and seed take a link", () =>
  withSeed(async ({ folder, peer, run }) => {
    const from = ["--peer", peer, "-p", "0"];
    const info = await run("info", LINK, ...from, "--json");
    assertEquals(info.code, 0, info.stderr);
    const [object] = events(info);
    assertEquals([object!.infoHash, object!.name, object!.magnet], [HASH, "set", LINK]);
    const cat = await run("cat", LINK, "c.txt", ...from);
    assertEquals([cat.code, cat.stdout.length > 0], [0, true], cat.stderr);
    const verify = await run("verify", HASH, `${folder}/seed`);
    assertEquals(verify.code, 0, verify.stderr);
    const seed = await run("seed", LINK, `${folder}/seed`, "--seed-time", "100ms", "-p", "0");
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
    assertStringIncludes(stderr, `error: Cannot finish ${HASH}: no metadata after 0 s: no peers`);
  }
  const told = await starling(["get", ...args, "--json"]);
  assertEquals(events(told).at(-1)!.reason, "metadata-timeout");
  const stalled = await starling(["get", HASH, "--stall-timeout", "1", "-p", "0", "--json"]);
  assertEquals([stalled.code, events(stalled).at(-1)!.reason], [3, "stalled"]);
});

Deno.test("a URL that cannot be fetched any more gives what it gave the last time", () =>
  withSeed(async ({ folder, peer, run }) => {
    const body = new Uint8Array(TORRENT.bytes);
    const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, () => {
      return new Response(body);
    });
    const url = `http://127.0.0.1:${server.addr.port}/x.torrent`;
    const args = ["get", url, "-o", `${folder}/out`, "-p", "0"];
    const first = await run(...args, "--peer", peer);
    assertEquals(first.code, 0, first.stderr);
    await server.shutdown();
    const again = await run(...args);
    assertEquals(again.code, 0, again.stderr);
    assertStringIncludes(again.stderr, "the torrent file of last time is used");
    const other = await run("get", `${url}?other`, "-o", `${folder}/out`, "-p", "0");
    assertEquals(other.code, 7, other.stderr);
  }));
