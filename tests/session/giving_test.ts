/**
 * What a seed gives, and to whom it gives nothing: requests in every form, peers that do not read.
 *
 * @module
 */

import { assert, assertEquals, assertLess } from "@std/assert";
import { OUTPUT } from "../sim/download.ts";
import type { Block, RawLeech } from "../sim/raw_leech.ts";
import { ID, message, u32 } from "../sim/raw_wire.ts";
import { makeTorrent } from "../sim/torrents.ts";
import type { SimHost } from "../sim/world.ts";
import { ALL, BLOCK, MIB, PIECE, withSeed } from "./giving_lab.ts";

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
