/**
 * `starling doctor` beside real clients: what it sees of them, and that it takes nothing.
 *
 * @module
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { KIB, MIB } from "./support/dataset.ts";
import { interopTest, type Lab } from "./support/lab.ts";
import { Run, type RunResult } from "./support/starling.ts";

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

async function doctor(lab: Lab, args: readonly string[]): Promise<RunResult> {
  const quiet = ["--no-dht", "--no-pex", "--no-lsd", "-p", "0", "-o", lab.folder, "--json"];
  const run = new Run(["doctor", ...args, ...quiet], { cache: lab.path("cache") });
  return await lab.use(run).result();
}

/** What the report says of one thing. */
function message({ events }: RunResult, check: string): string {
  const report = events.find(({ type }) => type === "doctor");
  const findings = report?.["findings"] as { check: string; message: string }[] | undefined;
  return findings?.find((finding) => finding.check === check)?.message ?? "";
}
