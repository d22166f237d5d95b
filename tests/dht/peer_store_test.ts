/**
 * Announced peers: who is stored, for how long, how many, and what a scrape says (BEP 33).
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { type Address, encodeCompact, parseIp } from "../../src/base/address.ts";
import { hex } from "../../src/base/bytes.ts";
import { addToFilter, FILTER_BYTES } from "../../src/dht/bloom_filter.ts";
import { PEER_MS, PeerStore } from "../../src/dht/peer_store.ts";
import { testHasher } from "../sim/hasher.ts";
import { forSeeds, prng } from "../support/prng.ts";
import { at, idOf, randomOf } from "./support.ts";

const HASH = idOf(1);

function announce(store: PeerStore, address: string, now = 0, isSeed = false, hash = HASH) {
  return store.announce(hash, { address: at(address), isSeed }, now);
}

function sample(store: PeerStore, now = 0, count = 50, noSeed = false, seed = 1): string[] {
  const options = { noSeed, now, random: randomOf(prng(seed)) };
  return store.sample(HASH, count, options).map((peer) => hex(peer));
}

function compact(...addresses: string[]): string[] {
  return addresses.map((address) => hex(encodeCompact(at(address))));
}

Deno.test("sample() gives the peers of the torrent that was asked for", () => {
  const store = new PeerStore();
  assert(announce(store, "1.2.3.4:5"));
  assert(announce(store, "1.2.3.5:6"));
  assert(announce(store, "9.9.9.9:9", 0, false, idOf(2)));
  assertEquals(sample(store).sort(), compact("1.2.3.4:5", "1.2.3.5:6"));
  assertEquals([store.size, store.torrents], [3, 2]);
});

Deno.test("announce() keeps one peer an address, the latest, but many of a local one", () => {
  const store = new PeerStore();
  announce(store, "1.2.3.4:5");
  announce(store, "1.2.3.4:6");
  assertEquals(sample(store), compact("1.2.3.4:6"));
  announce(store, "127.0.0.1:1");
  announce(store, "127.0.0.1:2");
  assertEquals(store.size, 3);
});

Deno.test("sample() forgets a peer when it did not announce for half an hour", () => {
  const store = new PeerStore();
  announce(store, "1.2.3.4:5", 0);
  announce(store, "1.2.3.5:5", 100);
  announce(store, "1.2.3.4:5", 200);
  assertEquals(sample(store, PEER_MS + 99).length, 2);
  assertEquals(sample(store, PEER_MS + 100), compact("1.2.3.4:5"));
  store.purge(PEER_MS + 100);
  assertEquals(store.size, 1);
  store.purge(PEER_MS + 200);
  assertEquals([store.size, store.torrents], [0, 0]);
});

Deno.test("sample() gives different peers to different askers, and non-seeds first when asked", () => {
  const store = new PeerStore();
  for (let i = 0; i < 200; i++) announce(store, `1.2.${i}.4:5`, 0, i % 2 === 0);
  assertEquals(new Set(sample(store)).size, 50);
  const all = new Set<string>();
  for (let seed = 1; seed < 40; seed++) {
    for (const peer of sample(store, 0, 50, false, seed)) all.add(peer);
  }
  assertEquals(all.size, 200);
  const rather = sample(store, 0, 110, true).map((peer) => parseInt(peer.slice(4, 6), 16) % 2);
  assertEquals(rather, [...Array(100).fill(1), ...Array(10).fill(0)]);
});

Deno.test("announce() makes room in a full torrent and refuses when the store is full", () => {
  const store = new PeerStore({ torrents: 2, peersEach: 3, peers: 5, torrentsPerHost: 2 });
  for (const i of [1, 2, 3, 4]) assert(announce(store, `1.2.${i}.4:5`));
  assertEquals(sample(store).sort(), compact("1.2.2.4:5", "1.2.3.4:5", "1.2.4.4:5"));
  assert(announce(store, "1.2.2.4:5", 0, false, idOf(2)));
  assert(!announce(store, "5.5.5.5:5", 0, false, idOf(3)), "torrents");
  assert(announce(store, "5.5.5.5:5", 0, false, idOf(2)));
  assert(!announce(store, "6.5.5.5:5", 0, false, idOf(2)), "peers");
  assert(announce(store, "6.5.5.5:5"), "a full torrent makes room");
  assert(announce(store, "5.5.5.5:6", 0, false, idOf(2)), "known ones stay welcome");
});

Deno.test("announce() refuses an address when it is in many torrents", () => {
  const store = new PeerStore({ torrents: 100, peersEach: 3, peers: 500, torrentsPerHost: 2 });
  assert(announce(store, "1.2.3.4:5", 0, false, idOf(1)));
  assert(announce(store, "1.2.3.4:5", 0, false, idOf(2)));
  assert(!announce(store, "1.2.3.4:5", 0, false, idOf(3)));
  store.purge(PEER_MS);
  assert(announce(store, "1.2.3.4:5", 0, false, idOf(3)));
});

Deno.test("PeerStore stays within its bounds and counts right under random use", () => {
  forSeeds(30, (next) => {
    const limits = { torrents: 4, peersEach: 5, peers: 12, torrentsPerHost: 3 };
    const store = new PeerStore(limits);
    const model = new Map<string, number>();
    for (let now = 0; now < 400; now++) {
      const [torrent, host] = [Math.floor(next() * 6), Math.floor(next() * 10)];
      const hash = idOf(torrent);
      const when = now * 20_000;
      if (next() < 0.1) store.purge(when);
      else if (announce(store, `8.8.${host}.8:1`, when, false, hash)) {
        model.set(`${torrent} ${host}`, when + PEER_MS);
      }
      assert(store.size <= limits.peers && store.torrents <= limits.torrents);
      const options = { noSeed: false, now: when, random: randomOf(next) };
      for (let t = 0; t < 6; t++) {
        const peers = store.sample(idOf(t), 50, options);
        assert(peers.length <= limits.peersEach);
        for (const peer of peers) assert(model.get(`${t} ${peer[2]}`)! > when);
      }
    }
    store.purge(1e12);
    assertEquals([store.size, store.torrents], [0, 0]);
  });
});

Deno.test("addToFilter() gives the filter and the estimate of BEP 33", () => {
  const filter = new Uint8Array(FILTER_BYTES);
  for (let i = 0; i < 256; i++) addToFilter(filter, Uint8Array.of(192, 0, 2, i), testHasher);
  for (let i = 0; i <= 0x3e7; i++) {
    addToFilter(filter, parseIp(`2001:db8::${i.toString(16)}`)!, testHasher);
  }
  assertEquals(hex(filter), BEP_33.replace(/\s/g, "").toLowerCase());
  assertEquals(Math.floor(estimate(filter) * 1e4), 12_249_308);
});

Deno.test("filters() tells seeds from other peers by their IP address alone", () => {
  const store = new PeerStore();
  announce(store, "1.2.3.4:5", 0, true);
  announce(store, "1.2.3.5:6");
  const of = (address: Address) => {
    const filter = new Uint8Array(FILTER_BYTES);
    addToFilter(filter, parseIp(address.host)!, testHasher);
    return filter;
  };
  assertEquals(store.filters(HASH, testHasher, 0), {
    seeds: of(at("1.2.3.4:9")),
    peers: of(at("1.2.3.5:9")),
  });
  assertEquals(store.filters(idOf(2), testHasher, 0), undefined);
  assertEquals(store.filters(HASH, testHasher, PEER_MS), undefined);
});

function estimate(filter: Uint8Array): number {
  const bits = 8 * FILTER_BYTES;
  let zeros = 0;
  for (let i = 0; i < bits; i++) zeros += 1 - ((filter[i >> 3]! >> (i & 7)) & 1);
  return Math.log(Math.min(bits - 1, zeros) / bits) / (2 * Math.log(1 - 1 / bits));
}

const BEP_33 = `
 F6C3F5EA A07FFD91 BDE89F77 7F26FB2B FF37BDB8 FB2BBAA2 FD3DDDE7 BACFFF75 EE7CCBAE
 FE5EEDB1 FBFAFF67 F6ABFF5E 43DDBCA3 FD9B9FFD F4FFD3E9 DFF12D1B DF59DB53 DBE9FA5B
 7FF3B8FD FCDE1AFB 8BEDD7BE 2F3EE71E BBBFE93B CDEEFE14 8246C2BC 5DBFF7E7 EFDCF24F
 D8DC7ADF FD8FFFDF DDFFF7A4 BBEEDF5C B95CE81F C7FCFF1F F4FFFFDF E5F7FDCB B7FD79B3
 FA1FC77B FE07FFF9 05B7B7FF C7FEFEFF E0B8370B B0CD3F5B 7F2BD93F EB4386CF DD6F7FD5
 BFAF2E9E BFFFFEEC D67ADBF7 C67F17EF D5D75EBA 6FFEBA7F FF47A91E B1BFBB53 E8ABFB57
 62ABE8FF 237279BF EFBFEEF5 FFC5FEBF DFE5ADFF ADFEE1FB 737FFFFB FD9F6AEF FEEE76B6
 FD8F72EF`;
