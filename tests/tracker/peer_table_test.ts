/**
 * A tracker's state: who is listed, who is chosen, what bounds it.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { decodeCompact, formatAddress, formatIp, parseIp } from "../../src/base/address.ts";
import { hex } from "../../src/base/bytes.ts";
import type { PeerLimits } from "../../src/tracker/peer_limits.ts";
import { type Announcement, PeerTable, type Seat } from "../../src/tracker/peer_table.ts";
import { Picks } from "../../src/tracker/swarm_lists.ts";
import { SimRandom } from "../sim/random.ts";
import { below, forSeeds, pick } from "../support/prng.ts";

const TIMEOUT_MS = 3_600_000;

function hash(n: number): Uint8Array {
  return Uint8Array.from({ length: 20 }, (_, i) => i === 0 ? n : 7);
}

function table(options: { isOpen?: boolean; limits?: Partial<PeerLimits>; seed?: number } = {}) {
  const { seed = 1, ...rest } = options;
  return new PeerTable({ random: new SimRandom(seed), timeoutMs: TIMEOUT_MS, ...rest });
}

/** An announce: `a("1.2.3.4:5")` of a leech of torrent 1. */
function a(from: string, more: Partial<Announcement> = {}): Announcement {
  const at = from.lastIndexOf(":");
  return {
    infoHash: hash(1),
    peerId: new Uint8Array(20).fill(0x41),
    ip: parseIp(from.slice(0, at))!,
    port: Number(from.slice(at + 1)),
    isSeed: false,
    event: undefined,
    ...more,
  };
}

function seat(seat: Seat | string): Seat {
  assert(typeof seat === "object", `refused: ${seat}`);
  return seat;
}

/** The peers chosen for a seat, sorted. */
function chosen(
  t: PeerTable,
  { torrent, peer }: Seat,
  wish: { isSeed?: boolean; isV6?: boolean; want?: number } = {},
): string[] {
  const { isSeed = false, isV6 = false, want = 50 } = wish;
  const picks = new Picks();
  t.choose({ torrent, asker: peer, isSeed, isV6, want }, picks);
  const pairs = new Uint16Array(1 + 9 * picks.count);
  const end = t.putCompact(picks, pairs, 1);
  for (let i = 0; i < picks.count; i++) assertEquals(t.idOf(picks, i).length, 20);
  const bytes = new Uint8Array(pairs.buffer, 2, 2 * (end - 1));
  const peers = decodeCompact(bytes, isV6 ? 16 : 4).map(formatAddress).sort();
  assertEquals([new Set(peers).size, peers.length], [picks.count, picks.count]);
  return peers;
}

Deno.test("announce() lists a peer and choose() gives it to others, not to itself", () => {
  const t = table();
  const first = seat(t.announce(a("1.0.0.1:1"), 0));
  assertEquals(chosen(t, first), []);
  const second = seat(t.announce(a("1.0.0.2:2"), 0));
  assertEquals(chosen(t, second), ["1.0.0.1:1"]);
  assertEquals(chosen(t, seat(t.announce(a("1.0.0.1:1"), 5))), ["1.0.0.2:2"]);
  assertEquals(t.countsOf(second.torrent), { seeds: 0, completed: 0, leeches: 2 });
  assertEquals(t.counts, { torrents: 1, peers: 2, seeds: 0, peersV6: 0 });
  t.checkInvariants();
});

Deno.test("choose() gives seeds to leeches, and to seeds leeches only", () => {
  const t = table();
  t.announce(a("1.0.0.1:1", { isSeed: true }), 0);
  t.announce(a("1.0.0.2:1", { isSeed: true }), 0);
  const leech = seat(t.announce(a("1.0.0.3:1"), 0));
  assertEquals(chosen(t, leech), ["1.0.0.1:1", "1.0.0.2:1"]);
  assertEquals(chosen(t, leech, { isSeed: true }), []);
  const seed = seat(t.announce(a("1.0.0.4:1", { isSeed: true }), 0));
  assertEquals(chosen(t, seed, { isSeed: true }), ["1.0.0.3:1"]);
});

Deno.test("choose() gives one address family at a time", () => {
  const t = table();
  t.announce(a("2001:db8::1:1"), 0);
  t.announce(a("1.0.0.2:2"), 0);
  const asker = seat(t.announce(a("1.0.0.3:3"), 0));
  assertEquals(chosen(t, asker), ["1.0.0.2:2"]);
  assertEquals(chosen(t, asker, { isV6: true }), ["[2001:db8::1]:1"]);
  assertEquals(t.counts.peersV6, 1);
});

Deno.test("choose() gives as many as are wanted, each as often as any other", () => {
  const t = table();
  for (let i = 0; i < 60; i++) t.announce(a(`1.0.0.${i}:1`, { isSeed: i % 3 === 0 }), 0);
  const asker = seat(t.announce(a("2.0.0.1:1"), 0));
  const times = new Map<string, number>();
  for (let i = 0; i < 3000; i++) {
    const peers = chosen(t, asker, { want: 6 });
    assertEquals(new Set(peers).size, 6);
    for (const peer of peers) times.set(peer, (times.get(peer) ?? 0) + 1);
  }
  assertEquals(times.size, 60);
  // 300 each on average, with a deviation of 16.
  for (const count of times.values()) assert(count > 220 && count < 380, String(count));
  assertEquals(chosen(t, asker, { want: 0 }), []);
  assertEquals(chosen(t, asker, { want: 1000 }).length, 60);
  t.checkInvariants();
});

Deno.test("announce() counts a completion once, and moves the peer to the seeds", () => {
  const t = table();
  t.announce(a("1.0.0.1:1"), 0);
  for (let i = 0; i < 3; i++) t.announce(a("1.0.0.1:1", { isSeed: true, event: "completed" }), 0);
  assertEquals(t.scrape(hash(1)), { seeds: 1, completed: 1, leeches: 0 });
  // A tracker that was started anew has never heard of it.
  t.announce(a("1.0.0.2:1", { isSeed: true, event: "completed" }), 0);
  // A seed from the start; a completion with something left.
  t.announce(a("1.0.0.3:1", { isSeed: true, event: "started" }), 0);
  t.announce(a("1.0.0.4:1", { event: "completed" }), 0);
  assertEquals(t.scrape(hash(1)), { seeds: 3, completed: 2, leeches: 1 });
  // And back, with files unselected or damaged.
  t.announce(a("1.0.0.1:1"), 0);
  assertEquals(t.scrape(hash(1)), { seeds: 2, completed: 2, leeches: 2 });
  t.checkInvariants();
});

Deno.test("announce() removes a peer that stops, and the torrent with the last", () => {
  const t = table();
  t.announce(a("1.0.0.1:1"), 0);
  t.announce(a("1.0.0.2:1"), 0);
  const stopped = seat(t.announce(a("1.0.0.1:1", { event: "stopped" }), 0));
  assertEquals([stopped.peer, t.countsOf(stopped.torrent).leeches], [-1, 1]);
  t.checkInvariants();
  const last = seat(t.announce(a("1.0.0.2:1", { event: "stopped" }), 0));
  assertEquals([last, t.countsOf(last.torrent)], [
    { torrent: -1, peer: -1 },
    { seeds: 0, completed: 0, leeches: 0 },
  ]);
  assertEquals(chosen(t, last), []);
  assertEquals(t.scrape(hash(1)), undefined);
  assertEquals(t.counts.torrents, 0);
  // Nobody knows this one.
  assertEquals(t.announce(a("1.0.0.2:1", { event: "stopped" }), 0), { torrent: -1, peer: -1 });
});

Deno.test("announce() ignores a stop of the program that ran before on the same port", () => {
  const t = table();
  const before = new Uint8Array(20).fill(0x42);
  t.announce(a("1.0.0.1:1", { peerId: before }), 0);
  t.announce(a("1.0.0.1:1"), 0);
  const { torrent } = seat(t.announce(a("1.0.0.1:1", { peerId: before, event: "stopped" }), 0));
  assertEquals(t.countsOf(torrent).leeches, 1);
});

Deno.test("announce() answers a peer without a port and does not list it", () => {
  const t = table();
  assertEquals(t.announce(a("1.0.0.1:0"), 0), { torrent: -1, peer: -1 });
  assertEquals(t.counts.torrents, 0);
  t.announce(a("1.0.0.2:2"), 0);
  assertEquals(chosen(t, seat(t.announce(a("1.0.0.1:0"), 0))), ["1.0.0.2:2"]);
  assertEquals(t.counts.peers, 1);
});

Deno.test("announce() takes only admitted torrents when the table is not open", () => {
  const t = table({ isOpen: false });
  assert(t.admit(hash(1)) && t.admit(hash(1)));
  assertEquals(t.announce(a("1.0.0.1:1", { infoHash: hash(2) }), 0), "not-admitted");
  const stop = a("1.0.0.1:1", { infoHash: hash(2), event: "stopped" });
  assertEquals(t.announce(stop, 0), "not-admitted");
  t.announce(a("1.0.0.1:1"), 0);
  t.announce(a("1.0.0.1:1", { isSeed: true, event: "completed" }), 0);
  t.announce(a("1.0.0.1:1", { event: "stopped" }), 0);
  assertEquals(t.scrape(hash(1)), { seeds: 0, completed: 1, leeches: 0 });
  assertEquals(t.scrape(hash(2)), undefined);
  t.checkInvariants();
});

Deno.test("expire() takes away who was not heard of for the timeout, the oldest first", () => {
  const t = table();
  for (let i = 1; i <= 20; i++) t.announce(a(`1.0.0.${i}:1`), i * 1000);
  t.announce(a("1.0.0.1:1"), 30_000);
  assertEquals(t.expire(TIMEOUT_MS + 1999, 100), 0);
  assertEquals(t.expire(TIMEOUT_MS + 5000, 3), 3);
  assertEquals(t.expire(TIMEOUT_MS + 5000, 3), 1);
  t.checkInvariants();
  // An announce takes a few with it.
  const asker = seat(t.announce(a("2.0.0.1:1"), TIMEOUT_MS + 20_000));
  assertEquals(t.countsOf(asker.torrent).leeches, 16 + 1 - 8);
  assertEquals(t.expire(TIMEOUT_MS + 20_000, 100), 7);
  assertEquals(chosen(t, asker), ["1.0.0.1:1"]);
});

Deno.test("announce() does not list who is over a limit, and says which", () => {
  const limits = {
    peers: 13,
    torrents: 3,
    peersPerTorrent: 8,
    peersPerAddress: 4,
    portsPerAddress: 2,
    portsPerLocalAddress: 3,
  };
  const t = table({ limits });
  const limitOf = (from: string, torrent: number) => {
    const answer = t.announce(a(from, { infoHash: hash(torrent) }), 0);
    t.checkInvariants();
    return typeof answer === "string" ? answer : answer.limit;
  };
  assertEquals(["1.0.0.1:1", "1.0.0.1:2"].map((from) => limitOf(from, 1)), [undefined, undefined]);
  assertEquals(limitOf("1.0.0.1:3", 1), "portsPerAddress");
  // Who is listed may announce again.
  assertEquals(limitOf("1.0.0.1:2", 1), undefined);
  assertEquals(["1.0.0.1:1", "1.0.0.1:2"].map((from) => limitOf(from, 2)), [undefined, undefined]);
  assertEquals(limitOf("1.0.0.1:1", 3), "peersPerAddress");
  assertEquals(t.counts.torrents, 2);
  // Of IPv6 the first 64 bits are one customer.
  assertEquals(["2001:db8::1:1", "2001:db8::2:1"].map((from) => limitOf(from, 1)), [
    undefined,
    undefined,
  ]);
  assertEquals(limitOf("2001:db8::3:1", 1), "portsPerAddress");
  assertEquals(limitOf("2001:db8:0:1::1:1", 1), undefined);
  // That makes five in the first torrent, two in the second.
  const local = ["10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3", "10.0.0.1:4"];
  assertEquals(local.map((from) => limitOf(from, 1)).at(-1), "peersPerTorrent");
  assertEquals(limitOf("10.0.0.1:1", 2), undefined);
  assertEquals(limitOf("10.0.0.1:1", 3), undefined);
  assertEquals(limitOf("10.0.0.1:2", 3), undefined);
  assertEquals(limitOf("1.0.0.1:1", 4), "torrents");
  assertEquals(t.counts.peers, 13);
  assertEquals(limitOf("10.0.0.9:1", 3), "peers");
});

Deno.test("the table stays bounded and right under a flood", () => {
  const limits = { peers: 5000, torrents: 500, peersPerTorrent: 1000 };
  const t = table({ limits });
  let bytes = 0;
  forSeeds(1, (next) => {
    for (let i = 0; i < 100_000; i++) {
      const infoHash = hash(below(next, 256));
      infoHash[1] = below(next, 256);
      const ip = `${1 + below(next, 9)}.${below(next, 256)}.0.1:${below(next, 65_536)}`;
      t.announce(a(ip, { infoHash, isSeed: next() < 0.3 }), i * 100);
      if (i === 50_000) bytes = t.bytes;
    }
  });
  assertEquals([t.counts.peers <= 5000, t.counts.torrents], [true, 500]);
  assert(t.bytes <= bytes * 1.5 && t.bytes < 6_000_000, `${t.bytes} bytes`);
  t.checkInvariants();
});

interface ModelPeer {
  readonly address: string;
  readonly id: string;
  readonly isSeed: boolean;
  readonly seenAt: number;
}

Deno.test("the table agrees with a slow one when announces are random", () => {
  forSeeds(15, (next, seed) => {
    const t = table({ seed });
    const model = new Map<number, Map<string, ModelPeer>>();
    let now = 0;
    const ips = ["1.0.0.1", "1.0.0.2", "9.9.9.9", "2001:db8::1", "2001:db8::2", "2001:db9::1"];
    for (let step = 0; step < 600; step++) {
      now += below(next, 30_000);
      t.expire(now, Infinity);
      for (const [n, swarm] of model) {
        for (const [key, peer] of swarm) {
          const age = Math.floor(now / 1000) - Math.floor(peer.seenAt / 1000);
          if (age >= TIMEOUT_MS / 1000) swarm.delete(key);
        }
        if (swarm.size === 0) model.delete(n);
      }
      const n = below(next, 5);
      const [ip, port] = [pick(next, ips), 1 + below(next, 4)];
      const peerId = new Uint8Array(20).fill(below(next, 2));
      const event = pick(next, ["started", "stopped", undefined, undefined] as const);
      const isSeed = next() < 0.4;
      const address = formatAddress({ host: formatIp(parseIp(ip)!), port });
      const swarm = model.get(n) ?? new Map<string, ModelPeer>();
      if (event !== "stopped") {
        swarm.set(address, { address, id: hex(peerId), isSeed, seenAt: now });
        model.set(n, swarm);
      } else if (swarm.get(address)?.id === hex(peerId)) {
        swarm.delete(address);
        if (swarm.size === 0) model.delete(n);
      }
      const announcement = { ...a(`${ip}:${port}`), infoHash: hash(n), peerId, event, isSeed };
      const at = seat(t.announce(announcement, now));
      for (const isV6 of [false, true]) {
        const expected = [...swarm.values()].filter((peer) =>
          peer.address.startsWith("[") === isV6 && !(isSeed && peer.isSeed) &&
          (peer.address !== address || at.peer < 0)
        );
        assertEquals(chosen(t, at, { isSeed, isV6 }), expected.map((p) => p.address).sort());
      }
      if (step % 20 === 0) t.checkInvariants();
    }
    const peers = [...model.values()].reduce((sum, swarm) => sum + swarm.size, 0);
    assertEquals([t.counts.torrents, t.counts.peers], [model.size, peers]);
  });
});
