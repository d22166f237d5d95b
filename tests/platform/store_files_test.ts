/**
 * Writing the real disk, inline and in Workers: the same files, the same answers.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { BugError, DiskError } from "../../src/base/errors.ts";
import { BLOCK_BYTES } from "../../src/base/units.ts";
import { systemHasher } from "../../src/platform/hasher.ts";
import type { PieceVerdict } from "../../src/ports/disk.ts";
import { prng, randomBytes } from "../support/prng.ts";
import { whole, withStore, writePiece } from "./support/store.ts";

const FILES = [
  { path: ["t", "a"], length: 130 },
  { path: ["t", "sub", "b"], length: 40 },
  { path: ["c"], length: 1000 },
];

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

for (const workers of [0, 1, 2]) {
  const name = (text: string) => `${text} (${workers} workers)`;

  Deno.test(name("hashThenWrite() writes a good piece to all its files"), async () => {
    await withStore({ files: FILES, workers }, async (store, root) => {
      const piece = randomBytes(prng(1), 100);
      const verdict = await writePiece(store, piece, {
        spans: [
          { file: 0, offset: 90, start: 0, length: 40 },
          { file: 1, offset: 0, start: 40, length: 40 },
          { file: -1, offset: 0, start: 80, length: 5 },
          { file: 2, offset: 0, start: 85, length: 15 },
        ],
      });
      assertEquals(verdict, { isGood: true });
      const a = await Deno.readFile(`${root}/t/a`);
      assertEquals([a.length, a.slice(90)], [130, piece.slice(0, 40)]);
      assertEquals(await Deno.readFile(`${root}/t/sub/b`), piece.slice(40, 80));
      assertEquals((await Deno.readFile(`${root}/c`)).slice(0, 15), piece.slice(85));
    });
  });

  Deno.test(
    name("hashThenWrite() writes nothing of a bad piece and tells its blocks"),
    async () => {
      const pieceBytes = 2 * BLOCK_BYTES + 5;
      await withStore({ files: FILES, pieceBytes, workers }, async (store, root) => {
        const piece = randomBytes(prng(2), pieceBytes);
        const options = { spans: whole(2, 0, 1000), expected: new Uint8Array(20) };
        const { isGood, blockDigests } = await writePiece(store, piece, options);
        assertEquals(isGood, false);
        assertEquals(blockDigests?.length, 60);
        for (let block = 0; block < 3; block++) {
          const bytes = piece.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES);
          const digest = blockDigests?.slice(block * 20, block * 20 + 20);
          assertEquals(digest, Uint8Array.from(systemHasher.sha1(bytes)));
        }
        assert(!await exists(root));
      });
    },
  );

  Deno.test(name("hashThenWrite() answers each of many pieces by itself"), async () => {
    const pieces = 300;
    const files = [{ path: ["f"], length: pieces * 100 }];
    await withStore({ files, bufferBytes: 40 * 100, workers }, async (store, root) => {
      const next = prng(3);
      const data = randomBytes(next, pieces * 100);
      const verdicts: Promise<PieceVerdict>[] = [];
      for (let i = 0; i < pieces; i++) {
        if (store.freeBuffers === 0) await Promise.all(verdicts);
        const piece = data.subarray(i * 100, i * 100 + 100);
        const isBad = i % 7 === 0;
        verdicts.push(writePiece(store, piece, {
          spans: whole(0, i * 100, 100),
          ...(isBad && { expected: new Uint8Array(20) }),
          wantBlockDigests: i % 5 === 0,
        }));
      }
      const found = await Promise.all(verdicts);
      found.forEach(({ isGood, blockDigests }, i) => {
        assertEquals(isGood, i % 7 !== 0, `piece ${i}`);
        const piece = data.subarray(i * 100, i * 100 + 100);
        const digest = i % 7 === 0 || i % 5 === 0
          ? Uint8Array.from(systemHasher.sha1(piece))
          : undefined;
        assertEquals(blockDigests, digest, `piece ${i}`);
        if (i % 7 === 0) data.fill(0, i * 100, i * 100 + 100);
      });
      assertEquals(await Deno.readFile(`${root}/f`), data);
      const spans = Array.from({ length: pieces }, (_, i) => whole(0, i * 100, 100));
      const { digests, isWhole } = await store.digest(spans);
      assert(isWhole.every((bit) => bit === 1));
      for (let i = 0; i < pieces; i++) {
        const piece = data.subarray(i * 100, i * 100 + 100);
        assertEquals(digests.slice(i * 20, i * 20 + 20), Uint8Array.from(systemHasher.sha1(piece)));
      }
    });
  });

  Deno.test(name("read() gives what was written, in pieces of any size"), async () => {
    const length = 700_000;
    const files = [{ path: ["f"], length }];
    await withStore({ files, pieceBytes: length, workers }, async (store) => {
      const data = randomBytes(prng(4), length);
      await store.write(0, 0, data);
      const into = new Uint8Array(length);
      assertEquals(await store.read(0, 0, into), length);
      assertEquals(into, data);
      assertEquals(await store.read(0, length - 10, into), 10);
      assertEquals(await store.read(0, length, into), 0);
      const reads = Array.from({ length: 50 }, async (_, i) => {
        const some = new Uint8Array(1000);
        assertEquals(await store.read(0, i * 5000, some), 1000);
        assertEquals(some, data.slice(i * 5000, i * 5000 + 1000));
      });
      await Promise.all(reads);
    });
  });

  Deno.test(name("stat(), createEmpty() and sync() see what there is"), async () => {
    const files = [...FILES, { path: ["t", "empty"], length: 0 }];
    await withStore({ files, workers }, async (store, root) => {
      assertEquals(await store.statMany([0, 1, 2, 3]), [
        undefined,
        undefined,
        undefined,
        undefined,
      ]);
      await store.sync();
      await store.createEmpty(3);
      await store.write(2, 5, new Uint8Array(10));
      await store.sync([0, 1, 2, 3]);
      const found = await store.statMany([3, 0, 2]);
      assertEquals(found.map((stat) => stat && "size" in stat && stat.size), [0, undefined, 1000]);
      const { mtime, ino } = await Deno.stat(`${root}/c`);
      assertEquals(await store.stat(2), { size: 1000, mtimeMs: mtime!.getTime(), id: ino! });
      assertEquals(await store.stat(1), undefined);
      assertEquals(await store.read(1, 0, new Uint8Array(1)), 0);
    });
  });
}

Deno.test("write() sizes a file at once, or not, as the allocation has it", async () => {
  for (const allocation of ["sparse", "full", "none"] as const) {
    await withStore({ files: FILES, allocation }, async (store, root) => {
      await store.write(2, 10, Uint8Array.of(1));
      const { size } = await Deno.stat(`${root}/c`);
      assertEquals(size, allocation === "none" ? 11 : 1000);
    });
  }
});

Deno.test("write() makes a shorter file longer and keeps what it has", async () => {
  await withStore({ files: FILES }, async (store, root) => {
    await Deno.mkdir(root);
    await Deno.writeFile(`${root}/c`, new Uint8Array(20).fill(7));
    await store.write(2, 500, Uint8Array.of(1));
    const bytes = await Deno.readFile(`${root}/c`);
    assertEquals([bytes.length, bytes[19], bytes[20], bytes[500]], [1000, 7, 0, 1]);
  });
});

Deno.test("write() refuses a file that is longer than the torrent says", async () => {
  await withStore({ files: FILES }, async (store, root) => {
    await Deno.mkdir(root);
    await Deno.writeFile(`${root}/c`, new Uint8Array(1001));
    const error = await assertRejects(() => store.write(2, 0, new Uint8Array(1)), DiskError);
    assertEquals(error.kind, "in-the-way");
    assertEquals(
      error.message,
      `Cannot write "${root}/c": it has 1001 bytes where the torrent says 1000`,
    );
    assert(error.hint !== undefined);
    assertEquals((await Deno.stat(`${root}/c`)).size, 1001);
  });
});

Deno.test("reserve() takes the space and keeps what is there", async () => {
  const length = 3_000_000;
  const files = [{ path: ["f"], length }, { path: ["g"], length: 5 }];
  await withStore({ files, allocation: "full" }, async (store, root) => {
    await store.write(0, 2_000_000, new Uint8Array(10).fill(7));
    await store.reserve([0, 1]);
    const { size, blocks } = await Deno.stat(`${root}/f`);
    assertEquals(size, length);
    if (blocks !== null) assert(blocks * 512 >= length, `${blocks} blocks`);
    const bytes = await Deno.readFile(`${root}/f`);
    assertEquals(bytes.findIndex((byte) => byte !== 0), 2_000_000);
    assertEquals((await Deno.stat(`${root}/g`)).size, 5);
  });
});

Deno.test("allocate() grants the budget, two pieces at the least, and no more than are of use", async () => {
  const files = [{ path: ["f"], length: 10_000 }];
  const counts: number[] = [];
  for (const bufferBytes of [0, 350, 5_000_000]) {
    await withStore({ files, bufferBytes }, (store) => {
      counts.push(store.freeBuffers);
      const buffers = [];
      for (let b = store.allocate(); b; b = store.allocate()) buffers.push(b);
      assertEquals([buffers.length, store.freeBuffers], [counts.at(-1), 0]);
      assertEquals(new Set(buffers.map(({ bytes }) => bytes.byteOffset)).size, buffers.length);
      for (const buffer of buffers) {
        buffer.release();
        buffer.release();
      }
      assertEquals(store.freeBuffers, counts.at(-1));
      return Promise.resolve();
    });
  }
  assertEquals(counts, [2, 3, 100]);
});

Deno.test("hashThenWrite() refuses a buffer when it is of another store", async () => {
  await withStore({ files: FILES }, async (one) => {
    await withStore({ files: FILES }, async (other) => {
      const buffer = other.allocate()!;
      const job = { buffer, length: 1, expected: new Uint8Array(20), spans: [] };
      await assertRejects(() => one.hashThenWrite(job), BugError);
    });
  });
});

Deno.test("a thousand files do with few descriptors", async () => {
  const files = Array.from(
    { length: 1000 },
    (_, i) => ({ path: [`${i % 10}`, `f${i}`], length: 9 }),
  );
  await withStore({ files, workers: 2 }, async (store, root) => {
    await Promise.all(files.map((_, i) => store.write(i, 0, new Uint8Array(9).fill(i))));
    if (Deno.build.os === "linux") {
      const open = [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => {
        try {
          return Deno.readLinkSync(`/proc/self/fd/${name}`);
        } catch {
          return "";
        }
      }).filter((path) => path.startsWith(root));
      assert(open.length > 0 && open.length <= 64, `${open.length} open`);
    }
    for (const i of [0, 499, 999]) {
      const bytes = await Deno.readFile(`${root}/${files[i]!.path.join("/")}`);
      assertEquals(bytes, new Uint8Array(9).fill(i));
    }
  });
});
