/**
 * permittedSources(): which sources of peers a torrent may use, and that the book keeps to it.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { PeerBook } from "../../src/swarm/peer_book.ts";
import {
  ALL_SOURCES,
  type PeerSource,
  permittedSources,
  type SourceRules,
} from "../../src/swarm/peer_sources.ts";
import { SimRandom } from "../sim/random.ts";

const permitted = (rules: SourceRules): PeerSource[] => [...permittedSources(rules)].sort();

Deno.test("permittedSources() permits every source to a public torrent", () => {
  assertEquals(permitted({ isPrivate: false }), [...ALL_SOURCES].sort());
});

Deno.test("permittedSources() leaves a private torrent its trackers and what the user typed", () => {
  const all = ["incoming", "tracker", "user"] as const;
  assertEquals(permitted({ isPrivate: true }), [...all]);
  const wish = { noDht: false, noPex: false, noLsd: false };
  assertEquals(permitted({ isPrivate: true, ...wish }), [...all]);
  assertEquals(permitted({ isPrivate: true, noTrackers: true }), ["incoming", "user"]);
});

Deno.test("permittedSources() leaves out what the user forbids", () => {
  const without = (rules: Partial<SourceRules>) => {
    const left = permittedSources({ isPrivate: false, ...rules });
    return [...ALL_SOURCES].filter((source) => !left.has(source));
  };
  assertEquals(without({ noDht: true }), ["dht"]);
  assertEquals(without({ noPex: true }), ["pex"]);
  assertEquals(without({ noLsd: true }), ["lsd"]);
  assertEquals(without({ noTrackers: true }), ["tracker"]);
  assertEquals(without({ noPeers: true }), [...ALL_SOURCES]);
});

Deno.test("add() refuses addresses of sources that are not permitted, known ones too", () => {
  const book = new PeerBook(new SimRandom(1), {
    sources: permittedSources({ isPrivate: true }),
  });
  const address = { host: "9.0.0.1", port: 6881 };
  for (const source of ["pex", "dht", "lsd"] as const) {
    assertEquals(book.add(address, source), undefined);
  }
  assertEquals(book.size, 0);
  for (const source of ["incoming", "tracker", "user"] as const) assert(book.add(address, source));
  assertEquals(book.add(address, "pex"), undefined);
  assertEquals(book.size, 1);
});
