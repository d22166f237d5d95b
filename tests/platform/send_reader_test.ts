/**
 * Reading for peers: spans of many files straight to where they leave from, here and in Workers.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { DiskError } from "../../src/base/errors.ts";
import { toPlain } from "../../src/platform/disk_errors.ts";
import type { Reply } from "../../src/platform/disk_messages.ts";
import { DiskService } from "../../src/platform/disk_service.ts";
import { packFiles } from "../../src/platform/packed_files.ts";
import { type ReadPool, SendReader } from "../../src/platform/send_reader.ts";
import { guardBytes } from "../../src/platform/write_guard.ts";
import { SpanList } from "../../src/metainfo/span_list.ts";
import { type FileStore, SEND_BYTES, type SpanFault } from "../../src/ports/disk.ts";
import { prng, randomBytes } from "../support/prng.ts";
import { withStore } from "./support/store.ts";

const FILES = [
  { path: ["t", "a"], length: 50_000 },
  { path: ["t", "sub", "b"], length: 40 },
  { path: ["c"], length: 1000 },
];

const DATA = FILES.map(({ length }, i) => randomBytes(prng(i + 1), length));

async function put(root: string): Promise<number[]> {
  await Deno.mkdir(`${root}/t/sub`, { recursive: true });
  const times: number[] = [];
  for (const [i, { path }] of FILES.entries()) {
    const where = `${root}/${path.join("/")}`;
    await Deno.writeFile(where, DATA[i]!);
    times.push((await Deno.stat(where)).mtime!.getTime());
  }
  return times;
}

type Row = readonly [
  file: number,
  offset: number,
  start: number,
  length: number,
  time?: number | undefined,
];

function listOf(rows: readonly Row[]): SpanList {
  const spans = new SpanList();
  rows.forEach(([file, offset, start, length, time], i) => {
    spans.push(file, offset, start, length);
    if (time !== undefined) spans.expect(i, time);
  });
  return spans;
}

async function gather(
  store: FileStore,
  rows: readonly Row[],
): Promise<{ bytes: Uint8Array; faults: [number, string][] }> {
  const buffer = store.sendBuffer();
  buffer.bytes.fill(7);
  const faults = await store.gather(buffer, listOf(rows));
  const bytes = buffer.bytes.slice();
  buffer.release();
  return { bytes, faults: faults.map(({ row, error }: SpanFault) => [row, error.kind]) };
}

Deno.test("sendBuffer() gives memory again that was released, and never to two", async () => {
  await withStore({ files: FILES }, (store) => {
    const [a, b] = [store.sendBuffer(), store.sendBuffer()];
    assertEquals([a.bytes.length, b.bytes.length], [SEND_BYTES, SEND_BYTES]);
    assert(a.bytes.buffer !== b.bytes.buffer);
    a.release();
    a.release();
    const [c, d] = [store.sendBuffer(), store.sendBuffer()];
    assert(c.bytes.buffer === a.bytes.buffer);
    assert(d.bytes.buffer !== a.bytes.buffer);
    return Promise.resolve();
  });
});

for (const workers of [0, 1, 2]) {
  const name = (text: string) => `${text} (${workers} workers)`;

  Deno.test(name("gather() reads every span to its place and touches nothing else"), async () => {
    await withStore({ files: FILES, workers }, async (store, root) => {
      const times = await put(root);
      const { bytes, faults } = await gather(store, [
        [0, 20_000, 13, 16_384],
        [2, 990, 17_000, 10, times[2]],
        [-1, 0, 17_010, 100],
        [1, 0, 17_110, 40],
        [0, 0, 18_000, 3, times[0]],
      ]);
      assertEquals(faults, []);
      const expected = new Uint8Array(SEND_BYTES).fill(7);
      expected.set(DATA[0]!.subarray(20_000, 36_384), 13);
      expected.set(DATA[2]!.subarray(990), 17_000);
      expected.fill(0, 17_010, 17_110);
      expected.set(DATA[1]!, 17_110);
      expected.set(DATA[0]!.subarray(0, 3), 18_000);
      assertEquals(bytes, expected);
    });
  });

  Deno.test(name("gather() names the spans that are gone, and reads the others"), async () => {
    await withStore({ files: FILES, workers }, async (store, root) => {
      const times = await put(root);
      await Deno.truncate(`${root}/t/a`, 30_000);
      await Deno.remove(`${root}/t/sub/b`);
      const { bytes, faults } = await gather(store, [
        [0, 29_990, 0, 10],
        [0, 29_990, 100, 11],
        [1, 0, 200, 40],
        [2, 5, 300, 10, times[2]],
        [1, 3, 400, 1, times[1]],
      ]);
      assertEquals(faults, [[1, "missing"], [2, "missing"], [4, "missing"]]);
      assertEquals(bytes.slice(0, 10), DATA[0]!.slice(29_990, 30_000));
      assertEquals(bytes.slice(300, 310), DATA[2]!.slice(5, 15));
    });
  });

  Deno.test(name("gather() reads nothing of a file that was changed"), async () => {
    await withStore({ files: FILES, workers }, async (store, root) => {
      const times = await put(root);
      const path = `${root}/c`;
      await Deno.utime(path, 1, times[2]! / 1000 + 60);
      const { bytes, faults } = await gather(store, [[2, 0, 0, 10, times[2]], [0, 0, 20, 5]]);
      assertEquals(faults, [[0, "changed"]]);
      assertEquals(bytes.slice(0, 10), new Uint8Array(10).fill(7));
      const time = (await Deno.stat(path)).mtime!.getTime();
      assertEquals((await gather(store, [[2, 0, 0, 10, time]])).faults, []);
    });
  });

  Deno.test(name("gather() sees the file at the path after forget()"), async () => {
    await withStore({ files: FILES, workers }, async (store, root) => {
      await put(root);
      const before = await gather(store, [[2, 0, 0, 1000]]);
      await Deno.writeFile(`${root}/new`, DATA[2]!.toReversed());
      await Deno.rename(`${root}/new`, `${root}/c`);
      await store.forget(2);
      const { bytes, faults } = await gather(store, [[2, 0, 0, 1000]]);
      assertEquals(faults, []);
      assertEquals(bytes.slice(0, 1000), before.bytes.slice(0, 1000).reverse());
    });
  });

  Deno.test(name("gather() serves many at once"), async () => {
    await withStore({ files: FILES, workers }, async (store, root) => {
      const times = await put(root);
      const work = Array.from({ length: 40 }, async (_, i) => {
        const { bytes, faults } = await gather(store, [[0, i * 1000, i, 5000, times[0]]]);
        assertEquals(faults, []);
        assertEquals(bytes.slice(i, i + 5000), DATA[0]!.slice(i * 1000, i * 1000 + 5000));
      });
      await Promise.all(work);
    });
  });
}

Deno.test("gather() notices another file of the same age at the path within seconds", async () => {
  await withStore({ files: FILES }, async (store, root) => {
    const times = await put(root);
    const path = `${root}/c`;
    // Opened before anybody looked: what is open is not what is there.
    await gather(store, [[2, 0, 0, 1000]]);
    await Deno.writeFile(`${root}/new`, DATA[2]!.toReversed());
    await Deno.utime(`${root}/new`, 1, times[2]! / 1000);
    await Deno.rename(`${root}/new`, path);
    const time = (await Deno.stat(path)).mtime!.getTime();
    const { faults } = await gather(store, [[2, 0, 0, 1000, time]]);
    assertEquals(faults, [[0, "changed"]]);
  });
});

Deno.test("gather() gives a file up that something else has replaced", async () => {
  await withStore({ files: FILES }, async (store, root) => {
    const times = await put(root);
    await Deno.remove(`${root}/c`);
    await Deno.mkdir(`${root}/c`);
    const { faults } = await gather(store, [[2, 0, 0, 10, times[2]], [2, 0, 0, 10]]);
    assertEquals(faults.length, 2);
    assert(faults.every(([, kind]) => kind === "in-the-way"));
  });
});

Deno.test("gather() has done elsewhere what would take too long here, and comes back", async () => {
  const calls: string[] = [];
  let here = [5, 0];
  const reply = (where: string, [done, ms]: number[], fault?: number): Reply => {
    const values = Float64Array.of(done!, ms!);
    if (fault === undefined) return { id: 0, values };
    const error = new DiskError(where, { path: "p", operation: "read", kind: "missing" });
    return { id: 0, values, itemErrors: [{ item: fault, error: toPlain(error) }] };
  };
  const near: ReadPool = {
    isHere: true,
    now: ({ end }) => {
      calls.push(`near ${end}`);
      return reply("near", here, 1);
    },
    request: () => Promise.reject(new Error("not here")),
  };
  const far: ReadPool = {
    isHere: false,
    now: () => {
      throw new Error("not there");
    },
    request: ({ rows, end }) => {
      calls.push(`far ${end} from ${rows[1]}`);
      return Promise.resolve(reply("far", [end, 0.1], 0));
    },
  };
  const reader = new SendReader({ pool: near, store: 1 }, { pool: far, store: 2 });
  const spans = listOf([0, 1, 2, 3, 4].map((i): Row => [0, 10 * i, 10 * i, 10]));
  const faultsOf = async () => {
    const buffer = reader.buffer();
    const faults = await reader.gather(buffer, spans);
    buffer.release();
    return faults.map(({ row, error }) => `${error.message} ${row}`);
  };
  assertEquals(await faultsOf(), ["near 1"]);
  here = [3, 500];
  assertEquals(await faultsOf(), ["near 1", "far 3"]);
  for (let i = 0; i < 15; i++) assertEquals(await faultsOf(), ["far 0"]);
  assertEquals(calls.slice(0, 4), ["near 5", "near 5", "far 2 from 30", "far 5 from 0"]);
  calls.length = 0;
  await faultsOf();
  assertEquals(calls[0], "near 5");
});

Deno.test("gatherSpans() stops when its patience ends, after a few spans", async () => {
  await withStore({ files: FILES }, async (_, root) => {
    await put(root);
    const service = new DiskService();
    const plan = {
      root,
      pieceBytes: 1,
      allocation: "sparse",
      files: packFiles(FILES),
      followsLinks: false,
    } as const;
    const shared = (bytes: number) => new SharedArrayBuffer(bytes);
    const memory = {
      pieces: shared(1),
      stage: shared(1),
      seen: shared(3),
      guard: shared(guardBytes(3)),
      control: shared(8),
      wasm: undefined,
    };
    service.serve({ type: "open", store: 1, plan, memory, hashLanes: 1, maxOpenFiles: 2 });
    const spans = listOf([0, 1, 2, 3, 4, 5].map((i): Row => [0, 10 * i, 10 * i, 10]));
    const ask = (patienceMs: number) =>
      service.serve({
        type: "gather",
        store: 1,
        id: 1,
        rows: spans.numbers,
        end: spans.count,
        memory: shared(SEND_BYTES),
        patienceMs,
      })!.values![0];
    assertEquals([ask(-1), ask(Infinity)], [3, 6]);
    service.serve({ type: "close", store: 1, id: 2 });
  });
});
