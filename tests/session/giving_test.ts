/**
 * What a seed gives, and to whom it gives nothing: requests in every form, peers that do not read, files
 * that somebody changes.
 *
 * @module
 */

import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { ID, message, u32 } from "../sim/raw_wire.ts";
import { Download, OUTPUT } from "../sim/download.ts";
import { type Block, RawLeech } from "../sim/raw_leech.ts";
import { makeTorrent, type TestTorrent } from "../sim/torrents.ts";
import { type SimHost, SimWorld } from "../sim/world.ts";

const SEED = "10.0.0.1";
const BLOCK = 16_384;
const PIECE = 65_536;
const MIB = 1 << 20;

interface Scene {
  readonly world: SimWorld;
  readonly seed: Download;
  readonly torrent: TestTorrent;
  leech(ip: string, options?: Parameters<typeof RawLeech.dial>[3]): Promise<RawLeech>;
}

function put(host: SimHost, { metainfo, content }: TestTorrent): void {
  for (const { path, offset, length } of metainfo.files) {
    host.disk.put(`${OUTPUT}/${path.join("/")}`, content.subarray(offset, offset + length));
  }
}

async function withSeed(
  options: Parameters<typeof Download.start>[2] & {
    readonly number: number;
    readonly torrent?: TestTorrent;
    readonly spoil?: (host: SimHost) => void;
  },
  body: (scene: Scene) => Promise<void>,
): Promise<void> {
  const { number, torrent = makeTorrent({ length: MIB, pieceLength: PIECE }), spoil, ...more } =
    options;
  const world = new SimWorld({ seed: number });
  const host = world.host(SEED);
  put(host, torrent);
  spoil?.(host);
  const seed = await Download.start(host, torrent, { isUploadOnly: true, ...more });
  await world.runUntil(() => seed.stats.state === "seeding", { within: 5_000 });
  const leech = (ip: string, how: Parameters<typeof RawLeech.dial>[3] = { fast: true }) =>
    RawLeech.dial(world.host(ip), SEED, torrent, how);
  await body({ world, seed, torrent, leech });
  await seed.close();
  assertEquals(host.disk.sendBuffers, 0, "all memory has come back");
}

/** All blocks of the 1 MiB torrent. */
const ALL: readonly Block[] = Array.from(
  { length: MIB / BLOCK },
  (_, i) => [Math.floor(i / 4), (i % 4) * BLOCK, BLOCK],
);

Deno.test("a seed gives whatever is asked for, in that order", async () => {
  await withSeed({ number: 1 }, async ({ world, leech, seed }) => {
    const peer = await leech("10.0.0.2");
    await peer.untilUnchoked();
    const asked: Block[] = [[9, 3, 1], [2, 5, BLOCK], [2, 0, PIECE], [15, PIECE - 1, 1], [
      0,
      0,
      7,
    ]];
    peer.ask(...asked, ...ALL.toReversed());
    const isDone = () => peer.blocks.length === asked.length + ALL.length;
    await world.runUntil(isDone, { within: 10_000 });
    assertEquals(peer.blocks, [...asked, ...ALL.toReversed()]);
    assertEquals(seed.stats.bytesUploaded, peer.bytes);
    peer.close();
  });
});

Deno.test("a peer that asks for what cannot be is cut at once", async () => {
  const bad: Record<string, Block> = {
    "bad-index": [16, 0, BLOCK],
    "bad-request: beyond the piece": [0, PIECE - 1, 2],
    "bad-request: no length": [0, 0, 0],
    "bad-request: huge": [0, 0, 131_073],
    "bad-request: past 2^32": [0, 0xffff_ffff, 0xffff_ffff],
  };
  for (const [name, block] of Object.entries(bad)) {
    await withSeed({ number: 2 }, async ({ world, leech, seed }) => {
      const peer = await leech("10.0.0.2");
      await peer.untilUnchoked();
      peer.ask(ALL[0]!, block, ALL[1]!);
      await world.runUntil(() => peer.hasEnded, { within: 2_000 });
      const reason = name.split(":")[0] as "bad-index" | "bad-request";
      assertEquals(seed.stats.closed[reason], 1, name);
      assertLess(peer.blocks.length, 2);
    });
  }
});

Deno.test("a peer that goes on asking for pieces we lack is refused, and cut after a few", async () => {
  const spoil = (host: SimHost) => {
    const path = `${OUTPUT}/t`;
    const bytes = host.disk.contents(path)!;
    bytes[5 * PIECE]! ^= 1;
    host.disk.put(path, bytes);
  };
  await withSeed({ number: 3, spoil }, async ({ world, leech, seed }) => {
    const peer = await leech("10.0.0.2");
    await peer.untilUnchoked();
    for (let i = 0; i < 16; i++) peer.ask([5, 0, BLOCK]);
    peer.ask(ALL[0]!);
    await world.runUntil(() => peer.blocks.length === 1, { within: 2_000 });
    assertEquals(peer.rejects.length, 16);
    peer.ask([5, 0, BLOCK]);
    await world.runUntil(() => peer.hasEnded, { within: 2_000 });
    assertEquals(seed.stats.closed["bad-request"], 1);
  });
});

Deno.test("a peer that asks while it is choked is refused, and cut in the end", async () => {
  await withSeed({ number: 4 }, async ({ world, leech, seed }) => {
    const peer = await leech("10.0.0.2");
    peer.say(message(ID.notInterested));
    await world.run(1_000);
    for (let i = 0; i < 2000; i++) peer.ask(ALL[i % ALL.length]!);
    await world.run(1_000);
    assertEquals([peer.rejects.length, peer.bytes, peer.hasEnded], [2000, 0, false]);
    peer.ask(ALL[0]!);
    await world.runUntil(() => peer.hasEnded, { within: 2_000 });
    assertEquals(seed.stats.closed["flood"], 1);
  });
});

Deno.test("what is cancelled in time is not sent, and refused once", async () => {
  const session = { upLimit: 16_384 };
  await withSeed({ number: 5, session }, async ({ world, leech }) => {
    const peer = await leech("10.0.0.2");
    await peer.untilUnchoked();
    peer.ask(...ALL.slice(0, 8));
    for (const block of [ALL[6]!, ALL[7]!, ALL[7]!, ALL[9]!]) {
      peer.say(message(ID.cancel, block.flatMap(u32)));
    }
    await world.run(20_000);
    assertEquals(peer.blocks, ALL.slice(0, 6));
    assertEquals(peer.rejects, [ALL[6]!, ALL[7]!]);
    peer.close();
  });
});

Deno.test("messages do not wait for the rate limit behind blocks", async () => {
  await withSeed({ number: 6, session: { upLimit: 4_096 } }, async ({ world, leech }) => {
    const peer = await leech("10.0.0.2");
    await peer.untilUnchoked();
    peer.ask(...ALL.slice(0, 20));
    await world.runUntil(() => peer.blocks.length === 2, { within: 20_000 });
    const since = world.clock.now();
    peer.say(message(ID.cancel, ALL[19]!.flatMap(u32)));
    await world.runUntil(() => peer.rejects.length === 1, { within: 5_000 });
    assertLess(world.clock.now() - since, 500);
    peer.close();
  });
});

Deno.test("a peer that asks and never reads costs a bounded amount, and its place in the end", async () => {
  const torrent = makeTorrent({ length: 8 * MIB, pieceLength: 4 * PIECE });
  await withSeed({ number: 7, torrent }, async ({ world, leech, seed }) => {
    const deaf = await Promise.all(
      [2, 3, 4].map((i) => leech(`10.0.0.${i}`, { fast: true, isDeaf: true })),
    );
    const other = await leech("10.0.0.9");
    await other.untilUnchoked();
    for (const peer of deaf) {
      for (let piece = 0; piece < 32; piece++) {
        for (let at = 0; at < 16; at++) peer.ask([piece, at * BLOCK, BLOCK]);
      }
    }
    await world.run(5_000);
    assertEquals(seed.host.disk.sendBuffers, 3);
    other.ask([0, 0, BLOCK]);
    await world.runUntil(() => other.blocks.length === 1, { within: 2_000 });
    // They keep talking, so nothing but their deafness tells them apart.
    for (let i = 0; i < 20; i++) {
      for (const peer of deaf) peer.say(new Uint8Array(4));
      other.say(new Uint8Array(4));
      await world.run(10_000);
    }
    assertEquals(seed.host.disk.sendBuffers, 0);
    assertEquals([seed.stats.peers, seed.stats.closed.idle], [1, 3]);
    other.close();
  });
});

Deno.test("forty leeches at once are all served, with one buffer each at the most", async () => {
  const torrent = makeTorrent({ length: MIB, pieceLength: PIECE });
  const session = { maxPeers: 44 };
  await withSeed({ number: 8, torrent, session }, async ({ world, seed, leech }) => {
    const peers: RawLeech[] = [];
    for (let i = 0; i < 40; i++) peers.push(await leech(`10.0.1.${i + 1}`));
    const asked = new Set<RawLeech>();
    let most = 0;
    await world.runUntil(() => {
      most = Math.max(most, seed.host.disk.sendBuffers);
      for (const peer of peers) {
        if (!peer.isUnchoked || asked.has(peer)) continue;
        asked.add(peer);
        peer.ask(...ALL);
      }
      for (const peer of asked) {
        if (peer.blocks.length === ALL.length && !peer.hasEnded) peer.close();
      }
      return peers.every((peer) => peer.blocks.length === ALL.length);
    }, { within: 1_200_000 });
    assertLess(most, 41);
    assertEquals(seed.stats.bytesUploaded, 40 * MIB);
  });
});

Deno.test("a seed keeps its limit within a twentieth over ten seconds, however many take", async () => {
  const torrent = makeTorrent({ length: 16 * MIB, pieceLength: 4 * PIECE });
  for (const [number, upLimit] of [[9, 200_000], [10, 1_000_000]] as const) {
    await withSeed({ number, torrent, session: { upLimit } }, async ({ world, leech }) => {
      const peers: RawLeech[] = [];
      for (let i = 0; i < 12; i++) peers.push(await leech(`10.0.1.${i + 1}`));
      const served = () => peers.filter((peer) => peer.isUnchoked);
      await world.runUntil(() => served().length >= 4, { within: 60_000 });
      for (const peer of served()) {
        for (let i = 0; i < 300; i++) peer.ask([i >> 4, (i & 15) * BLOCK, BLOCK]);
      }
      await world.run(1_000);
      const sum = () => peers.reduce((all, peer) => all + peer.bytes, 0);
      const before = sum();
      await world.run(10_000);
      const rate = (sum() - before) / 10;
      assert(Math.abs(rate / upLimit - 1) < 0.05, `${rate} of ${upLimit}`);
      for (const peer of peers) peer.close();
    });
  }
});

const FOLDER = makeTorrent({
  pieceLength: PIECE,
  files: [
    { path: "a", length: 4 * PIECE },
    { path: "b", length: 4 * PIECE },
    { path: "c", length: 4 * PIECE },
  ],
});

/** Everything of FOLDER, block by block. */
const FOLDER_BLOCKS: readonly Block[] = ALL.slice(0, 48);

const CHANGES: Record<string, (bytes: Uint8Array) => Uint8Array | undefined> = {
  deleted: () => undefined,
  emptied: () => new Uint8Array(0),
  "cut short": (bytes) => bytes.slice(0, PIECE + 5),
  "replaced by another": (bytes) => bytes.toReversed(),
  "changed in one byte": (bytes) => bytes.with(PIECE + 7, bytes[PIECE + 7]! ^ 1),
};

for (const [what, change] of Object.entries(CHANGES)) {
  Deno.test(`of a file that is ${what} while seeding, nothing wrong is given`, async () => {
    await withSeed({ number: 11, torrent: FOLDER }, async ({ world, seed, leech }) => {
      const peer = await leech("10.0.0.2", { fast: true, extended: true });
      const id = 77;
      const offer = new TextEncoder().encode(`\0d1:md11:lt_donthavei${id}eee`);
      peer.say(message(ID.extended, offer));
      await peer.untilUnchoked();
      peer.ask(FOLDER_BLOCKS[0]!, FOLDER_BLOCKS[20]!);
      await world.runUntil(() => peer.blocks.length === 2, { within: 2_000 });

      const path = `${OUTPUT}/t/b`;
      const before = seed.host.disk.contents(path)!;
      const after = change(before);
      if (after) seed.host.disk.put(path, after, 12_345);
      else seed.host.disk.files.delete(path);
      peer.ask(...FOLDER_BLOCKS);
      const isDone = () =>
        peer.messages.filter(({ id }) => id === ID.piece).length +
            peer.rejects.length === 50;
      await world.runUntil(isDone, { within: 10_000 });

      const good = [0, 1, 2, 3].filter((i) => {
        const [from, to] = [i * PIECE, (i + 1) * PIECE];
        return after && after.length >= to &&
          before.subarray(from, to).every((byte, at) => byte === after[from + at]);
      });
      const lost = [0, 1, 2, 3].filter((i) => !good.includes(i)).map((i) => 4 + i);
      assertEquals(new Set(peer.rejects.map(([piece]) => piece)), new Set(lost));
      assertEquals(
        peer.blocks.length,
        2 + 48 - 4 * lost.length,
        "all else, and only what is right",
      );
      const told = peer.messages.filter(({ id: type, payload }) =>
        type === ID.extended && payload[0] === id
      );
      assertEquals(new Set(told.map(({ payload }) => payload[4]!)), new Set(lost));
      assertEquals(seed.events.filter((event) => event.type === "warning").length, 1);
      assertEquals([seed.ended, seed.stats.state], [undefined, "seeding"]);

      // Who comes later is not offered it; who was offered it is not blamed for asking.
      for (let i = 0; i < 40; i++) peer.ask([lost[0]!, 0, BLOCK]);
      const later = await leech("10.0.0.3");
      await world.run(1_000);
      assertEquals(peer.hasEnded, false);
      const bits = later.messages.find((one) => one.id === ID.bitfield)!.payload;
      for (let piece = 0; piece < 12; piece++) {
        const isOffered = (bits[piece >> 3]! & (0x80 >> (piece & 7))) !== 0;
        assertEquals(isOffered, !lost.includes(piece), `piece ${piece}`);
      }
      peer.close();
      later.close();
    });
  });
}

Deno.test("a peer that cannot be refused is let go when a piece is lost", async () => {
  await withSeed({ number: 12, torrent: FOLDER }, async ({ world, seed, leech }) => {
    const peer = await leech("10.0.0.2", {});
    await peer.untilUnchoked();
    seed.host.disk.files.delete(`${OUTPUT}/t/b`);
    peer.ask([0, 0, BLOCK], [5, 0, BLOCK], [9, 0, BLOCK]);
    await world.runUntil(() => peer.hasEnded, { within: 2_000 });
    assertEquals(peer.blocks.map(([piece]) => piece), [0, 9]);
    assertEquals(seed.stats.closed["no-use"], 1);
  });
});

Deno.test("a file that was only touched is given on", async () => {
  await withSeed({ number: 13, torrent: FOLDER }, async ({ world, seed, leech }) => {
    const peer = await leech("10.0.0.2");
    await peer.untilUnchoked();
    const path = `${OUTPUT}/t/b`;
    seed.host.disk.put(path, seed.host.disk.contents(path)!, 99_999);
    peer.ask(...FOLDER_BLOCKS);
    await world.runUntil(() => peer.blocks.length === 48, { within: 10_000 });
    assertEquals(seed.events.filter((event) => event.type === "warning"), []);
    peer.close();
  });
});

Deno.test("a leech that becomes a seed notices what is changed from then on", async () => {
  const world = new SimWorld({ seed: 14 });
  const seedHost = world.host(SEED);
  put(seedHost, FOLDER);
  await Download.start(seedHost, FOLDER, { isUploadOnly: true });
  const second = await Download.start(world.host("10.0.0.2"), FOLDER, {
    peers: [`${SEED}:6881`],
    seed: true,
  });
  await world.runUntil(() => second.stats.state === "seeding", { within: 60_000 });
  await world.run(1_000);
  const { disk } = second.host;
  const path = `${OUTPUT}/t/c`;
  disk.put(path, disk.contents(path)!.toReversed(), 5);
  const peer = await RawLeech.dial(world.host("10.0.0.3"), "10.0.0.2", FOLDER, { fast: true });
  await peer.untilUnchoked();
  peer.ask(...FOLDER_BLOCKS);
  await world.runUntil(() => peer.blocks.length + peer.rejects.length === 48, { within: 10_000 });
  assertEquals(peer.rejects.map(([piece]) => piece), [8, 9, 10, 11].flatMap((n) => [n, n, n, n]));
  assertGreater(peer.blocks.length, 31);
});
