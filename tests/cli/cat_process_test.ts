/**
 * Streams from one process to another: the program as a seed, as a reader's source, and what pipes do to it.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { equalBytes } from "../../src/base/bytes.ts";
import { prng, randomBytes } from "../support/prng.ts";
import { spawnStarling, starling } from "./support/process.ts";

interface Swarm {
  readonly folder: string;
  readonly torrent: string;
  /** A large file and a small one. */
  readonly large: Uint8Array;
  readonly small: Uint8Array;
  readonly seed: Deno.ChildProcess;
  /** What `cat` is to be told to find the seed, and nobody else. */
  readonly to: readonly string[];
}

/** Runs with a seed that gives two files, at most `upLimit` bytes a second. */
async function withSeed(upLimit: string, body: (swarm: Swarm) => Promise<void>): Promise<void> {
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

Deno.test("starling cat writes a file to a pipe and nothing to the disk", async () => {
  await withSeed("0", async ({ folder, torrent, large, small, to }) => {
    const before = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    for (const [file, bytes] of [["large.bin", large], ["2", small]] as const) {
      const child = spawnStarling(["cat", torrent, file, ...to, "--buffer", "1M"]);
      const { code, stdout, stderr } = await child.output();
      const said = new TextDecoder().decode(stderr);
      assertEquals(code, 0, said);
      assert(equalBytes(stdout, bytes), `${stdout.length} bytes of ${file}`);
      assert(said.split("\n").at(-2)!.startsWith("done: set: "), said);
    }
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), before);
  });
});

Deno.test("starling cat ends with 0 and no error when its reader has enough", async () => {
  await withSeed("0", async ({ torrent, large, to }) => {
    const child = spawnStarling(["cat", torrent, "large.bin", ...to, "--buffer", "1M"]);
    const reader = child.stdout.getReader();
    const { value } = await reader.read();
    assert(equalBytes(value!, large.subarray(0, value!.length)));
    await reader.cancel();
    const stderr = await new Response(child.stderr).text();
    assertEquals([(await child.status).code, stderr.includes("error:")], [0, false], stderr);
  });
});

Deno.test("starling cat ends with 3 when its only seed dies, after whole pieces", async () => {
  await withSeed("400K", async ({ torrent, large, seed, to }) => {
    const child = spawnStarling(["cat", torrent, "large.bin", ...to, "--stall-timeout", "2s"]);
    const errors = new Response(child.stderr).text();
    const chunks: Uint8Array[] = [];
    for await (const chunk of child.stdout) {
      if (chunks.length === 0) seed.kill("SIGKILL");
      chunks.push(chunk);
    }
    const bytes = new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer());
    const stderr = await errors;
    assertEquals((await child.status).code, 3, stderr);
    assertEquals(stderr.split("\n").filter((line) => line.startsWith("error: ")).length, 1, stderr);
    assert(bytes.length > 0 && bytes.length < large.length, `${bytes.length} bytes`);
    assert(equalBytes(bytes, large.subarray(0, bytes.length)));
  });
});
