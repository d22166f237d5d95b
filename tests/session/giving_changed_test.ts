/**
 * What a seed gives of files that somebody changes, cuts or deletes meanwhile.
 *
 * @module
 */

import { assertEquals, assertGreater } from "@std/assert";
import { Download, OUTPUT, putAll } from "../sim/download.ts";
import { type Block, RawLeech } from "../sim/raw_leech.ts";
import { ID, message } from "../sim/raw_wire.ts";
import { makeTorrent } from "../sim/torrents.ts";
import { SimWorld } from "../sim/world.ts";
import { ALL, BLOCK, PIECE, SEED, withSeed } from "./giving_lab.ts";

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
  putAll(seedHost, FOLDER);
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
