/**
 * Giving: which requests are owed, which are refused, which cost the connection; what happens to a piece
 * that is lost.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Bitfield } from "../../src/base/bitfield.ts";
import { PeerError } from "../../src/base/errors.ts";
import { BLOCK_BYTES, type PieceIndex } from "../../src/base/units.ts";
import { PieceMap } from "../../src/metainfo/piece_map.ts";
import { systemHasher } from "../../src/platform/hasher.ts";
import { AllowedFast } from "../../src/swarm/allowed_fast.ts";
import { Giving, MAX_REQUEST_BYTES } from "../../src/swarm/giving.ts";
import type { Peer } from "../../src/swarm/peer.ts";
import { MAX_OWED } from "../../src/swarm/uploads.ts";
import { Decoder } from "../../src/wire/decoder.ts";
import { decodeExtensionHandshake, encodeExtensionHandshake } from "../../src/wire/extension.ts";
import { decodeDontHave } from "../../src/wire/lt_donthave.ts";
import { SimRandom } from "../sim/random.ts";
import { feed, Recorder } from "../wire/recorder.ts";
import { bits, newPeer } from "./support.ts";

/** Requests that are refused without a consequence, and those of them for what we never had. */
const MAX_REFUSED = 2000;
const MAX_LACKED = 16;
const DONT_HAVE_ID = 9;

interface Options {
  readonly isFast?: boolean;
  readonly knowsDontHave?: boolean;
  readonly isChoked?: boolean;
  readonly isSeeding?: boolean;
}

/** What is drawn is ours; pieces of 16 blocks, the last of one and of 100 bytes. */
class Desk {
  readonly peers: Peer[] = [];
  readonly have: Bitfield;
  readonly giving: Giving;
  isSeeding = true;

  constructor(drawn: string) {
    this.have = bits(drawn);
    const pieceBytes = 16 * BLOCK_BYTES;
    const map = new PieceMap((drawn.length - 1) * pieceBytes + BLOCK_BYTES + 100, pieceBytes);
    const infoHash = new Uint8Array(20).fill(0xaa);
    this.giving = new Giving({
      map,
      have: this.have,
      peers: this.peers,
      random: new SimRandom(1),
      count: () => 0,
      isSeeding: () => this.isSeeding,
      allowedFast: new AllowedFast(map, { infoHash, sha1: systemHasher.sha1 }),
    });
  }

  /** A peer that is served, unless it says otherwise. */
  peer({ isFast = true, knowsDontHave = false, isChoked = false }: Options = {}): Peer {
    const peer = newPeer({
      slot: this.peers.length,
      giver: this.peers.length,
      address: { host: "9.9.9.9", port: 1 + this.peers.length },
      supportsFast: isFast,
      pieceCount: this.have.length,
    });
    peer.extensions = decodeExtensionHandshake(encodeExtensionHandshake({
      m: knowsDontHave ? { lt_donthave: DONT_HAVE_ID } : {},
      v: "",
      reqq: 250,
    }));
    peer.amChoking = isChoked;
    this.peers.push(peer);
    return peer;
  }

  /** Asks for a block; the reason where that costs the connection. */
  ask(peer: Peer, index: number, begin = 0, length = BLOCK_BYTES): string | undefined {
    try {
      this.giving.onRequest(peer, index, begin, length);
      return undefined;
    } catch (error) {
      assert(error instanceof PeerError);
      return error.reason;
    }
  }
}

/** What the peer is told, a line a message. */
function told(peer: Peer): string[] {
  const recorder = new Recorder();
  const lines = recorder.calls;
  recorder.onExtended = (id, payload) =>
    void lines.push(id === DONT_HAVE_ID ? `donthave ${decodeDontHave(payload)}` : `extended ${id}`);
  const decoder = new Decoder();
  decoder.setPieceCount(peer.have.length);
  feed(decoder, recorder, peer.encoder.take());
  return lines;
}

Deno.test("onRequest() owes what we have, in the order it was asked for", () => {
  const desk = new Desk("xxxx");
  const peer = desk.peer();
  const asked = [[2, 0], [0, 5 * BLOCK_BYTES], [3, 0]] as const;
  for (const [piece, begin] of asked) assertEquals(desk.ask(peer, piece, begin), undefined);
  assertEquals(desk.ask(peer, 3, BLOCK_BYTES, 100), undefined);
  const next = { piece: 0, begin: 0, length: 0 };
  for (const [piece, begin] of asked) {
    assert(peer.owed.take(next));
    assertEquals(next, { piece, begin, length: BLOCK_BYTES });
  }
  assert(peer.owed.take(next));
  assertEquals(next.length, 100);
  assertEquals([peer.owed.length, told(peer)], [0, []]);
});

Deno.test("onRequest() ends the connection at a range that there is not", () => {
  const faults: readonly (readonly [number, number, number, string])[] = [
    [4, 0, BLOCK_BYTES, "bad-index"],
    [2 ** 32 - 1, 0, BLOCK_BYTES, "bad-index"],
    [0, 0, 0, "bad-request"],
    [0, 0, MAX_REQUEST_BYTES + 1, "bad-request"],
    [0, 0, 2 ** 32 - 1, "bad-request"],
    [0, 16 * BLOCK_BYTES, 1, "bad-request"],
    [0, 16 * BLOCK_BYTES - 1, 2, "bad-request"],
    [0, 2 ** 32 - 1, 2, "bad-request"],
    [3, BLOCK_BYTES, 101, "bad-request"],
  ];
  for (const [index, begin, length, reason] of faults) {
    for (const isChoked of [false, true]) {
      const desk = new Desk("xxxx");
      const peer = desk.peer({ isChoked });
      assertEquals(desk.ask(peer, index, begin, length), reason, `${index} ${begin} ${length}`);
      assertEquals([peer.owed.length, told(peer)], [0, []]);
    }
  }
  const desk = new Desk("xxxx");
  assertEquals(desk.ask(desk.peer(), 0, BLOCK_BYTES, MAX_REQUEST_BYTES), undefined);
});

Deno.test("onRequest() refuses what we lack, and ends the connection after a few", () => {
  for (const isFast of [true, false]) {
    const desk = new Desk("x x ");
    const peer = desk.peer({ isFast });
    for (let i = 0; i < MAX_LACKED; i++) assertEquals(desk.ask(peer, 1), undefined);
    assertEquals(told(peer).length, isFast ? MAX_LACKED : 0);
    assertEquals(desk.ask(peer, 3), "bad-request");
    assertEquals(peer.owed.length, 0);
    assertEquals(desk.ask(desk.peer(), 1), undefined, "another has not asked yet");
  }
});

Deno.test("onRequest() of a choked peer is refused, and a flood once it goes on and on", () => {
  const desk = new Desk("xxxx");
  const peer = desk.peer({ isChoked: true });
  assertEquals(desk.ask(peer, 0), undefined);
  assertEquals([peer.owed.length, told(peer)], [0, [`reject 0 0 ${BLOCK_BYTES}`]]);
  for (let i = 1; i < MAX_REFUSED; i++) assertEquals(desk.ask(peer, 0), undefined);
  assertEquals(desk.ask(peer, 0), "flood");
  const old = desk.peer({ isChoked: true, isFast: false });
  assertEquals([desk.ask(old, 0), told(old)], [undefined, []]);
});

Deno.test("what crossed a choke on the wire is forgiven with the next unchoke", () => {
  const desk = new Desk("xxxx");
  const peer = desk.peer({ isChoked: true });
  for (let i = 0; i < MAX_REFUSED; i++) desk.ask(peer, 0);
  peer.peerInterested = true;
  desk.giving.tick(0);
  assertEquals([peer.amChoking, peer.refusedRequests], [false, 0]);
  assertEquals(told(peer).at(-1), "unchoke");
  assertEquals([desk.ask(peer, 0), peer.owed.length], [undefined, 1]);
});

Deno.test("a choke takes back what is owed, and says so to those who understand", () => {
  for (const isFast of [true, false]) {
    const desk = new Desk("xxxx");
    const peer = desk.peer({ isFast });
    desk.ask(peer, 0);
    desk.ask(peer, 1);
    // Whoever wants nothing is served no longer.
    desk.giving.tick(0);
    assertEquals([peer.amChoking, peer.owed.length], [true, 0]);
    const rejects = [`reject 0 0 ${BLOCK_BYTES}`, `reject 1 0 ${BLOCK_BYTES}`];
    assertEquals(told(peer), ["choke", ...(isFast ? rejects : [])]);
  }
});

Deno.test("a queue that is full refuses, and takes more once something has left", () => {
  const desk = new Desk("x".repeat(200));
  const peer = desk.peer();
  for (let i = 0; i < MAX_OWED; i++) {
    assertEquals(desk.ask(peer, i >> 4, (i & 15) * BLOCK_BYTES), undefined);
  }
  assertEquals([peer.owed.length, told(peer)], [MAX_OWED, []]);
  assertEquals(desk.ask(peer, 150), undefined);
  assertEquals(told(peer), [`reject 150 0 ${BLOCK_BYTES}`]);
  desk.giving.onCancel(peer, 0 as PieceIndex, 0, BLOCK_BYTES);
  told(peer);
  assertEquals(desk.ask(peer, 150), undefined);
  assertEquals([peer.owed.length, told(peer)], [MAX_OWED, []]);
});

Deno.test("onCancel() takes a request back, and answers it with the fast extension", () => {
  for (const isFast of [true, false]) {
    const desk = new Desk("xxxx");
    const peer = desk.peer({ isFast });
    desk.ask(peer, 0);
    desk.ask(peer, 1);
    desk.giving.onCancel(peer, 0 as PieceIndex, 0, BLOCK_BYTES);
    assertEquals(told(peer), isFast ? [`reject 0 0 ${BLOCK_BYTES}`] : []);
    // What is not owed any more has been sent, or was never asked for.
    desk.giving.onCancel(peer, 0 as PieceIndex, 0, BLOCK_BYTES);
    desk.giving.onCancel(peer, 1 as PieceIndex, 0, BLOCK_BYTES - 1);
    assertEquals([peer.owed.length, told(peer)], [1, []]);
  }
});

Deno.test("offer() says what we have in the fewest bytes, or that it is nothing", () => {
  const offered = (drawn: string, options: { isFast: boolean; isNothing?: boolean }) => {
    const desk = new Desk(drawn);
    const peer = desk.peer(options);
    desk.giving.offer(peer, { isNothing: options.isNothing ?? false });
    return told(peer);
  };
  assertEquals(offered("xxxx", { isFast: true }), ["haveAll"]);
  assertEquals(offered("xxxx", { isFast: false }), ["bitfield f0"]);
  assertEquals(offered("x x ", { isFast: true }), ["bitfield a0"]);
  assertEquals(offered("    ", { isFast: true }), ["haveNone"]);
  assertEquals(offered("    ", { isFast: false }), []);
  assertEquals(offered("xx  ", { isFast: true, isNothing: true }), ["haveNone"]);
});

Deno.test("lose() takes a piece out of the offer, once, and tells those who understand", () => {
  const desk = new Desk("xxxx");
  const [one, other] = [desk.peer({ knowsDontHave: true }), desk.peer()];
  assertEquals(desk.giving.lose(2 as PieceIndex), true);
  assertEquals([told(one), told(other)], [["donthave 2"], []]);
  assertEquals(desk.giving.lose(2 as PieceIndex), false);
  assertEquals([desk.have.has(2), desk.have.count, told(one)], [false, 3, []]);
  const late = desk.peer({ isFast: false });
  desk.giving.offer(late, { isNothing: false });
  assertEquals(told(late), ["bitfield d0"]);
});

Deno.test("a request for a piece that was lost is nobody's fault", () => {
  const desk = new Desk("xxxx");
  const [fast, old] = [desk.peer(), desk.peer({ isFast: false })];
  desk.giving.lose(2 as PieceIndex);
  for (let i = 0; i < 10 * MAX_LACKED; i++) assertEquals(desk.ask(fast, 2), undefined);
  assertEquals([told(fast).length, fast.lackedRequests], [10 * MAX_LACKED, 0]);
  // One that cannot be told no would wait for ever.
  assertEquals([desk.ask(old, 2), old.closing], [undefined, "no-use"]);
  // One that was told that it is gone does not.
  const aware = desk.peer({ isFast: false, knowsDontHave: true });
  assertEquals([desk.ask(aware, 2), aware.closing, told(aware)], [undefined, undefined, []]);
  desk.have.add(2);
  assertEquals([desk.ask(fast, 2), fast.owed.length], [undefined, 1], "it is back");
});

Deno.test("a round is due when somebody begins or ceases to want something", () => {
  const desk = new Desk("xxxx");
  const peer = desk.peer({ isChoked: true });
  desk.giving.tick(0);
  assertEquals(desk.giving.isRefillDue, false);
  peer.peerInterested = true;
  desk.giving.onInterest(peer);
  assertEquals(desk.giving.isRefillDue, true);
  desk.giving.tick(1);
  assertEquals([peer.amChoking, desk.giving.isRefillDue, told(peer)], [false, false, ["unchoke"]]);
  desk.giving.onInterest(peer);
  assertEquals(desk.giving.isRefillDue, false, "it is served already");
  peer.peerInterested = false;
  desk.giving.onInterest(peer);
  assertEquals(desk.giving.isRefillDue, true);
});

Deno.test("whoever pretends to have nothing refuses what it did not offer", () => {
  const desk = new Desk("xxxx");
  desk.giving.pretend();
  const peer = desk.peer();
  desk.giving.offer(peer, { isNothing: false });
  assertEquals([desk.giving.isPretending, told(peer)], [true, ["haveNone"]]);
  peer.saidPieces = true;
  desk.giving.tick(3_000);
  const offered = Number(told(peer).find((line) => line.startsWith("have "))!.split(" ")[1]);
  peer.amChoking = false;
  assertEquals([desk.ask(peer, offered), peer.owed.length], [undefined, 1]);
  const refused = [0, 1, 2, 3].find((piece) => piece !== offered)!;
  assertEquals([desk.ask(peer, refused), peer.owed.length], [undefined, 1]);
  assertThrows(() => {
    for (let i = 0; i < MAX_LACKED; i++) desk.giving.onRequest(peer, refused, 0, BLOCK_BYTES);
  }, PeerError);
});

/** Tells a choked newcomer what we have; gives what it may ask for all the same. */
function greet(desk: Desk, options: Options = {}): { peer: Peer; granted: number[] } {
  const peer = desk.peer({ ...options, isChoked: true });
  desk.isSeeding = options.isSeeding ?? false;
  desk.giving.offer(peer, { isNothing: false });
  const granted = told(peer).flatMap((line) => /^allowedFast (\d+)/.exec(line)?.[1] ?? []);
  return { peer, granted: granted.map(Number) };
}

Deno.test("onRequest() gives a choked newcomer a few pieces once", () => {
  const desk = new Desk("x".repeat(120));
  const { peer, granted } = greet(desk);
  assertEquals(granted.length, 5);
  for (const piece of granted) {
    const blocks = piece === 119 ? 1 : 16;
    for (let i = 0; i < blocks; i++) desk.ask(peer, piece, i * BLOCK_BYTES);
  }
  const owed = peer.owed.length;
  assertEquals(told(peer), [], "nothing is refused");
  assertEquals(desk.ask(peer, granted[0]!), undefined);
  const other = [...Array(119).keys()].find((piece) => !granted.includes(piece))!;
  assertEquals(desk.ask(peer, other), undefined);
  assertEquals(peer.owed.length, owed, "neither twice nor others");
  assertEquals(told(peer).length, 2, "which it is told");
});

Deno.test("a choke leaves what is owed of the pieces that are allowed fast", () => {
  const desk = new Desk("x".repeat(120));
  const { peer, granted } = greet(desk);
  peer.amChoking = false;
  const other = [...Array(119).keys()].find((piece) => !granted.includes(piece))!;
  for (const piece of [other, granted[0]!]) desk.ask(peer, piece);
  desk.giving.tick(0);
  assertEquals(told(peer), ["choke", `reject ${other} 0 ${BLOCK_BYTES}`]);
  const owed = { piece: -1, begin: -1, length: -1 };
  assertEquals([peer.owed.length, peer.owed.take(owed)], [1, true]);
  assertEquals(owed, { piece: granted[0]!, begin: 0, length: BLOCK_BYTES });
});

Deno.test("onRequest() gives a choked peer nothing once it has pieces enough", () => {
  const desk = new Desk("x".repeat(120));
  const { peer, granted } = greet(desk);
  for (let piece = 0; piece < 5; piece++) peer.have.add(piece);
  desk.ask(peer, granted[0]!);
  assertEquals(peer.owed.length, 0);
});

Deno.test("offer() allows nothing as a seed, where we lack it, in small torrents, to old peers", () => {
  assertEquals(greet(new Desk(" ".repeat(119) + "x")).granted.filter((piece) => piece < 119), []);
  assertEquals(greet(new Desk("x".repeat(99))).granted, []);
  assertEquals(greet(new Desk("x".repeat(120)), { isFast: false }).granted, []);
  assertEquals(greet(new Desk("x".repeat(120)), { isSeeding: true }).granted, []);
});
