/**
 * Reading the real disk: digests of pieces that lie over several files, and where links lead.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { concat } from "../../src/base/bytes.ts";
import { DiskError } from "../../src/base/errors.ts";
import { DiskPool } from "../../src/platform/disk_pool.ts";
import { PooledStore } from "../../src/platform/file_store.ts";
import { systemHasher } from "../../src/platform/hasher.ts";
import { openWorld } from "../../src/platform/mod.ts";
import type { FileSpan, FileStore, StoreSpec } from "../../src/ports/disk.ts";
import { withFolder } from "../support/folder.ts";
import { prng, randomBytes } from "../support/prng.ts";
import { whole, writePiece } from "./support/store.ts";

async function withStore(
  spec: Partial<StoreSpec> & { readonly workers?: number },
  body: (store: FileStore, root: string) => Promise<void>,
): Promise<void> {
  await withFolder(async (root) => {
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
  });
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

Deno.test("allocate() gives nothing while many pieces wait for their verdict", async () => {
  const pieceBytes = 2 ** 18;
  const files = [{ path: ["f"], length: 40 * pieceBytes }];
  await withStore({ files, pieceBytes, bufferBytes: 40 * pieceBytes }, async (store) => {
    const expected = systemHasher.sha1(new Uint8Array(pieceBytes));
    const jobs = Array.from({ length: 32 }, (_, i) => ({
      buffer: store.allocate()!,
      length: pieceBytes,
      expected,
      spans: whole(0, i * pieceBytes, pieceBytes),
    }));
    assertEquals(store.freeBuffers, 8);
    const free: number[] = [];
    const work = store.hashThenWriteAll(jobs, (verdict) => {
      assert(verdict.isGood);
      free.push(store.freeBuffers);
    });
    assertEquals([store.freeBuffers, store.allocate()], [0, undefined]);
    await work;
    // Those that were judged hold their memory until they are released.
    assertEquals(free, new Array(32).fill(8));
    for (const { buffer } of jobs) buffer.release();
    assertEquals(store.freeBuffers, 40);
    assert(store.allocate() !== undefined);
  });
});

Deno.test("freeBuffers is all the memory there is while no piece waits for its verdict", async () => {
  // The window of what is streamed out of memory is as wide.
  const pieceBytes = 50_000;
  const spec = { pieceBytes, files: [{ path: ["f"], length: 300 * pieceBytes }] };
  await withStore({ ...spec, bufferBytes: 200 * pieceBytes }, (store) => {
    assertEquals(store.freeBuffers, 200);
    store.allocate();
    assertEquals(store.freeBuffers, 199);
    return Promise.resolve();
  });
});

Deno.test("a buffer takes memory when it is put to, what was in use last first", async () => {
  const spec = { files: [{ path: ["f"], length: 1000 }], pieceBytes: 100, bufferBytes: 1000 };
  await withStore(spec, (store) => {
    const idle = Array.from({ length: 5 }, () => store.allocate()!);
    const used = store.allocate()!;
    used.put(Uint8Array.of(1, 2, 3), 97);
    const { byteOffset } = used.bytes;
    assertEquals([byteOffset, [...used.bytes.subarray(96)]], [0, [0, 1, 2, 3]]);
    used.release();
    assertEquals(idle.map(({ bytes }) => bytes.byteOffset), [0, 100, 200, 300, 400]);
    return Promise.resolve();
  });
});

Deno.test("hashThenWrite() keeps no piece waiting for a Worker that is still to come up", async () => {
  await withFolder(async (root) => {
    using light = new DiskPool(0);
    using heavy = new DiskPool(1);
    const served = { light: 0, heavy: 0 };
    const count = (name: keyof typeof served, pool: DiskPool) => {
      const { writePieces } = pool;
      pool.writePieces = (...some) => {
        served[name]++;
        return writePieces.apply(pool, some);
      };
    };
    count("light", light);
    count("heavy", heavy);
    const length = 20 * 2 ** 20;
    const pieceBytes = 2 ** 20;
    const files = [{ path: ["big"], length }];
    const spec = { root, files, pieceBytes, bufferBytes: length, allocation: "sparse" } as const;
    await using store = new PooledStore(spec, { heavy, light });
    const piece = randomBytes(prng(3), pieceBytes);
    assert((await writePiece(store, piece, { spans: whole(0, 0, pieceBytes) })).isGood);
    assertEquals(served, { light: 1, heavy: 0 });
    // An answer of the Worker shows that it is there.
    await store.digest([whole(0, 0, pieceBytes)]);
    assert((await writePiece(store, piece, { spans: whole(0, pieceBytes, pieceBytes) })).isGood);
    assertEquals(served, { light: 1, heavy: 1 });
    const [found] = await store.statMany([0]);
    assertEquals(found instanceof Error ? found : found?.size, length);
  });
});

Deno.test("statMany() finds all files wherever the first one lies", async () => {
  const files = Array.from({ length: 1700 }, (_, i) => ({ path: ["t", `${i}`], length: 1 }));
  const indices = files.map((_, i) => i);
  await withStore({ files, pieceBytes: 1 }, async (store, root) => {
    const sizes = async () =>
      (await store.statMany(indices)).flatMap((found, i) =>
        found instanceof Error || found === undefined ? [] : [[i, found.size]]
      );
    assertEquals(await sizes(), []);
    await Deno.mkdir(`${root}/t`, { recursive: true });
    await Deno.writeTextFile(`${root}/t/1699`, "abc");
    assertEquals(await sizes(), [[1699, 3]]);
    await Deno.writeTextFile(`${root}/t/5`, "ab");
    assertEquals(await sizes(), [[5, 2], [1699, 3]]);
  });
});
