/**
 * Does the same disk work without Workers and in one, and prints what it found: run by
 * `disk_worker_test.ts` in every form a program can have.
 *
 * @module
 */

import { DiskPool } from "../../../src/platform/disk_pool.ts";
import { isDiskWorker, startDiskWorker } from "../../../src/platform/disk_worker.ts";
import { PooledStore } from "../../../src/platform/file_store.ts";
import { systemHasher } from "../../../src/platform/hasher.ts";
import type { HashLanes } from "../../../src/platform/piece_hasher.ts";

const PIECE = 100_000;
const PIECES = 20;

if (!isDiskWorker()) {
  await answers();
  const folder = Deno.args[0]!;
  for (const workers of [0, 2]) {
    for (const lanes of [1, 4, 8] as const) {
      console.log(
        `${workers} ${lanes} ${await work(`${folder}/${workers}-${lanes}`, workers, lanes)}`,
      );
    }
  }
}

// A Worker that answers for itself: nothing here would fall back to this thread.
async function answers(): Promise<void> {
  const worker = startDiskWorker();
  const answer = new Promise<MessageEvent>((resolve, reject) => {
    worker.onmessage = resolve;
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
  });
  worker.postMessage({ type: "sync", store: 1, id: 7 });
  console.log(`worker ${(await answer).data.id}`);
  worker.terminate();
}

async function work(root: string, workers: number, lanes: HashLanes): Promise<string> {
  using pool = new DiskPool(workers, { hashLanes: lanes });
  const files = [{ path: ["a"], length: PIECE * PIECES - 7 }, { path: ["d", "b"], length: 7 }];
  const store = new PooledStore({
    root,
    files,
    pieceBytes: PIECE,
    bufferBytes: PIECE * PIECES,
    allocation: "sparse",
  }, { heavy: pool, light: pool });
  const spans = Array.from(
    { length: PIECES },
    (_, i) =>
      i < PIECES - 1 ? [{ file: 0, offset: i * PIECE, start: 0, length: PIECE }] : [
        { file: 0, offset: i * PIECE, start: 0, length: PIECE - 7 },
        { file: 1, offset: 0, start: PIECE - 7, length: 7 },
      ],
  );
  await Promise.all(spans.map(async (some, i) => {
    const buffer = store.allocate()!;
    buffer.bytes.forEach((_, at) => buffer.bytes[at] = at * 31 + i);
    const expected = systemHasher.sha1(buffer.bytes);
    const job = { buffer, length: PIECE, expected, spans: some };
    if (!(await store.hashThenWrite(job)).isGood) throw new Error(`piece ${i} is bad`);
  }));
  const { digests, isWhole } = await store.digest(spans);
  await store[Symbol.asyncDispose]();
  const all = new Uint8Array(digests.length + isWhole.length);
  all.set(digests);
  all.set(isWhole, digests.length);
  return systemHasher.sha1(all).join("-");
}
