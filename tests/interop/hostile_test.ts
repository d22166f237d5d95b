/**
 * Peers that lie, stall and flood, beside one honest seed and alone. Each costs itself its slot and
 * nothing else: the download completes, and memory stays bounded.
 *
 * @module
 */

import { assert, assertEquals, assertLess } from "@std/assert";
import { assertSame, filesBelow, KIB, MIB } from "./support/dataset.ts";
import { interopTest, type Lab } from "./support/lab.ts";
import type { Manner } from "./support/raw_peer.ts";
import { payloadOf, RawSwarm } from "./support/raw_swarm.ts";
import { errorLines } from "./support/starling.ts";
import type { TorrentFile } from "./support/torrent.ts";

const HOSTILE: readonly Manner[] = [
  "mute",
  "garbage",
  "stranger",
  "short-bitfield",
  "spare-bits",
  "choker",
  "staller",
  "liar",
  "half-liar",
  "misplacer",
  "flooder",
  "giant",
  "cutter",
  "wild-have",
];

/** The program's memory whatever peers do. */
const MEMORY_LIMIT = 500 * MIB;

/** What a peer whose every piece is wrong may cost: a few pieces of 256 KiB. */
const WASTE_LIMIT = 4 * 256 * KIB;

// 41 pieces: a bitfield with spare bits.
const DATA = { name: "honest.bin", bytes: 10 * MIB + 1, seed: 51 };

for (const manner of HOSTILE) {
  interopTest(`get completes beside a ${manner} peer`, ["libtorrent"], async (lab) => {
    await completesBeside(lab, [manner]);
  });
}

for (const manner of ["liar", "half-liar", "misplacer"] as const) {
  interopTest(
    `get takes little from a ${manner} before it is dropped`,
    ["libtorrent"],
    async (lab) => {
      const torrent = await make(lab);
      const swarm = await hostile(lab, torrent, [manner]);
      const seed = await lab.libtorrent(torrent, { upLimit: 4 * MIB });
      const result = await lab.get(torrent, { peers: [...swarm.addresses, seed.address] });
      assertEquals(result.code, 0, result.tail);
      assertLess(swarm.served, WASTE_LIMIT, `it gave ${swarm.served} bytes`);
    },
  );
}

interopTest("get completes beside two of each hostile peer", ["libtorrent"], async (lab) => {
  await completesBeside(lab, [...HOSTILE, ...HOSTILE]);
});

for (const manner of ["liar", "staller", "giant", "flooder"] as const) {
  interopTest(`get gives up on a ${manner} peer alone`, ["libtorrent"], async (lab) => {
    const torrent = await make(lab);
    const swarm = await hostile(lab, torrent, [manner]);
    const result = await lab.get(torrent, {
      peers: swarm.addresses,
      args: ["--stall-timeout", "6s"],
      timeoutMs: 60_000,
    });
    assert([3, 6].includes(result.code), result.tail);
    assertEquals(errorLines(result).length, 1, result.tail);
    assertEquals(result.events.at(-1)?.type, "error");
    assertLess(result.peakRssBytes, MEMORY_LIMIT);
    const left = await Array.fromAsync(filesBelow(lab.output)).catch(() => []);
    const written = left.filter((path) => path === DATA.name);
    for (const path of written) await assertOnlyZeros(`${lab.output}/${path}`);
  });
}

/** One honest, slow seed is named last; the liars come first. */
async function completesBeside(lab: Lab, manners: readonly Manner[]): Promise<void> {
  const torrent = await make(lab);
  const swarm = await hostile(lab, torrent, manners);
  const seed = await lab.libtorrent(torrent, { upLimit: 4 * MIB });
  const result = await lab.get(torrent, { peers: [...swarm.addresses, seed.address] });
  assertEquals(result.code, 0, result.tail);
  await assertSame(torrent.dataset, lab.output);
  assert(swarm.accepted >= manners.length, "not every hostile peer was met");
  assertLess(swarm.accepted, 5 * manners.length, "hostile peers were dialled again and again");
  assertLess(result.peakRssBytes, MEMORY_LIMIT);
}

async function hostile(
  lab: Lab,
  torrent: TorrentFile,
  manners: readonly Manner[],
): Promise<RawSwarm> {
  return lab.use(new RawSwarm(await payloadOf(torrent), { manners }));
}

function make(lab: Lab): Promise<TorrentFile> {
  return lab.make(DATA, { pieceBytes: 256 * KIB });
}

/** Nothing that did not verify was written. */
async function assertOnlyZeros(path: string): Promise<void> {
  const bytes = await Deno.readFile(path);
  assert(bytes.every((byte) => byte === 0), `${path} holds bytes that nobody verified`);
}
