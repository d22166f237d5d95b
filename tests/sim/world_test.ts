/**
 * The simulated world: files, HTTP, and the promise that one seed is one story.
 *
 * @module
 */

import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { concat } from "../../src/base/bytes.ts";
import { DiskError, NetworkError } from "../../src/base/errors.ts";
import type { HttpOptions } from "../../src/ports/http.ts";
import { below, prng, randomBytes } from "../support/prng.ts";
import { sha1 } from "./hasher.ts";
import { SimWorld } from "./world.ts";

const HTTP: HttpOptions = { maxBytes: 1000, timeoutMs: 10_000, maxRedirects: 2 };
const SPEC = {
  root: "/data",
  files: [{ path: ["a"], length: 100 }, { path: ["d", "b"], length: 60 }],
  pieceBytes: 80,
  bufferBytes: 240,
  allocation: "sparse",
} as const;

Deno.test("SimWorld gives the same log and traffic when the seed is the same", async () => {
  const story = async (seed: number) => {
    const world = new SimWorld({ seed });
    const next = prng(seed);
    for (let i = 0; i < 5; i++) {
      const host = world.host(`10.0.0.${i}`, { latencyMs: 5 + i, loss: 0.1, upRate: 100_000 });
      const listener = await host.process.network.listen({ port: 80 });
      (async () => {
        for (let s = await listener.accept(); s; s = await listener.accept()) {
          s.write(host.process.random.bytes(1000));
        }
      })();
    }
    for (let i = 0; i < 30; i++) {
      const { network } = world.host(`10.0.0.${below(next, 5)}`).process;
      const address = { host: `10.0.0.${below(next, 5)}`, port: 80 };
      network.dial(address).then(async (stream) => {
        await stream.read(new Uint8Array(100));
        await world.clock.sleep(below(next, 50));
        stream.close();
      });
      await world.run(below(next, 30));
    }
    await world.run(2000);
    return world.fingerprint();
  };
  const first = await story(7);
  assertEquals(await story(7), first);
  assertNotEquals(await story(8), first);
});

Deno.test("runUntil() tells the seed and the last events when time is up", async () => {
  const world = new SimWorld({ seed: 77 });
  world.log("10.0.0.1", "did something");
  const error = await assertRejects(() => world.runUntil(() => false, { within: 50 }), Error);
  assert(error.message.includes("seed 77") && error.message.includes("did something"));
});

Deno.test("wait() gives what a promise gives, a rejection included", async () => {
  const world = new SimWorld({ seed: 1 });
  assertEquals(await world.wait(world.clock.sleep(10).then(() => 5)), 5);
  await assertRejects(() => world.wait(Promise.reject(new Error("boom"))), Error, "boom");
});

Deno.test("files are written when the digest is right, and outlive the process", async () => {
  const world = new SimWorld({ seed: 1 });
  const host = world.host("10.0.0.1");
  const content = randomBytes(prng(1), 160);
  const spans = [
    [{ file: 0, offset: 0, start: 0, length: 80 }],
    [{ file: 0, offset: 80, start: 0, length: 20 }, { file: 1, offset: 0, start: 20, length: 60 }],
  ];
  const expected = new Uint8Array(40);
  expected.set(sha1(content.subarray(0, 80)));
  expected.set(sha1(content.subarray(80)), 20);

  const store = await world.wait(host.process.files.openStore(SPEC));
  const buffers = [store.allocate()!, store.allocate()!, store.allocate()!];
  assertEquals([store.freeBuffers, store.allocate()], [0, undefined]);
  for (const [i, buffer] of buffers.slice(0, 2).entries()) {
    buffer.bytes.set(content.subarray(80 * i, 80 * i + 80));
    const job = { buffer, length: 80, spans: spans[i]! };
    const bad = await world.wait(store.hashThenWrite({ ...job, expected: new Uint8Array(20) }));
    assertEquals([bad.isGood, bad.blockDigests], [false, expected.slice(20 * i, 20 * i + 20)]);
    const digest = expected.subarray(20 * i, 20 * i + 20);
    assertEquals(await world.wait(store.hashThenWrite({ ...job, expected: digest })), {
      isGood: true,
    });
    buffer.release();
    buffer.release();
  }
  assertEquals(store.freeBuffers, 2);
  assertEquals(host.disk.contents("/data/a"), content.slice(0, 100));
  assertEquals(host.disk.contents("/data/d/b"), content.slice(100));

  const again = await world.wait(host.boot().files.openStore(SPEC));
  assertEquals(await world.wait(again.digest(spans)), {
    digests: expected,
    isWhole: Uint8Array.of(1, 1),
  });
  host.disk.contents("/data/a");
  host.disk.put("/data/a", new Uint8Array(90));
  assertEquals(await world.wait(again.digest(spans)), {
    digests: concat([sha1(new Uint8Array(80)), new Uint8Array(20)]),
    isWhole: Uint8Array.of(1, 0),
  });
  assertEquals((await world.wait(again.stat(0)))?.size, 90);
});

Deno.test("files fail as told: full, read-only, in the way, damaged", async () => {
  const world = new SimWorld({ seed: 1 });
  const { disk, process } = world.host("10.0.0.1");
  const store = await world.wait(process.files.openStore({ ...SPEC, allocation: "none" }));
  const write = (file: number) => world.wait(store.write(file, 0, new Uint8Array(50).fill(9)));
  disk.faults.freeBytes = 60;
  await write(0);
  assertEquals((await assertRejects(() => write(1), DiskError)).kind, "full");
  assertEquals(disk.contents("/data/d/b")?.length, 10);
  disk.faults.freeBytes = Infinity;
  disk.faults.isReadOnly = true;
  assertEquals((await assertRejects(() => write(0), DiskError)).kind, "permission");
  disk.faults.isReadOnly = false;
  disk.files.clear();
  disk.put("/data/d", new Uint8Array(1));
  assertEquals((await assertRejects(() => write(1), DiskError)).kind, "in-the-way");
  disk.obstacles.add("/data/a");
  assertEquals(
    (await assertRejects(() => world.wait(store.stat(0)), DiskError)).kind,
    "in-the-way",
  );
  disk.obstacles.clear();
  disk.faults.corruptAfterBytes = 0;
  await write(0);
  assertNotEquals(disk.contents("/data/a")?.[0], 9);
});

Deno.test("a side file is locked by one process and kept for the next", async () => {
  const world = new SimWorld({ seed: 1 });
  const host = world.host("10.0.0.1");
  const open = () => world.wait(host.process.files.openSideFile("/data", ".resume"));
  const file = await open();
  await world.wait(file.write(3, Uint8Array.of(1, 2)));
  assertEquals((await assertRejects(open, DiskError)).kind, "locked");
  host.boot();
  const again = await open();
  const into = new Uint8Array(10);
  assertEquals(await world.wait(again.size()), 5);
  assertEquals(await world.wait(again.read(3, into)), 2);
  await again[Symbol.asyncDispose]();
  const last = await open();
  await world.wait(last.remove());
  assertEquals(host.disk.contents("/data/.resume"), undefined);
});

Deno.test("get() answers after the latency, follows redirects and keeps its caps", async () => {
  const world = new SimWorld({ seed: 1 });
  const server = world.host("10.0.0.2");
  world.network.names.set("t.example", ["10.0.0.2"]);
  const redirect = (to: string) => ({ status: 302, headers: { location: to } });
  server.serve(80, ({ url, headers, from }) => {
    switch (url.pathname) {
      case "/":
        return { body: new TextEncoder().encode(`${from} ${headers["x-a"]}`) };
      case "/there":
        return redirect("/");
      case "/loop":
        return redirect("/loop");
      case "/file":
        return redirect("file:///etc/passwd");
      case "/bomb":
        return { bodyBytes: 1e12 };
      case "/drip":
        return { bodyBytes: 900, rate: 10 };
      case "/never":
        return { never: true };
      default:
        return { status: 404 };
    }
  });
  const { http } = world.host("10.0.0.1").process;
  const get = (path: string, more: Partial<HttpOptions> = {}) =>
    world.wait(http.get(`http://t.example${path}`, { ...HTTP, ...more }));
  const kind = async (path: string, more: Partial<HttpOptions> = {}) =>
    (await assertRejects(() => get(path, more), NetworkError)).kind;

  const answer = await get("/there", { headers: { "x-a": "b" } });
  assertEquals([answer.status, answer.url], [200, "http://t.example/"]);
  assertEquals(new TextDecoder().decode(answer.body), "10.0.0.1 b");
  assertEquals(world.clock.now(), 160);
  assertEquals((await get("/gone")).status, 404);
  assertEquals(await kind("/loop"), "policy");
  assertEquals(await kind("/file"), "policy");
  assertEquals(await kind("/there", { mayRedirect: () => false }), "policy");
  assertEquals(await kind("/there", { maxRedirects: 0 }), "policy");
  assertEquals(await kind("/bomb"), "too-large");
  assertEquals(await kind("/drip"), "timeout");
  assertEquals(await kind("/never"), "timeout");
  const lost = (url: string) => world.wait(http.get(url, HTTP));
  assertEquals(
    (await assertRejects(() => lost("http://10.0.0.2:81/"), NetworkError)).kind,
    "refused",
  );
  assertEquals((await assertRejects(() => lost("http://10.9.9.9/"), NetworkError)).kind, "timeout");
  assertEquals(
    (await assertRejects(() => lost("http://no.example/"), NetworkError)).kind,
    "unreachable",
  );
  const controller = new AbortController();
  const aborted = http.get("http://t.example/never", { ...HTTP, signal: controller.signal });
  controller.abort(new Error("enough"));
  await assertRejects(() => world.wait(aborted), Error, "enough");
});
