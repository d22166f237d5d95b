/**
 * A seed whose files are whole, and peers that take from it by hand.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { Download, type DownloadOptions, putAll } from "../sim/download.ts";
import { type Block, RawLeech } from "../sim/raw_leech.ts";
import { makeTorrent, type TestTorrent } from "../sim/torrents.ts";
import { type SimHost, SimWorld } from "../sim/world.ts";

/** Where the seed is. */
export const SEED = "10.0.0.1";
/** Bytes a block, a piece, a MiB. */
export const BLOCK = 16_384;
export const PIECE = 65_536;
export const MIB: number = 1 << 20;

/** A seed, and who takes from it. */
export interface Scene {
  readonly world: SimWorld;
  readonly seed: Download;
  readonly torrent: TestTorrent;
  /** A leech dials the seed; it has the fast extension unless told otherwise. */
  leech(ip: string, options?: Parameters<typeof RawLeech.dial>[3]): Promise<RawLeech>;
}

/** Runs `body` with a seed that closes afterwards and then holds no memory; `spoil` changes its files first. */
export async function withSeed(
  options: DownloadOptions & {
    readonly number: number;
    readonly torrent?: TestTorrent;
    readonly spoil?: (host: SimHost) => void;
  },
  body: (scene: Scene) => Promise<void>,
): Promise<void> {
  const { number, torrent = makeTorrent({ length: MIB, pieceLength: PIECE }), spoil, ...more } =
    options;
  const world = new SimWorld({ seed: number });
  const host = world.host(SEED);
  putAll(host, torrent);
  spoil?.(host);
  const seed = await Download.start(host, torrent, { isUploadOnly: true, ...more });
  await world.runUntil(() => seed.stats.state === "seeding", { within: 5_000 });
  const leech = (ip: string, how: Parameters<typeof RawLeech.dial>[3] = { fast: true }) =>
    RawLeech.dial(world.host(ip), SEED, torrent, how);
  await body({ world, seed, torrent, leech });
  await seed.close();
  assertEquals(host.disk.sendBuffers, 0, "all memory has come back");
}

/** All blocks of the 1 MiB torrent. */
export const ALL: readonly Block[] = Array.from(
  { length: MIB / BLOCK },
  (_, i) => [Math.floor(i / 4), (i % 4) * BLOCK, BLOCK],
);
