/**
 * Reading the real disk: digests of pieces that lie over several files, and where links lead.
 *
 * @module
 */

import { assertEquals, assertRejects } from "@std/assert";
import { concat } from "../../src/base/bytes.ts";
import { DiskError } from "../../src/base/errors.ts";
import { systemHasher } from "../../src/platform/hasher.ts";
import { openWorld } from "../../src/platform/mod.ts";
import type { FileSpan, FileStore, StoreSpec } from "../../src/ports/disk.ts";
import { prng, randomBytes } from "../support/prng.ts";

async function withStore(
  spec: Partial<StoreSpec> & { readonly workers?: number },
  body: (store: FileStore, root: string) => Promise<void>,
): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "starling-" });
  try {
    await using world = openWorld({ workers: spec.workers ?? 0 });
    await using store = await world.files.openStore({
      root,
      files: [],
      pieceBytes: 1,
      bufferBytes: 0,
      allocation: "none",
      ...spec,
    });
    await body(store, root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const FILES = [{ path: ["a"], length: 100_000 }, { path: ["d", "b"], length: 1_500_000 }];
const SPANS: FileSpan[][] = [
  [{ file: 0, offset: 0, start: 0, length: 60_000 }],
  [
    { file: 0, offset: 60_000, start: 0, length: 40_000 },
    { file: -1, offset: 0, start: 40_000, length: 5 },
    { file: 1, offset: 0, start: 40_005, length: 1_400_000 },
  ],
  [{ file: 1, offset: 1_400_000, start: 0, length: 100_000 }],
];

for (const workers of [0, 2]) {
  Deno.test(`digest() hashes pieces over files and padding with ${workers} workers`, async () => {
    await withStore({ files: FILES, workers }, async (store, root) => {
      const next = prng(workers);
      const [a, b] = FILES.map(({ length }) => randomBytes(next, length));
      await Deno.writeFile(`${root}/a`, a!);
      await Deno.mkdir(`${root}/d`);
      await Deno.writeFile(`${root}/d/b`, b!.subarray(0, 1_450_000));
      const { digests, isWhole } = await store.digest(SPANS);
      const middle = concat([a!.subarray(60_000), new Uint8Array(5), b!.subarray(0, 1_400_000)]);
      assertEquals(isWhole, Uint8Array.of(1, 1, 0));
      assertEquals(
        digests,
        concat([
          systemHasher.sha1(a!.subarray(0, 60_000)),
          systemHasher.sha1(middle),
          new Uint8Array(20),
        ]),
      );
    });
  });
}

const hasLinks = Deno.build.os !== "windows";

Deno.test(
  "digest() and stat() follow links only where told to",
  { ignore: !hasLinks },
  async () => {
    const files = [{ path: ["link"], length: 3 }, { path: ["folder", "b"], length: 3 }];
    const spans = files.map(({ length }, file) => [{ file, offset: 0, start: 0, length }]);
    const prepare = async (root: string) => {
      await Deno.mkdir(`${root}/real`);
      await Deno.writeTextFile(`${root}/real/b`, "abc");
      await Deno.symlink("real/b", `${root}/link`);
      await Deno.symlink("real", `${root}/folder`);
    };
    await withStore({ files, followsLinks: true }, async (store, root) => {
      await prepare(root);
      const { isWhole } = await store.digest(spans);
      assertEquals(isWhole, Uint8Array.of(1, 1));
      assertEquals((await store.stat(0))?.size, 3);
    });
    await withStore({ files }, async (store, root) => {
      await prepare(root);
      for (const some of spans) {
        await assertRejects(() => store.digest([some]), DiskError, "symbolic link is in the way");
      }
    });
  },
);
