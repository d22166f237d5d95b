/**
 * The real world as a whole: torrents small and large, and leaving in a hurry.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { MIB } from "../../src/base/units.ts";
import { openWorld } from "../../src/platform/mod.ts";
import { withFolder } from "../support/folder.ts";
import { whole, writePiece } from "./support/store.ts";

for (const mib of [1, 20]) {
  Deno.test(`openWorld() serves a torrent of ${mib} MiB`, async () => {
    await withFolder(async (root) => {
      await using world = openWorld();
      const files = [{ path: ["t", "a"], length: mib * MIB }, { path: ["t", "b"], length: 0 }];
      const spec = { root, files, pieceBytes: MIB, bufferBytes: 4 * MIB } as const;
      await using store = await world.files.openStore({ ...spec, allocation: "sparse" });
      assertEquals(await store.statMany([0, 1]), [undefined, undefined]);
      const piece = world.random.bytes(MIB);
      const spans = whole(0, (mib - 1) * MIB, MIB);
      assertEquals(await writePiece(store, piece, { spans }), { isGood: true });
      await store.createEmpty(1);
      await store.sync();
      const into = new Uint8Array(MIB);
      assertEquals(await store.read(0, (mib - 1) * MIB, into), MIB);
      assertEquals(into, piece);
      const { digests } = await store.digest([spans]);
      assertEquals(digests, Uint8Array.from(world.hasher.sha1(piece)));
      assertEquals((await store.stat(0))?.size, mib * MIB);
    });
  });
}

Deno.test("openWorld() may be left while a Worker is still coming up", async () => {
  await using world = openWorld();
  const files = [{ path: ["a"], length: 100 * MIB }];
  await using _store = await world.files.openStore({
    root: "nowhere",
    files,
    pieceBytes: MIB,
    bufferBytes: 0,
    allocation: "sparse",
  });
});
