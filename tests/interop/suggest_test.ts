/**
 * Several real clients at once at one seed, which suggests to each what it gave to nobody (BEP 6).
 *
 * @module
 */

import { assertEquals, assertLess } from "@std/assert";
import { assertSame, KIB, MIB } from "./support/dataset.ts";
import { interopTest } from "./support/lab.ts";
import { LEECHES } from "./support/leeches.ts";
import { errorLines, lastNumber, Run } from "./support/starling.ts";
import { until } from "./support/wait.ts";

const TOGETHER = ["libtorrent", "aria2c", "rtorrent", "qbittorrent-nox"] as const;

interopTest(
  "clients of four kinds complete together from one seed that suggests pieces to them",
  TOGETHER,
  async (lab) => {
    const args = ["tracker", "-p", "0", "--json"];
    const tracker = lab.use(new Run(args, { cache: lab.path("cache") }));
    const { port } = await tracker.event((event) => event.type === "listening");
    const torrent = await lab.make({ name: "spread.bin", bytes: 12 * MIB, seed: 34 }, {
      pieceBytes: 64 * KIB,
      trackers: [`http://127.0.0.1:${port}/announce`],
    });
    const { path, dataset } = torrent;
    const seeding = ["seed", path, dataset.root, "-p", "0", "--json", "--no-lsd", "--no-dht"];
    const seed = lab.use(
      new Run([...seeding, "--up-limit", "8M", "--allow-private"], { cache: lab.path("cache") }),
    );
    const stats = async (): Promise<Record<string, number>> =>
      await (await fetch(`http://127.0.0.1:${port}/stats`)).json();
    await until(async () => (await stats()).seeds === 1, { what: "the seed" });
    const outputs = await Promise.all(TOGETHER.map(async (need) => {
      const [home, output] = [lab.path(`home-${need}`), lab.path(`out-${need}`)];
      await Deno.mkdir(home);
      await Deno.mkdir(output);
      const kind = LEECHES.find((leech) => leech.need === need)!;
      lab.use(await kind.start(torrent, home, output));
      return output;
    }));
    for (const output of outputs) {
      await until(
        () => assertSame(dataset, output, { alone: false }).then(() => true, () => false),
        {
          what: output,
          timeoutMs: 90_000,
          everyMs: 300,
        },
      );
    }
    seed.kill("SIGINT");
    const result = await seed.result();
    assertEquals([result.code, errorLines(result)], [130, []], result.tail);
    // On one address they do not exchange with each other; what is suggested is not given in vain.
    const given = lastNumber(result.events, "progress", "bytesUploaded");
    assertLess(given, 1.1 * TOGETHER.length * dataset.totalBytes);
  },
);
