/**
 * `starling doctor` beside real clients: what it sees of them, and that it takes nothing.
 *
 * @module
 */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { KIB, MIB } from "./support/dataset.ts";
import { LtDht } from "./support/dht.ts";
import { interopTest, type Lab } from "./support/lab.ts";
import { Run, type RunResult } from "./support/starling.ts";
import { until } from "./support/wait.ts";

const DATA = { name: "looked-at.bin", bytes: 5 * MIB + 3, seed: 31 };

interopTest(
  "doctor sees libtorrent, aria2c and transmission as seeds, and takes nothing",
  ["libtorrent", "aria2c", "transmission-daemon"],
  async (lab) => {
    const torrent = await lab.make(DATA, { pieceBytes: 64 * KIB });
    const counting = await lab.libtorrent(torrent);
    const seeds = [counting, await lab.aria2(torrent), await lab.transmission(torrent)];
    const peers = seeds.flatMap(({ address }) => ["--peer", address]);
    const result = await doctor(lab, [torrent.path, "--no-trackers", ...peers]);
    assertEquals(result.code, 0, result.tail);
    assertStringIncludes(message(result, "peers"), "3 known (3 named by you)", result.tail);
    assertEquals(message(result, "pieces"), "a connected peer has each of them", result.tail);
    assertEquals(await counting.uploaded(), 0);
  },
);

interopTest(
  "doctor fetches the metadata of a magnet link from libtorrent through opentracker over udp",
  ["libtorrent", "opentracker"],
  async (lab) => {
    const [torrent, tracker] = await lab.tracked(DATA, { pieceBytes: 64 * KIB });
    await lab.libtorrent(torrent);
    await tracker.seeds(torrent.infoHash, 1);
    const udp = `udp://127.0.0.1:${new URL(tracker.url).port}/announce`;
    const magnet = `magnet:?xt=urn:btih:${torrent.infoHash}&tr=${encodeURIComponent(udp)}`;
    const result = await doctor(lab, [magnet]);
    assertEquals(result.code, 0, result.tail);
    assertEquals(message(result, "udp"), "datagrams leave and answers come back");
    assertEquals(message(result, "pieces"), "a connected peer has each of them", result.tail);
  },
);

interopTest("doctor reaches libtorrent's DHT, and what is in it", ["libtorrent"], async (lab) => {
  const torrent = await lab.make(DATA, { pieceBytes: 64 * KIB });
  const dht = lab.use(await LtDht.start(["127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1"]));
  await dht.add(torrent.path, torrent.dataset.root);
  const [node] = dht.nodes;
  const alone = await doctor(lab, ["--dht-node", node!], { dht: true });
  assertEquals([alone.code, message(alone, "udp")], [0, "datagrams leave and answers come back"]);
  assertMatch(message(alone, "dht"), /^IPv4: \d nodes? answered, /, alone.tail);
  await until(async () => (await dht.find(torrent.infoHash)).length > 0, { what: "the announce" });
  const source = `magnet:?xt=urn:btih:${torrent.infoHash}`;
  const result = await doctor(lab, [source, "--dht-node", node!], { dht: true });
  assertEquals(result.code, 0, result.tail);
  assertMatch(message(result, "peers"), /from the DHT.*, 1 have everything/, result.tail);
  assertEquals(message(result, "pieces"), "a connected peer has each of them", result.tail);
});

interopTest("doctor says what aria2 has left there already", ["aria2c"], async (lab) => {
  const torrent = await lab.make(DATA, { pieceBytes: 64 * KIB });
  const seed = await lab.aria2(torrent);
  const all = await doctor(lab, [torrent.path, "--no-trackers", "-o", torrent.dataset.root]);
  assertEquals([all.code, message(all, "data")], [0, "all of it is there, 5.00 MiB of 5.00 MiB"]);
  await Deno.mkdir(lab.output);
  const whole = await Deno.readFile(join(torrent.dataset.root, DATA.name));
  await Deno.writeFile(join(lab.output, DATA.name), whole.subarray(0, 2 * MIB));
  const args = [torrent.path, "--no-trackers", "-o", lab.output, "--peer", seed.address];
  const part = await doctor(lab, args);
  assertEquals(part.code, 0, part.tail);
  assertEquals(message(part, "data"), "2.00 MiB of 5.00 MiB is there already");
});

async function doctor(
  lab: Lab,
  args: readonly string[],
  { dht = false } = {},
): Promise<RunResult> {
  const all = ["doctor", ...args, "--no-pex", "--no-lsd", "-p", "0", "--json"];
  if (!args.includes("-o")) all.push("-o", lab.folder);
  const env = { STARLING_NO_DHT: String(!dht) };
  const run = new Run(all, { cache: lab.path("cache"), env });
  return await lab.use(run).result();
}

/** What the report says of one thing. */
function message({ events }: RunResult, check: string): string {
  const report = events.find(({ type }) => type === "doctor");
  const findings = report?.["findings"] as { check: string; message: string }[] | undefined;
  return findings?.find((finding) => finding.check === check)?.message ?? "";
}
