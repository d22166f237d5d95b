/**
 * The program as a seed in a process of its own.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { prng, randomBytes } from "../../support/prng.ts";
import { spawnStarling, starling } from "./process.ts";

/** A torrent of two files, and who gives it. */
export interface Swarm {
  /** Where all of it lies. */
  readonly folder: string;
  readonly torrent: string;
  /** A large file and a small one. */
  readonly large: Uint8Array;
  readonly small: Uint8Array;
  readonly seed: Deno.ChildProcess;
  /** What a download is to be told to find the seed, and nobody else. */
  readonly to: readonly string[];
}

/** Runs with a seed that gives two files, at most `upLimit` bytes a second. */
export async function withSeed(
  upLimit: string,
  body: (swarm: Swarm) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "starling-" });
  const [large, small] = [randomBytes(prng(1), 3_000_000), randomBytes(prng(2), 1000)];
  await Deno.mkdir(`${folder}/set`);
  await Deno.writeFile(`${folder}/set/large.bin`, large);
  await Deno.writeFile(`${folder}/set/small.bin`, small);
  const torrent = `${folder}/set.torrent`;
  assertEquals((await starling(["create", `${folder}/set`, "-o", torrent])).code, 0);
  const alone = ["--no-dht", "--no-lsd", "--no-trackers", "-p", "0"];
  const seed = spawnStarling(["seed", torrent, folder, "--json", "-u", upLimit, ...alone]);
  let heard: Promise<unknown> | undefined;
  try {
    const lines = seed.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes('"listening"')) text += (await lines.read()).value;
    const listening = text.split("\n").find((line) => line.includes('"listening"'))!;
    const { port } = JSON.parse(listening);
    heard = Promise.all([drain(lines), seed.stderr.cancel()]);
    const to = ["--peer", `127.0.0.1:${port}`, ...alone];
    await body({ folder, torrent, large, small, seed, to });
  } finally {
    try {
      seed.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await seed.status;
    await heard;
    await Deno.remove(folder, { recursive: true });
  }
}

async function drain(reader: ReadableStreamDefaultReader<unknown>): Promise<void> {
  while (!(await reader.read()).done);
}
