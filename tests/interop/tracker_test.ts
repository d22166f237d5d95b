/**
 * `starling tracker` with real clients, over HTTP and UDP, and our announces to a real tracker over UDP.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { assertSame, KIB, MIB } from "./support/dataset.ts";
import { interopTest, type Lab } from "./support/lab.ts";
import type { Need } from "./support/programs.ts";
import type { Seed } from "./support/seeds.ts";
import { Run } from "./support/starling.ts";
import type { TorrentFile } from "./support/torrent.ts";
import { until } from "./support/wait.ts";

const DATA = { name: "tracked.bin", bytes: 3 * MIB + 77, seed: 21 };

const CLIENTS: readonly {
  readonly need: Need;
  readonly schemes: readonly ("http" | "udp")[];
  readonly start: (lab: Lab, torrent: TorrentFile) => Promise<Seed>;
}[] = [
  { need: "aria2c", schemes: ["http"], start: (lab, torrent) => lab.aria2(torrent) },
  {
    need: "transmission-daemon",
    schemes: ["http", "udp"],
    start: (lab, torrent) => lab.transmission(torrent),
  },
  {
    need: "libtorrent",
    schemes: ["http", "udp"],
    start: (lab, torrent) => lab.libtorrent(torrent),
  },
];

for (const { need, schemes, start } of CLIENTS) {
  for (const scheme of schemes) {
    interopTest(
      `${need} and get find one another through starling's tracker over ${scheme}`,
      [need],
      async (lab) => {
        const dataset = await lab.dataset(DATA);
        const { infoHash } = await lab.torrent(dataset, { pieceBytes: 64 * KIB });
        const tracker = await startTracker(lab, infoHash);
        const torrent = await lab.torrent(dataset, {
          pieceBytes: 64 * KIB,
          trackers: [`${scheme}://127.0.0.1:${tracker.port}/announce`],
        });
        assertEquals(torrent.infoHash, infoHash);
        await start(lab, torrent);
        await until(async () => (await tracker.stats()).seeds === 1, { what: `${need} as a seed` });
        const result = await lab.get(torrent);
        assertEquals(result.code, 0, result.tail);
        await assertSame(torrent.dataset, lab.output);
        // Ours has said goodbye.
        const { peers, [`${scheme}Announces`]: announces } = await tracker.stats();
        assertEquals([peers, announces! >= 3], [1, true]);
      },
    );
  }
}

interopTest(
  "get finds libtorrent through opentracker over udp",
  ["libtorrent", "opentracker"],
  async (lab) => {
    const [tracked, tracker] = await lab.tracked(DATA, { pieceBytes: 64 * KIB });
    await lab.libtorrent(tracked);
    await tracker.seeds(tracked.infoHash, 1);
    const { port } = new URL(tracker.url);
    const torrent = await lab.torrent(tracked.dataset, {
      pieceBytes: 64 * KIB,
      trackers: [`udp://127.0.0.1:${port}/announce`],
    });
    const result = await lab.get(torrent);
    assertEquals(result.code, 0, result.tail);
    await assertSame(torrent.dataset, lab.output);
  },
);

interopTest(
  "scrape reads what opentracker and starling's tracker know, over http and udp",
  ["transmission-daemon", "opentracker"],
  async (lab) => {
    const [tracked, opentracker] = await lab.tracked(DATA, { pieceBytes: 64 * KIB });
    const tracker = await startTracker(lab, tracked.infoHash);
    const { port } = new URL(opentracker.url);
    const torrent = await lab.torrent(tracked.dataset, {
      pieceBytes: 64 * KIB,
      trackers: [
        opentracker.url,
        `udp://127.0.0.1:${port}/announce`,
        `http://127.0.0.1:${tracker.port}/announce`,
        `udp://127.0.0.1:${tracker.port}/announce`,
      ],
    });
    await lab.transmission(torrent);
    await opentracker.seeds(torrent.infoHash, 1);
    await until(async () => (await tracker.stats()).seeds === 1, {
      what: "transmission as a seed",
    });
    const dead = ["-t", "http://127.0.0.1:1/announce"];
    const run = new Run(["scrape", torrent.path, "--json", ...dead], { cache: lab.path("cache") });
    const { code, events, tail } = await lab.use(run).result();
    assertEquals(code, 0, tail);
    const answers = events.filter((event) => event.type === "scrape");
    const told = answers.map((e) => [e.tier, e.isAnswered, e.seeds, e.leeches, e.completed]);
    assertEquals(told.toSorted(), [
      [0, false, null, null, null],
      ...[1, 2, 3, 4].map((tier) => [tier, true, 1, 0, 0]),
    ], tail);
  },
);

/** Starts a tracker for one torrent. */
async function startTracker(lab: Lab, infoHash: string) {
  const list = lab.path("whitelist");
  await Deno.writeTextFile(list, `# the only one\n${infoHash}\n`);
  const args = ["tracker", "-p", "0", "--whitelist", list, "--json"];
  const run = lab.use(new Run(args, { cache: lab.path("cache") }));
  const { port } = await run.event((event) => event.type === "listening");
  return {
    port: Number(port),
    stats: async (): Promise<Record<string, number>> => {
      const response = await fetch(`http://127.0.0.1:${port}/stats`);
      return await response.json();
    },
  };
}
