/**
 * Real clients download from `starling seed` alone, found through `starling tracker`.
 *
 * @module
 */

import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { assertSame, type DatasetSpec, KIB, MIB } from "./support/dataset.ts";
import { interopTest, type Lab } from "./support/lab.ts";
import { LEECHES, type LeechKind } from "./support/leeches.ts";
import type { Child } from "./support/process.ts";
import { errorLines, lastNumber, Run } from "./support/starling.ts";
import type { TorrentFile } from "./support/torrent.ts";
import type { ByteStream } from "../../src/ports/network.ts";
import { handshake, ID, message, RawReader, u32 } from "../sim/raw_wire.ts";
import { until } from "./support/wait.ts";

const SINGLE: DatasetSpec = { name: "single file.bin", bytes: 12 * MIB + 12_345, seed: 31 };

const FOLDER: DatasetSpec = {
  name: "folder",
  seed: 32,
  files: [
    { path: "a.bin", bytes: 3 * MIB + 1 },
    { path: "b/c.txt", bytes: 17 },
    { path: "b/d/e.dat", bytes: 5 * MIB - 7 },
    { path: "ü", bytes: 1 },
  ],
};

for (const kind of LEECHES) {
  for (const scheme of kind.schemes) {
    const [what, spec] = scheme === "http" ? ["a folder", FOLDER] : ["a single file", SINGLE];
    interopTest(
      `${kind.need} downloads ${what} from a seed found through a tracker over ${scheme}`,
      [kind.need],
      (lab) => downloads(lab, kind, { scheme, spec: spec as DatasetSpec }),
    );
  }
}

for (const kind of LEECHES) {
  interopTest(
    `${kind.need} completes from a super-seed`,
    [kind.need],
    (lab) => downloads(lab, kind, { scheme: "http", spec: FOLDER, options: ["--super-seed"] }),
  );
}

interopTest(
  "forty leeches that ask for everything at once cost no more memory than one",
  ["libtorrent"],
  async (lab) => {
    const torrent = await lab.make({ name: "forty.bin", bytes: 16 * MIB, seed: 33 }, {
      pieceBytes: 256 * KIB,
    });
    const seed = startSeed(lab, torrent, ["--max-peers", "44", "--no-trackers", "--no-lsd"]);
    const { port } = await seed.event((event) => event.type === "listening");
    await seed.event((event) => event.type === "progress" && event.piecesDone === 64);
    const infoHash = hexBytes(torrent.infoHash);
    const leeches = Array.from({ length: 40 }, (_, i) => takeAll(Number(port), infoHash, i));
    assertEquals(await Promise.all(leeches), leeches.map(() => 16 * MIB));
    seed.kill("SIGINT");
    const result = await seed.result();
    assertEquals([result.code, errorLines(result)], [130, []], result.tail);
    assertLess(result.peakRssBytes, 200 * MIB);
  },
);

/** Takes 16 MiB by hand: asks for all 1,024 blocks when it is served. Gives the bytes that came. */
async function takeAll(port: number, infoHash: Uint8Array, number: number): Promise<number> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const id = new TextEncoder().encode(`-RL0000-forty${String(number).padStart(7, "0")}`);
  await conn.write(handshake(infoHash, id, { fast: true }));
  await conn.write(message(ID.interested));
  const reader = new RawReader(conn as unknown as ByteStream);
  await reader.take(68);
  let bytes = 0;
  while (bytes < 16 * MIB) {
    const next = await reader.next();
    if (!next) break;
    if (next.id === ID.piece) bytes += next.payload.length - 8;
    if (next.id !== ID.unchoke) continue;
    // What was refused by a choke is not asked for again: the turn is long enough for all of it.
    const all: number[] = [];
    for (let block = 0; block < 1024; block++) {
      const [piece, begin] = [block >> 4, (block & 15) * 16 * KIB];
      all.push(...message(ID.request, [piece, begin, 16 * KIB].flatMap(u32)));
    }
    for (let at = 0; at < all.length;) at += await conn.write(Uint8Array.from(all.slice(at)));
  }
  return bytes;
}

function hexBytes(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

interopTest(
  "a seed dials what --peer names, which knows nothing of it",
  ["libtorrent"],
  async (lab) => {
    const torrent = await lab.make(FOLDER, { pieceBytes: 256 * KIB });
    const leech = await startLeech(
      lab,
      LEECHES.find(({ need }) => need === "libtorrent")!,
      torrent,
    );
    const [, port] = await leech.line(/ready (\d+)/);
    const seed = startSeed(lab, torrent, ["--peer", `127.0.0.1:${port}`, "--no-lsd"]);
    await until(() => isThere(torrent, lab.output), { what: "the download", everyMs: 200 });
    seed.kill("SIGINT");
    assertEquals((await seed.result()).code, 130);
  },
);

interopTest(
  "what is cut off while seeding is told once, and the rest is given",
  ["libtorrent"],
  async (lab) => {
    const kind = LEECHES.find(({ need }) => need === "libtorrent")!;
    const [tracker, torrent] = await track(lab, SINGLE, "http");
    const seed = startSeed(lab, torrent);
    await until(async () => (await tracker.stats()).seeds === 1, { what: "the seed" });
    await Deno.truncate(`${torrent.dataset.root}/${torrent.dataset.name}`, 8 * MIB + 5);
    await startLeech(lab, kind, torrent);
    await seed.event((event) => event.type === "warning");
    const enough = 8 * MIB;
    await seed.event((event) => Number(event.bytesUploaded) >= enough);
    seed.kill("SIGINT");
    const result = await seed.result();
    assertEquals([result.code, errorLines(result)], [130, []], result.tail);
    assertEquals(result.events.filter(({ type }) => type === "warning").length, 1, result.tail);
  },
);

async function downloads(
  lab: Lab,
  kind: LeechKind,
  { scheme, spec, options = [] }: {
    readonly scheme: "http" | "udp";
    readonly spec: DatasetSpec;
    readonly options?: readonly string[];
  },
): Promise<void> {
  const [tracker, torrent] = await track(lab, spec, scheme);
  const { dataset } = torrent;
  let client: Child | undefined;
  if (kind.mustBeDialled) {
    client = await startLeech(lab, kind, torrent);
    await until(async () => (await tracker.stats()).peers === 1, { what: kind.need });
  }
  const seed = startSeed(lab, torrent, options);
  await until(async () => (await tracker.stats()).seeds === 1, { what: "the seed" });
  client ??= await startLeech(lab, kind, torrent);
  try {
    await until(() => isThere(torrent, lab.output), {
      what: `the download of ${kind.need}`,
      timeoutMs: 90_000,
      everyMs: 200,
    });
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${client.tail()}`);
  }
  seed.kill("SIGINT");
  const result = await seed.result();
  assertEquals([result.code, errorLines(result)], [130, []], result.tail);
  const given = lastNumber(result.events, "progress", "bytesUploaded");
  assertGreater(given, dataset.totalBytes - 1, result.tail);
  assertLess(given, 1.2 * dataset.totalBytes, result.tail);
}

async function isThere({ dataset }: TorrentFile, folder: string): Promise<boolean> {
  try {
    await assertSame(dataset, folder, { alone: false });
    return true;
  } catch {
    return false;
  }
}

async function startLeech(lab: Lab, kind: LeechKind, torrent: TorrentFile): Promise<Child> {
  const home = lab.path("home");
  await Deno.mkdir(home);
  await Deno.mkdir(lab.output);
  return lab.use(await kind.start(torrent, home, lab.output));
}

function startSeed(
  lab: Lab,
  { path, dataset }: TorrentFile,
  options: readonly string[] = [],
): Run {
  const args = ["seed", path, dataset.root, "-p", "0", "--json", "--allow-private", ...options];
  return lab.use(new Run(args, { cache: lab.path("cache") }));
}

/** A tracker for one torrent, and the torrent that names it. */
async function track(lab: Lab, spec: DatasetSpec, scheme: "http" | "udp") {
  const args = ["tracker", "-p", "0", "--json"];
  const run = lab.use(new Run(args, { cache: lab.path("cache") }));
  const { port } = await run.event((event) => event.type === "listening");
  const trackers = [`${scheme}://127.0.0.1:${port}/announce`];
  const torrent = await lab.make(spec, { pieceBytes: 256 * KIB, trackers });
  const stats = async (): Promise<Record<string, number>> =>
    await (await fetch(`http://127.0.0.1:${port}/stats`)).json();
  return [{ stats }, torrent] as const;
}
