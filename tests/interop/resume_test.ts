/**
 * Downloads that are cut off and started again, and finished ones that are run again.
 *
 * What a second run fetches is counted twice: by the program's own events, and by the seed.
 *
 * @module
 */

import { assert, assertEquals, assertLess } from "@std/assert";
import { join } from "@std/path";
import { assertSame, type DatasetSpec, MIB } from "./support/dataset.ts";
import { interopTest, type Lab } from "./support/lab.ts";
import type { CountingSeed } from "./support/seeds.ts";
import { lastNumber, type RunEvent } from "./support/starling.ts";
import type { TorrentFile } from "./support/torrent.ts";

const DATA: DatasetSpec = {
  name: "resumed",
  seed: 31,
  files: [
    { path: "first.bin", bytes: 150 * MIB + 5 },
    { path: "second.bin", bytes: 100 * MIB + 1_000_001 },
    { path: "third.bin", bytes: 134 * MIB },
  ],
};

/** Slow enough to be caught in the act. */
const SLOWLY = ["--down-limit", "40M"];

/** How much more than was missing a second run may fetch. */
const allowance = (total: number) => Math.max(0.05 * total, 64 * MIB);

for (const [share, name] of [[1 / 3, "a third"], [2 / 3, "two thirds"]] as const) {
  interopTest(`get continues after kill -9 at ${name}`, ["libtorrent"], async (lab) => {
    const [torrent, seed] = await prepare(lab);
    const done = await interrupted(lab, torrent, { seed, share, signal: "SIGKILL", code: 137 });
    await completes(lab, torrent, seed, done);
  });
}

interopTest("get continues after three kills in a row", ["libtorrent"], async (lab) => {
  const [torrent, seed] = await prepare(lab);
  let done = 0;
  for (const share of [0.2, 0.4, 0.6]) {
    done = await interrupted(lab, torrent, { seed, share, signal: "SIGKILL", code: 137 });
  }
  await completes(lab, torrent, seed, done);
});

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  interopTest(
    `get ends with ${code} on ${signal} and continues later`,
    ["libtorrent"],
    async (lab) => {
      const [torrent, seed] = await prepare(lab);
      const done = await interrupted(lab, torrent, { seed, share: 0.25, signal, code });
      await completes(lab, torrent, seed, done);
    },
  );
}

interopTest("get ends with 0 and no network when all is there", ["libtorrent"], async (lab) => {
  const torrent = await lab.make({ name: "done.bin", bytes: 20 * MIB + 3 }, { pieceBytes: MIB });
  const seed = await lab.libtorrent(torrent);
  const first = await lab.get(torrent, { peers: [seed.address] });
  assertEquals(first.code, 0, first.tail);
  await seed[Symbol.asyncDispose]();
  const again = await lab.get(torrent, { timeoutMs: 20_000 });
  assertEquals(again.code, 0, again.tail);
  assertEquals(lastNumber(again.events, "done", "bytesDownloaded"), 0);
  await assertSame(torrent.dataset, lab.output);
});

interopTest("get mends a finished download that was damaged", ["libtorrent"], async (lab) => {
  const torrent = await lab.make({ name: "mend.bin", bytes: 20 * MIB + 3 }, { pieceBytes: MIB });
  const seed = await lab.libtorrent(torrent);
  const first = await lab.get(torrent, { peers: [seed.address] });
  assertEquals(first.code, 0, first.tail);
  await overwrite(join(lab.output, "mend.bin"), 7 * MIB + 11);
  const again = await lab.get(torrent, { peers: [seed.address] });
  assertEquals(again.code, 0, again.tail);
  assertEquals(lastNumber(again.events, "done", "bytesDownloaded"), MIB);
  await assertSame(torrent.dataset, lab.output);
});

interopTest("get notices damage done between two runs", ["libtorrent"], async (lab) => {
  const [torrent, seed] = await prepare(lab);
  await interrupted(lab, torrent, { seed, share: 0.4, signal: "SIGKILL", code: 137 });
  for (const file of DATA.files!) {
    const path = join(lab.output, DATA.name, file.path);
    for (let offset = 0; offset < file.bytes - 100; offset += 10 * MIB) {
      await overwrite(path, offset);
    }
  }
  const again = await lab.get(torrent, { peers: [seed.address] });
  assertEquals(again.code, 0, again.tail);
  await assertSame(torrent.dataset, lab.output);
});

async function prepare(lab: Lab): Promise<[TorrentFile, CountingSeed]> {
  const torrent = await lab.make(DATA, { pieceBytes: MIB });
  return [torrent, await lab.libtorrent(torrent, { unchecked: true, fast: true })];
}

interface Interruption {
  readonly seed: CountingSeed;
  /** The part of the download after which the signal comes. */
  readonly share: number;
  readonly signal: Deno.Signal;
  /** The exit status that is expected. */
  readonly code: number;
}

/** Runs until a share is there, sends a signal; gives the bytes that were reported as done. */
async function interrupted(lab: Lab, torrent: TorrentFile, how: Interruption): Promise<number> {
  const total = torrent.dataset.totalBytes;
  const run = lab.start(torrent, { peers: [how.seed.address], args: SLOWLY });
  await run.event((event) => event.type === "progress" && doneOf(event) >= how.share * total);
  const done = doneOf(run.events.findLast((event) => event.type === "progress")!);
  const sent = performance.now();
  run.kill(how.signal);
  const result = await run.result(10_000);
  assertEquals(result.code, how.code, result.tail);
  assertLess(performance.now() - sent, 5_000, result.tail);
  assertLess(done, total, "it was over before the signal");
  return done;
}

function doneOf(event: RunEvent): number {
  return Number(event.bytesDone);
}

/** Runs to the end and holds what was fetched against what was missing. */
async function completes(
  lab: Lab,
  torrent: TorrentFile,
  seed: CountingSeed,
  done: number,
): Promise<void> {
  const total = torrent.dataset.totalBytes;
  const before = await seed.uploaded();
  const result = await lab.get(torrent, { peers: [seed.address] });
  assertEquals(result.code, 0, result.tail);
  await assertSame(torrent.dataset, lab.output);
  const limit = total - done + allowance(total);
  const fetched = lastNumber(result.events, "done", "bytesDownloaded");
  const given = await seed.uploaded() - before;
  const figures = `missing ${total - done}, said ${fetched}, seed gave ${given}, limit ${limit}`;
  assert(fetched <= limit && given <= limit, figures);
  assert(Math.abs(given - fetched) <= 8 * MIB, figures);
}

async function overwrite(path: string, offset: number): Promise<void> {
  try {
    using file = await Deno.open(path, { write: true });
    await file.seek(offset, Deno.SeekMode.Start);
    await file.write(new TextEncoder().encode("not what it was"));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
