/**
 * Streams of files: bytes in order while they arrive, with a disk below or in memory alone.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertLess,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { concat, equalBytes } from "../../src/base/bytes.ts";
import { BugError, OptionsError, StreamError } from "../../src/base/errors.ts";
import type { TorrentDisk } from "../../src/disk/torrent_disk.ts";
import { Streams } from "../../src/session/streams.ts";
import { type Download, scene } from "../sim/download.ts";
import { makeTorrent } from "../sim/torrents.ts";
import { SimWorld } from "../sim/world.ts";

const PIECE = 32_768;
/** Memory for four pieces. */
const FOUR = { session: { bufferBytes: 4 * PIECE }, isInMemory: true } as const;

/** Reads a stream to its end in world time. */
async function readAll(
  world: SimWorld,
  stream: ReadableStream<Uint8Array>,
  within = 60_000,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  const reading = (async () => {
    for await (const chunk of stream) chunks.push(chunk);
  })();
  await world.wait(reading, { within });
  return concat(chunks);
}

/** Reads one chunk in world time. */
function readOne(world: SimWorld, reader: ReadableStreamDefaultReader<Uint8Array>) {
  return world.wait(reader.read(), { within: 60_000 });
}

function held(download: Download): number {
  return download.stats.pieceMap.filter((state) => state === 1).length;
}

Deno.test("a stream gives a file in order while it is downloaded, and the file is there as well", async () => {
  const content = makeTorrent({ length: 4 << 20, pieceLength: PIECE });
  const link = { upRate: 1_000_000 };
  const { world, download } = await scene({
    seed: 1,
    content,
    peers: [{ link }, { link }, { link }],
  });
  const reader = download.torrent.stream(0).getReader();
  const first = await readOne(world, reader);
  assertEquals(first.value, content.content.slice(0, PIECE));
  assertLess(held(download), 40);
  reader.releaseLock();
  await reader.closed.catch(() => {});
  await download.close();
});

Deno.test("a stream with a disk ends with all bytes, and the download is complete", async () => {
  const content = makeTorrent({ length: 1 << 20, pieceLength: PIECE });
  const { world, download } = await scene({ seed: 2, content, peers: [{}, {}] });
  const bytes = await readAll(world, download.torrent.stream(0));
  assert(equalBytes(bytes, content.content));
  assertEquals(await download.outcome(10_000), { kind: "complete" });
  download.assertFiles();
  await download.close();
});

Deno.test("a download waits for who reads it, and ends when he leaves", async () => {
  const content = makeTorrent({ length: 1 << 20, pieceLength: PIECE });
  const { world, download } = await scene({ seed: 3, content, peers: [{}] });
  const stream = download.torrent.stream(0);
  await world.run(30_000);
  assertEquals([download.ended, held(download)], [undefined, 32]);
  await stream.cancel();
  assertEquals(await download.outcome(1_000), { kind: "complete" });
  await download.close();
});

Deno.test("a stream begins in the middle and its pieces come first", async () => {
  const content = makeTorrent({ length: 4 << 20, pieceLength: PIECE });
  const { world, peers, download } = await scene({
    seed: 4,
    content,
    peers: [{ link: { upRate: 400_000 } }],
  });
  const start = 3_000_000;
  const reader = download.torrent.stream(0, { start }).getReader();
  const { value } = await readOne(world, reader);
  const piece = Math.floor(start / PIECE);
  assertEquals(value, content.content.slice(start, (piece + 1) * PIECE));
  const asked = new Set(peers[0]!.requests.slice(0, 20).map((request) => request.piece));
  assertEquals(Math.min(...asked), piece);
  await reader.cancel();
  assertEquals(await download.outcome(60_000), { kind: "complete" });
  await download.close();
});

Deno.test("a stream of what is there already asks nobody", async () => {
  const content = makeTorrent();
  const { world, host, download } = await complete(content);
  const again = await (await import("../sim/download.ts")).Download.start(host, content, {
    peers: [],
  });
  const bytes = await readAll(world, again.torrent.stream(0));
  assert(equalBytes(bytes, content.content));
  assertEquals(await again.outcome(1_000), { kind: "complete" });
  await again.close();
  await download.close();
});

async function complete(content: ReturnType<typeof makeTorrent>) {
  const { world, download } = await scene({ seed: 5, content, peers: [{}] });
  await download.outcome(60_000);
  return { world, host: download.host, download };
}

Deno.test("stream() refuses what cannot be streamed", async () => {
  const content = makeTorrent({
    files: [{ path: "a", length: 50_000 }, { path: "b", length: 50_000 }],
  });
  const { download } = await scene({ seed: 6, content, selection: [1], peers: [{}], ...FOUR });
  for (const [file, options] of [[0, {}], [2, {}], [1, { start: 50_001 }]] as const) {
    assertThrows(() => download.torrent.stream(file, options), OptionsError);
  }
  download.torrent.stream(1);
  assertThrows(() => download.torrent.stream(1), OptionsError);
  await download.close();
});

Deno.test("a stream in memory gives a file byte for byte and writes nothing", async () => {
  const content = makeTorrent({
    files: [{ path: "a", length: 100_000 }, { path: "b", length: 1_000_000 }, {
      path: "c",
      length: 77_000,
    }],
    pieceLength: PIECE,
  });
  const link = { upRate: 300_000 };
  const { world, download } = await scene({
    seed: 7,
    content,
    selection: [1],
    peers: [{ link, fast: true }, { link }, { link: { upRate: 20_000 } }],
    ...FOUR,
  });
  const bytes = await readAll(world, download.torrent.stream(1));
  assert(equalBytes(bytes, content.content.subarray(100_000, 1_100_000)));
  assertEquals(await download.outcome(1_000), { kind: "complete" });
  assertEquals([download.host.disk.bytesWritten, download.host.disk.files.size], [0, 0]);
  await download.close();
  assertEquals(download.host.sockets, 0);
});

Deno.test("a stream in memory asks for no more than the window while nobody reads", async () => {
  const content = makeTorrent({ length: 2 << 20, pieceLength: PIECE });
  const { world, peers, download } = await scene({
    seed: 8,
    content,
    peers: [{ fast: true }, {}],
    stallTimeoutMs: 20_000,
    ...FOUR,
  });
  await world.run(5_000);
  assertEquals(held(download), 0);
  const reader = download.torrent.stream(0).getReader();
  await world.run(120_000);
  assertEquals([held(download), download.ended], [4, undefined]);
  const asked = () => new Set(peers.flatMap((p) => p.requests.map(({ piece }) => piece)));
  assertEquals([...asked()].sort((a, b) => a - b), [0, 1, 2, 3]);
  assertEquals(peers[0]!.requests.length + peers[1]!.requests.length, 8);
  const chunks: Uint8Array[] = [];
  for (let read = await readOne(world, reader); !read.done; read = await readOne(world, reader)) {
    chunks.push(read.value);
    await world.run(200);
    assertLess(Math.max(...asked()) - chunks.length, 5);
  }
  assert(equalBytes(concat(chunks), content.content));
  assertEquals(await download.outcome(1_000), { kind: "complete" });
  // The endgame of the last pieces.
  assertLess(download.stats.bytesWasted, 5 * 16_384);
  await download.close();
});

Deno.test("a stream in memory stalls when nobody gives, not when nobody reads", async () => {
  const content = makeTorrent({ length: 1 << 20, pieceLength: PIECE });
  const { world, download } = await scene({
    seed: 9,
    content,
    peers: [{ stallAfter: 20 }],
    stallTimeoutMs: 20_000,
    ...FOUR,
  });
  const reader = download.torrent.stream(0).getReader();
  await world.run(100_000);
  assertEquals(download.ended, undefined);
  let bytes = 0;
  const reading = (async () => {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      bytes += read.value.length;
    }
  })();
  const error = await assertRejects(() => world.wait(reading), StreamError);
  assertEquals([error.reason, bytes], ["stalled", 10 * PIECE]);
  const outcome = await download.outcome(1_000);
  assert(outcome.kind === "failed" && outcome.reason === "stalled");
  await download.close();
});

Deno.test("a stream that nobody reads runs out of time with the reason", async () => {
  const content = makeTorrent({ length: 1 << 20, pieceLength: PIECE });
  const { download } = await scene({ seed: 14, content, peers: [{}], timeoutMs: 30_000, ...FOUR });
  download.torrent.stream(0);
  const outcome = await download.outcome(60_000);
  assert(outcome.kind === "failed" && outcome.reason === "timeout");
  assertEquals(outcome.message, "not done after 30 s: what was fetched is waiting to be read");
  assertEquals(outcome.hint?.includes("begins anew"), true);
  await download.close();
});

Deno.test("a torrent that is out of time says how long it had, whatever was over before", async () => {
  const content = makeTorrent({ length: 1 << 20, pieceLength: PIECE });
  const time = { timeoutMs: 30_000, usedMs: 29_900 };
  const { download } = await scene({ seed: 14, content, peers: [{}], ...time, ...FOUR });
  download.torrent.stream(0);
  const outcome = await download.outcome(1000);
  assert(outcome.kind === "failed" && outcome.reason === "timeout");
  assertStringIncludes(outcome.message, "not done after 30 s");
  await download.close();
});

Deno.test("a stream in memory survives lies, and gives none", async () => {
  const content = makeTorrent({ length: 1 << 20, pieceLength: PIECE });
  const { world, download } = await scene({
    seed: 10,
    content,
    peers: [
      { spoil: (block, _request, count) => count % 7 === 3 && void (block[0]! ^= 1) },
      { link: { upRate: 200_000 } },
    ],
    ...FOUR,
  });
  const bytes = await readAll(world, download.torrent.stream(0));
  assert(equalBytes(bytes, content.content));
  await download.outcome(1_000);
  await download.close();
});

Deno.test("a stream in memory that is cancelled leaves room for another, anywhere", async () => {
  const content = makeTorrent({ length: 1 << 20, pieceLength: PIECE });
  const { world, download } = await scene({
    seed: 11,
    content,
    peers: [{ link: { upRate: 300_000 } }, { fast: true, link: { upRate: 300_000 } }],
    ...FOUR,
  });
  for (const start of [700_000, 5, 900_000, 0]) {
    const reader = download.torrent.stream(0, { start }).getReader();
    const { value } = await readOne(world, reader);
    const end = (Math.floor(start / PIECE) + 1) * PIECE;
    assertEquals(value, content.content.slice(start, end));
    await reader.cancel();
  }
  const bytes = await readAll(world, download.torrent.stream(0));
  assert(equalBytes(bytes, content.content));
  assertEquals(await download.outcome(1_000), { kind: "complete" });
  await download.close();
});

Deno.test("a stream breaks off when its torrent is stopped or its signal aborts", async () => {
  const content = makeTorrent({ length: 1 << 20, pieceLength: PIECE });
  const { world, download } = await scene({
    seed: 12,
    content,
    peers: [{ link: { upRate: 50_000 } }],
    ...FOUR,
  });
  const ended = new AbortController();
  const first = download.torrent.stream(0, { signal: ended.signal });
  const reading = readAll(world, first);
  ended.abort(new Error("enough"));
  await assertRejects(() => reading, Error, "enough");
  const second = readAll(world, download.torrent.stream(0));
  const stopping = download.torrent.stop();
  const error = await assertRejects(() => second, StreamError);
  assertEquals(error.reason, "stopped");
  await world.wait(stopping);
  const late = readAll(world, download.torrent.stream(0));
  await assertRejects(() => late, StreamError);
  await download.close();
});

Deno.test("a stream in memory does not wait for the slowest of its peers", async () => {
  const content = makeTorrent({ length: 8 << 20, pieceLength: 4 * PIECE });
  const { world, download } = await scene({
    seed: 13,
    content,
    isInMemory: true,
    session: { bufferBytes: 16 * 4 * PIECE },
    peers: [
      { link: { upRate: 2_000_000 } },
      { link: { upRate: 1_000_000 } },
      { link: { upRate: 10_000 } },
      { link: { upRate: 10_000 } },
      { stallAfter: 30, link: { upRate: 1_000_000 } },
    ],
  });
  const before = world.clock.now();
  const bytes = await readAll(world, download.torrent.stream(0));
  assert(equalBytes(bytes, content.content));
  // 8 MiB at 3 MB/s are 2.8 s; the peer that stalls holds things up before it is known for it.
  assertLess(world.clock.now() - before, 6_000);
  await download.outcome(1_000);
  await download.close();
});

Deno.test("a stream that breaks off on a missing piece holds nobody up", async () => {
  const { clock } = new SimWorld({ seed: 1 });
  const { metainfo } = makeTorrent();
  const host = { metainfo, clock, isInMemory: false, isSelected: () => true, onMoved() {} };
  const streams = new Streams(host);
  const disk = { have: { has: () => false } } as unknown as TorrentDisk;
  streams.attach({ disk, swarm: undefined });
  const stream = streams.open(0, {});
  const over = streams.over();
  await assertRejects(() => stream.getReader().read(), BugError);
  await over;
});

Deno.test("a stream that is over has let go of the signal it was opened with", async () => {
  const { clock } = new SimWorld({ seed: 1 });
  const { metainfo } = makeTorrent();
  const host = { metainfo, clock, isInMemory: false, isSelected: () => true, onMoved() {} };
  const streams = new Streams(host);
  const { signal } = new AbortController();
  let listeners = 0;
  signal.addEventListener = () => void listeners++;
  signal.removeEventListener = () => void listeners--;
  const stream = streams.open(0, { signal });
  assertEquals(listeners, 1);
  streams.end({ kind: "stopped" });
  assertEquals(listeners, 0);
  await assertRejects(() => stream.getReader().read(), StreamError);
});
