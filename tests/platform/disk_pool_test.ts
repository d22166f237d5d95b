/**
 * The pool: four lanes or one make no difference, and nothing that was asked stays unanswered.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { BugError } from "../../src/base/errors.ts";
import { DiskPool } from "../../src/platform/disk_pool.ts";
import { PooledStore } from "../../src/platform/file_store.ts";
import { openWorld } from "../../src/platform/mod.ts";
import { setImmediate } from "node:timers";
import { withFolder } from "../support/folder.ts";
import { below, prng, randomBytes } from "../support/prng.ts";
import { whole, writePiece } from "./support/store.ts";

const PIECE = 1000;
const PIECES = 60;
const FILES = [{ path: ["f"], length: PIECE * PIECES - 1 }];

async function withPool(
  pool: DiskPool,
  body: (store: PooledStore, root: string) => Promise<void>,
  buffers = 7,
): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "starling-" });
  const spec = { root, files: FILES, pieceBytes: PIECE, bufferBytes: buffers * PIECE };
  try {
    await using store = new PooledStore({ ...spec, allocation: "sparse" }, {
      heavy: pool,
      light: pool,
    });
    await body(store, root);
  } finally {
    pool[Symbol.dispose]();
    await Deno.remove(root, { recursive: true });
  }
}

function bytesOf(piece: number): number {
  return piece === PIECES - 1 ? PIECE - 1 : PIECE;
}

for (const workers of [0, 2]) {
  for (const hashLanes of [1, 4, 8] as const) {
    const name = `${workers} workers${hashLanes > 1 ? `, ${hashLanes} pieces at a time` : ""}`;

    Deno.test(`the pool writes pieces as they come with ${name}`, async () => {
      await withPool(new DiskPool(workers, { hashLanes }), async (store, root) => {
        const next = prng(workers);
        const data = randomBytes(next, FILES[0]!.length);
        const busy = new Set<Promise<void>>();
        for (let i = 0; i < PIECES; i++) {
          while (store.freeBuffers === 0 || next() < 0.1 && busy.size > 0) await Promise.race(busy);
          const begin = i * PIECE;
          const piece = data.subarray(begin, begin + bytesOf(i));
          const isBad = below(next, 9) === 0;
          const expected = isBad ? { expected: new Uint8Array(20) } : {};
          const spans = whole(0, begin, piece.length);
          const work = writePiece(store, piece, { spans, ...expected }).then(({ isGood }) => {
            assertEquals(isGood, !isBad);
            if (isBad) piece.fill(0);
            busy.delete(work);
          });
          busy.add(work);
        }
        await Promise.all(busy);
        assertEquals(await Deno.readFile(`${root}/f`), data);
      });
    });
  }
}

Deno.test("the pool writes only good pieces when the calling thread helps to hash", async () => {
  // The Worker needs its time to come up, in which pieces pile up.
  await withPool(new DiskPool(1, { hashLanes: 4 }), async (store, root) => {
    const next = prng(5);
    const data = randomBytes(next, FILES[0]!.length);
    const work: Promise<void>[] = [];
    for (let i = 0; i < PIECES; i++) {
      const begin = i * PIECE;
      const piece = data.subarray(begin, begin + bytesOf(i));
      const isBad = i % 7 === 3;
      const expected = isBad ? { expected: new Uint8Array(20) } : {};
      const spans = whole(0, begin, piece.length);
      work.push(
        writePiece(store, piece, { spans, ...expected }).then(({ isGood, blockDigests }) => {
          assertEquals(isGood, !isBad, `piece ${i}`);
          assertEquals(blockDigests !== undefined, isBad, "whoever sent it is to be found");
        }),
      );
      // One at a time to the pool, as they come from peers.
      await Promise.resolve();
    }
    await Promise.all(work);
    for (let i = 3; i < PIECES; i += 7) data.fill(0, i * PIECE, i * PIECE + bytesOf(i));
    assertEquals(await Deno.readFile(`${root}/f`), data);
  }, PIECES);
});

Deno.test("pieces wait a moment for others that are being received, to be hashed with them", async () => {
  const timers: (() => void)[] = [];
  const { setTimeout } = globalThis;
  await withPool(new DiskPool(0, { hashLanes: 4 }), async (store) => {
    const spans = whole(0, 0, PIECE);
    const coming = [store.allocate()!, store.allocate()!];
    globalThis.setTimeout = ((work: () => void) =>
      timers.push(work)) as unknown as typeof setTimeout;
    try {
      let settled = 0;
      const write = () => writePiece(store, new Uint8Array(PIECE), { spans }).then(() => settled++);
      const first = write();
      // An answer that was asked for later has come, with whatever else there was to do.
      await store.stat(0).catch(() => {});
      assertEquals([settled, timers.length], [1, 0], "other work takes it along");
      const second = write();
      await new Promise((resolve) => setImmediate(resolve));
      await new Promise((resolve) => setImmediate(resolve));
      assertEquals([settled, timers.length], [1, 1], "it waits");
      timers[0]!();
      await second;
      const third = write();
      for (const buffer of coming) buffer.release();
      // The last piece of all has nobody to wait for.
      const fourth = write();
      await Promise.all([first, third, fourth]);
      assertEquals(settled, 4);
    } finally {
      globalThis.setTimeout = setTimeout;
    }
  });
});

Deno.test("a pool that was ended refuses, and fails what it owes", async () => {
  for (const workers of [0, 1]) {
    const pool = new DiskPool(workers);
    await withPool(pool, async (store) => {
      const write = writePiece(store, new Uint8Array(10), { spans: [] });
      const stat = store.stat(0);
      pool[Symbol.dispose]();
      await assertRejects(() => write, BugError);
      await assertRejects(() => stat, BugError);
      await assertRejects(() => store.stat(0), BugError);
    });
  }
});

Deno.test("a store that was closed refuses, and may be closed twice", async () => {
  await withPool(new DiskPool(0), async (store) => {
    await store.write(0, 0, new Uint8Array(1));
    await store[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    await assertRejects(() => store.stat(0), BugError);
  });
});

Deno.test("the pool serves on this thread when no Worker can be had", async () => {
  const { Worker } = globalThis;
  globalThis.Worker = class {
    constructor() {
      throw new Error("no Workers here");
    }
  } as unknown as typeof Worker;
  try {
    await withPool(new DiskPool(2), async (store) => {
      await store.write(0, 0, new Uint8Array(1));
      assertEquals((await store.stat(0))?.size, FILES[0]!.length);
    });
  } finally {
    globalThis.Worker = Worker;
  }
});

Deno.test("a look at a file starts no second Worker while pieces wait", async () => {
  const { Worker } = globalThis;
  let started = 0;
  globalThis.Worker = class {
    constructor() {
      started++;
    }
    postMessage(): void {}
    terminate(): void {}
  } as unknown as typeof Worker;
  Object.defineProperty(navigator, "hardwareConcurrency", { value: 2, configurable: true });
  const pool = new DiskPool(2, { hashLanes: 4 });
  const work: Promise<unknown>[] = [];
  try {
    const shared = new SharedArrayBuffer(4);
    const files = { paths: shared, ends: shared, lengths: shared };
    const store = pool.open(
      { root: "/", files, pieceBytes: 2 ** 20, allocation: "sparse", followsLinks: false },
      {
        pieces: shared,
        wasm: undefined,
        stage: shared,
        seen: shared,
        control: shared,
        guard: shared,
      },
    );
    const buffer = { bytes: new Uint8Array(0), put: () => {}, release: () => {} };
    const job = { buffer, length: 2 ** 20, expected: new Uint8Array(20), spans: [] };
    for (let slot = 0; slot < 20; slot++) {
      work.push(pool.writePieces({ store, slotOf: () => slot }, [job], () => {}));
    }
    await Promise.resolve();
    work.push(pool.request({ type: "stat", store, files: new Float64Array(1) }));
    work.push(
      pool.request({ type: "stat", store, files: new Float64Array(1) }, { isUrgent: true }),
    );
    await Promise.resolve();
    assertEquals(started, 1);
  } finally {
    globalThis.Worker = Worker;
    delete (navigator as { hardwareConcurrency?: number }).hardwareConcurrency;
    pool[Symbol.dispose]();
    for (const { status } of await Promise.allSettled(work)) assertEquals(status, "rejected");
  }
});

Deno.test("digest() gives up soon when the store is closed", async () => {
  const length = 400_000_000;
  await withFolder(async (root) => {
    await Deno.writeFile(`${root}/f`, new Uint8Array(0));
    await Deno.truncate(`${root}/f`, length);
    await using world = openWorld({ workers: 1 });
    const store = await world.files.openStore({
      root,
      files: [{ path: ["f"], length }],
      pieceBytes: length / 4,
      bufferBytes: 0,
      allocation: "sparse",
    });
    const spans = [0, 1, 2, 3].map((i) => whole(0, i * length / 4, length / 4));
    const digest = store.digest(spans);
    // It is sent at the end of this turn.
    await new Promise((resolve) => setTimeout(resolve, 0));
    await store[Symbol.asyncDispose]();
    const { isWhole } = await digest;
    assert(!isWhole.every((bit) => bit === 1));
  });
});
