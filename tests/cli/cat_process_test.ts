/**
 * Streams from one process to another: the program as a seed, as a reader's source, and what pipes do to it.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { equalBytes } from "../../src/base/bytes.ts";
import { spawnStarling } from "./support/process.ts";
import { withSeed } from "./support/seed.ts";

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
