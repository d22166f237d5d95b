/**
 * The tables that a tracker's state is made of, against slow obvious ones.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { HalfSipHash } from "../../src/base/half_siphash.ts";
import { NO_SLOT, PeerSlab } from "../../src/tracker/peer_slab.ts";
import { SlotIndex } from "../../src/tracker/slot_index.ts";
import { SlotLists } from "../../src/tracker/slot_lists.ts";
import { TorrentSlab } from "../../src/tracker/torrent_slab.ts";
import { below, forSeeds, pick, randomBytes } from "../support/prng.ts";

function slotsOf(index: SlotIndex, hash: number): number[] {
  const out: number[] = [];
  for (let at = index.find(hash); at >= 0; at = index.findNext(at)) out.push(index.slotAt(at));
  return out.sort((a, b) => a - b);
}

Deno.test("SlotIndex finds what was added and not removed, when hashes collide", () => {
  forSeeds(20, (next) => {
    const index = new SlotIndex();
    const model = new Map<number, Set<number>>();
    let slots = 0;
    // Few hashes that fall on few places, at both ends of the table.
    const hashes = Array.from(
      { length: 40 },
      () => (below(next, 8) * 2 ** 29 - below(next, 3)) >>> 0,
    );
    const target = 30 + below(next, 600);
    for (let step = 0; step < 3000; step++) {
      const hash = pick(next, hashes);
      const known = model.get(hash) ?? new Set<number>();
      model.set(hash, known);
      const isGrowing = index.size < target === next() < 0.7;
      if (isGrowing) {
        index.add(hash, slots);
        known.add(slots++);
      } else if (known.size > 0) {
        const slot = pick(next, [...known]);
        let at = index.find(hash);
        while (index.slotAt(at) !== slot) at = index.findNext(at);
        index.removeAt(at);
        known.delete(slot);
      }
      if (step % 50 === 0) {
        for (const [h, set] of model) assertEquals(slotsOf(index, h), [...set]);
      }
    }
    assertEquals(index.size, [...model.values()].reduce((sum, set) => sum + set.size, 0));
  });
});

Deno.test("SlotIndex gives its room back when what was in it is removed", () => {
  const index = new SlotIndex();
  for (let i = 0; i < 100_000; i++) index.add(Math.imul(i, 0x9e3779b1) >>> 0, i);
  const most = index.bytes;
  assert(most <= 100_000 * 8 * 4);
  for (let i = 0; i < 100_000; i++) index.removeAt(index.find(Math.imul(i, 0x9e3779b1) >>> 0));
  assertEquals([index.size, index.bytes], [0, 512]);
});

/** What goes with a slot: it follows from it, so that a mix-up shows. */
function extraOf(slot: number): Uint16Array {
  return Uint16Array.of(slot, slot >> 8, 65_535 - slot);
}

function listed(lists: SlotLists, list: number): number[] {
  const length = lists.lengthOf(list);
  const first = lists.cellOf(list, 0);
  const extras = new Uint16Array(3 * length + 1);
  const cells = { cell: first, count: length };
  assertEquals(length === 0 || lists.putExtras(cells, extras, 1) === extras.length, true);
  return Array.from({ length }, (_, place) => {
    const slot = lists.slotIn(first + place);
    assertEquals(extras.subarray(1 + 3 * place, 4 + 3 * place), extraOf(slot));
    return slot;
  });
}

Deno.test("SlotLists keep what was pushed and not removed, when blocks are used again", () => {
  forSeeds(20, (next) => {
    const lists = new SlotLists(3);
    const model: number[][] = [];
    for (let step = 0; step < 3000; step++) {
      if (step % 100 === 0) {
        lists.reserve(model.length + 5);
        for (let i = 0; i < 5; i++) model.push([]);
      }
      const list = below(next, model.length);
      const expected = model[list]!;
      if (next() < (list % 3 === 0 ? 0.9 : 0.45)) {
        const pairs = new Uint16Array(5);
        pairs.set(extraOf(step), 2);
        assertEquals(lists.push(list, step, { pairs, at: 2 }), expected.push(step) - 1);
      } else if (expected.length > 0) {
        const place = below(next, expected.length);
        const last = expected.pop()!;
        const isLast = place === expected.length;
        if (!isLast) expected[place] = last;
        assertEquals(lists.removeAt(list, place), isLast ? -1 : last);
      }
      if (step % 100 === 99) model.forEach((e, i) => assertEquals(listed(lists, i), e));
    }
  });
});

Deno.test("SlotLists stay bounded when lists grow and shrink in turn", () => {
  const lists = new SlotLists(3);
  lists.reserve(100);
  const extra = { pairs: new Uint16Array(3), at: 0 };
  for (let round = 0; round < 50; round++) {
    for (let i = 0; i < 10_000; i++) lists.push((round * 7 + i % (1 + round)) % 100, i, extra);
    for (let list = 0; list < 100; list++) {
      while (lists.lengthOf(list) > 0) lists.removeAt(list, 0);
    }
  }
  assert(lists.bytes < 10_000 * (4 + 6) * 8 + 2000, `${lists.bytes} bytes`);
});

const RECORD = { torrent: 7, ip: Uint8Array.of(1, 2, 3, 4), port: 0x506, isSeed: true };

Deno.test("PeerSlab keeps a record as it was given", () => {
  const slab = new PeerSlab();
  const peerId = Uint8Array.from({ length: 20 }, (_, i) => i);
  const slots = Array.from({ length: 3000 }, (_, i) => {
    const ip = i % 2 ? RECORD.ip : new Uint8Array(16).fill(9);
    return slab.add({ ...RECORD, torrent: i, ip, isSeed: i % 3 === 0, peerId }, i);
  });
  for (const [i, slot] of slots.entries()) {
    slab.setPlace(slot, 5 * i);
    if (i % 5 === 0) slab.turn(slot);
  }
  for (const [i, slot] of slots.entries()) {
    assertEquals([slab.torrentOf(slot), slab.seenAt(slot), slab.placeOf(slot)], [i, i, 5 * i]);
    assertEquals([slab.isV6(slot), slab.isSeed(slot)], [
      i % 2 === 0,
      (i % 3 === 0) !== (i % 5 === 0),
    ]);
    const address = slab.bytes.subarray(slab.addressAt(slot), slab.addressAt(slot) + 18);
    if (i % 2) assertEquals([...address.subarray(0, 6)], [1, 2, 3, 4, 5, 6]);
    else assertEquals([...address], [...new Array(16).fill(9), 5, 6]);
    assertEquals(slab.bytes.subarray(slab.idAt(slot), slab.idAt(slot) + 20), peerId);
  }
});

Deno.test("PeerSlab gives peers by age when some are touched and some removed", () => {
  const peerId = new Uint8Array(20);
  forSeeds(10, (next) => {
    const slab = new PeerSlab();
    let order: number[] = [];
    for (let step = 0; step < 4000; step++) {
      const at = below(next, order.length);
      const action = next();
      if (action < 0.6 || order.length === 0) {
        const slot = slab.add({ ...RECORD, peerId }, step);
        assert(!order.includes(slot));
        order.push(slot);
      } else if (action < 0.8) {
        slab.touch(order[at]!, step);
        order.push(order.splice(at, 1)[0]!);
      } else slab.remove(order.splice(at, 1)[0]!);
      assertEquals(slab.oldest, order[0] ?? NO_SLOT);
    }
    assertEquals(slab.size, order.length);
    while (order.length > 0) {
      slab.remove(slab.oldest);
      order = order.slice(1);
      assertEquals(slab.oldest, order[0] ?? NO_SLOT);
    }
  });
});

Deno.test("TorrentSlab knows the torrents that were added and not removed", () => {
  forSeeds(5, (next) => {
    const slab = new TorrentSlab(new HalfSipHash(randomBytes(next, 8)));
    const model = new Map<number, Uint8Array>();
    for (let step = 0; step < 3000; step++) {
      if (next() < 0.7 || model.size === 0) {
        const hash = randomBytes(next, 20);
        assertEquals(slab.find(hash), -1);
        const torrent = slab.add(hash);
        assert(torrent < slab.capacity && !model.has(torrent));
        assertEquals([slab.completedOf(torrent), slab.isKept(torrent)], [0, false]);
        slab.complete(torrent);
        slab.keep(torrent);
        model.set(torrent, hash);
      } else {
        const torrent = pick(next, [...model.keys()]);
        slab.remove(torrent);
        model.delete(torrent);
      }
    }
    assertEquals(slab.size, model.size);
    for (const [torrent, hash] of model) {
      assertEquals([slab.find(hash), slab.infoHashOf(torrent)], [torrent, hash]);
      assertEquals([slab.completedOf(torrent), slab.isKept(torrent)], [1, true]);
    }
    assertEquals([...slab.all()], [...model.keys()].sort((a, b) => a - b));
  });
});
