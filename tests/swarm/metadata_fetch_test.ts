/**
 * The fetch of an info dictionary: who is asked for what, what is believed, and who pays for a lie.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { createHash } from "node:crypto";
import { PeerError } from "../../src/base/errors.ts";
import { MIB } from "../../src/base/units.ts";
import { MetadataFetch, PART_TIMEOUT_MS, PARTS_IN_FLIGHT } from "../../src/swarm/metadata_fetch.ts";
import type { Peer } from "../../src/swarm/peer.ts";
import { Decoder } from "../../src/wire/decoder.ts";
import { decodeMetadata } from "../../src/wire/ut_metadata.ts";
import { decodeExtensionHandshake, encodeExtensionHandshake } from "../../src/wire/extension.ts";
import { feed, Recorder } from "../wire/recorder.ts";
import { newPeer } from "./support.ts";

const PART = 16_384;
const hasher = { sha1: (data: Uint8Array) => createHash("sha1").update(data).digest() };

/** The dictionary that is wanted: `bytes` of no meaning, since only its hash counts here. */
function made(bytes: number): Uint8Array {
  return new Uint8Array(bytes).map((_, i) => (i * 7 + (i >> 8)) & 0xff);
}

/** A fetch and its peers. */
class Scene {
  readonly info: Uint8Array;
  readonly fetch: MetadataFetch;
  now = 0;
  #next = 1;

  constructor(bytes: number) {
    this.info = made(bytes);
    this.fetch = new MetadataFetch({ infoHash: hasher.sha1(this.info), hasher, now: 0 });
  }

  /** A peer that says its size. */
  peer(size: number = this.info.length): Asked {
    const peer = newPeer({ giver: this.#next++, pieceCount: 0, now: this.now });
    peer.extensions = decodeExtensionHandshake(
      encodeExtensionHandshake({ m: { ut_metadata: 3 }, v: "", reqq: 9, metadataSize: size }),
    );
    this.fetch.onOffer(peer, this.now);
    return new Asked(this, peer);
  }

  pass(ms: number): void {
    this.now += ms;
    this.fetch.tick(this.now);
  }
}

/** A peer as the fetch sees it. */
class Asked {
  readonly peer: Peer;
  readonly #scene: Scene;
  constructor(scene: Scene, peer: Peer) {
    this.#scene = scene;
    this.peer = peer;
  }

  /** The parts it was asked for since the last time. */
  asked(): number[] {
    const out: number[] = [];
    const recorder = new Recorder();
    recorder.onExtended = (_id, payload) => {
      const message = decodeMetadata(payload);
      if (message?.type === "request") out.push(message.piece);
    };
    feed(new Decoder(), recorder, this.peer.encoder.take());
    return out;
  }

  give(piece: number, change: { lie?: boolean; totalSize?: number; data?: Uint8Array } = {}): void {
    const size = this.peer.extensions!.metadataSize!;
    const length = Math.max(0, Math.min(PART, size - piece * PART));
    const data = new Uint8Array(length);
    data.set(this.#scene.info.subarray(piece * PART, piece * PART + length));
    if (change.lie) data[0]! ^= this.peer.giver;
    this.#scene.fetch.onData(this.peer, {
      piece,
      totalSize: change.totalSize ?? size,
      data: change.data ?? data,
    }, this.#scene.now);
  }

  /** Gives all it is asked for, until nothing more is asked. */
  giveAll(lie = false): void {
    for (let parts = this.asked(); parts.length > 0; parts = this.asked()) {
      for (const part of parts) this.give(part, { lie });
    }
  }
}

Deno.test("one peer is asked for every part, a few at a time", () => {
  const scene = new Scene(20 * PART + 5);
  const peer = scene.peer();
  assertEquals(peer.asked(), [0, 1, 2, 3, 4, 5, 6, 7]);
  peer.give(3);
  assertEquals(peer.asked(), [8]);
  for (const part of [0, 1, 2, 4, 5, 6, 7, 8]) peer.give(part);
  peer.giveAll();
  assertEquals(scene.fetch.take(), new Uint8Array(scene.info));
  assertEquals(scene.fetch.take(), undefined);
});

Deno.test("several peers share the parts", () => {
  const scene = new Scene(20 * PART);
  const [a, b] = [scene.peer(), scene.peer()];
  assertEquals([a.asked().length, b.asked()], [PARTS_IN_FLIGHT, [8, 9, 10, 11, 12, 13, 14, 15]]);
});

Deno.test("a part is asked of somebody else when its peer is late, leaves or refuses", () => {
  for (const end of ["late", "gone", "rejected"]) {
    const scene = new Scene(2 * PART);
    const [a, b] = [scene.peer(), scene.peer()];
    assertEquals([a.asked(), b.asked()], [[0, 1], []]);
    if (end === "late") scene.pass(PART_TIMEOUT_MS);
    if (end === "gone") scene.fetch.onGone(a.peer);
    if (end === "rejected") [0, 1].forEach((part) => scene.fetch.onReject(a.peer, part, scene.now));
    scene.pass(1);
    b.giveAll();
    assert(scene.fetch.take() !== undefined, end);
  }
});

Deno.test("what comes late is taken all the same", () => {
  const scene = new Scene(PART);
  const a = scene.peer();
  a.asked();
  scene.pass(PART_TIMEOUT_MS);
  a.give(0);
  assert(scene.fetch.take() !== undefined);
});

Deno.test("a part that another peer owes is asked for twice, when nothing else is left", () => {
  const scene = new Scene(PART);
  const [a, b] = [scene.peer(), scene.peer()];
  assertEquals([a.asked(), b.asked()], [[0], []]);
  scene.pass(500);
  assertEquals(b.asked(), []);
  scene.pass(500);
  assertEquals(b.asked(), [0]);
  b.give(0);
  a.give(0);
  assert(scene.fetch.take() !== undefined);
});

Deno.test("a peer that answers nothing gives its place up", () => {
  const scene = new Scene(PART);
  const a = scene.peer();
  for (let i = 0; i < 100; i++) scene.pass(500);
  assertEquals(a.peer.closing, "idle");
});

Deno.test("a slow peer that goes on giving keeps its place", () => {
  const scene = new Scene(40 * PART);
  const a = scene.peer();
  let next = 0;
  for (let at = 0; next < 40; at++) {
    scene.pass(500);
    if (at % 10 === 0) a.give(next++);
    assertEquals(a.peer.closing, undefined);
  }
  assert(scene.fetch.take() !== undefined);
});

Deno.test("a lone liar is convicted with the last part", () => {
  const scene = new Scene(3 * PART);
  const a = scene.peer();
  a.giveAll(true);
  assertEquals([scene.fetch.takeGuilty(), a.peer.closing], [[a.peer.giver], "corrupt-data"]);
  assertEquals(scene.fetch.take(), undefined);
});

Deno.test("of several givers the liar is found: each goes on alone with what it gave", () => {
  const scene = new Scene(20 * PART);
  const [liar, honest] = [scene.peer(), scene.peer()];
  const first = [liar.asked(), honest.asked()];
  for (const part of first[0]!) liar.give(part, { lie: true });
  for (const part of first[1]!) honest.give(part);
  liar.giveAll(true);
  assertEquals(scene.fetch.take(), undefined);
  // The last part makes the shared draft whole and wrong; from there on it is asked for the liar's parts.
  honest.giveAll();
  assertEquals(scene.fetch.take(), new Uint8Array(scene.info));
});

Deno.test("a liar among several is convicted when its own draft is whole", () => {
  const scene = new Scene(20 * PART);
  const [liar, other] = [scene.peer(), scene.peer()];
  liar.asked().forEach((part) => liar.give(part, { lie: true }));
  other.asked().forEach((part) => other.give(part));
  liar.giveAll(true);
  other.giveAll();
  liar.giveAll(true);
  assertEquals(scene.fetch.takeGuilty(), [liar.peer.giver]);
  assertEquals(other.peer.closing, undefined);
  other.giveAll();
  assert(scene.fetch.take() !== undefined);
});

Deno.test("peers with other sizes neither help nor harm", () => {
  const scene = new Scene(3 * PART);
  const [long, honest, short] = [scene.peer(90 * MIB), scene.peer(), scene.peer(10)];
  assertEquals([long.asked().length, honest.asked().length, short.asked()], [8, 3, [0]]);
  assertEquals(scene.fetch.heldBytes, 0, "a claim costs no memory");
  short.give(0);
  assertEquals(scene.fetch.takeGuilty(), [short.peer.giver]);
  [0, 1, 2].forEach((part) => honest.give(part));
  assert(scene.fetch.take() !== undefined);
});

Deno.test("parts of another length or size cost the connection", () => {
  const wrong = [
    { data: new Uint8Array(PART - 1) },
    { data: new Uint8Array(PART + 1) },
    { totalSize: 3 * PART + 1 },
  ];
  for (const change of wrong) {
    const scene = new Scene(3 * PART);
    const a = scene.peer();
    assertThrows(() => a.give(0, change), PeerError);
    assertEquals(scene.fetch.heldBytes, 0);
  }
});

Deno.test("parts that nobody asked for, or that come again, are refused and then cut", () => {
  const scene = new Scene(20 * PART);
  const a = scene.peer();
  a.give(0);
  const held = scene.fetch.heldBytes;
  a.give(0);
  a.give(19);
  assertEquals(scene.fetch.heldBytes, held);
  assertThrows(() => {
    for (let i = 0; i < 30; i++) a.give(0, { lie: true });
  }, PeerError);
  const stranger = scene.peer();
  stranger.peer.extensions = undefined;
  scene.fetch.onGone(stranger.peer);
  stranger.peer.extensions = a.peer.extensions;
  assertThrows(() => stranger.give(0), PeerError);
});

Deno.test("all drafts together hold no more than twice the largest dictionary", () => {
  const scene = new Scene(3 * PART);
  const liars = [90, 91, 92, 93].map((mib) => scene.peer(mib * MIB));
  let most = 0;
  for (let round = 0; round < 6000; round++) {
    for (const liar of liars) {
      for (const part of liar.asked()) liar.give(part, { data: new Uint8Array(PART) });
    }
    most = Math.max(most, scene.fetch.heldBytes);
    if (liars.every((liar) => liar.peer.closing !== undefined)) break;
    if (round % 100 === 0) scene.pass(500);
  }
  assert(most <= 192 * MIB + 4 * PARTS_IN_FLIGHT * PART, `${most} bytes`);
  const honest = scene.peer();
  honest.giveAll();
  assert(scene.fetch.take() !== undefined);
});

Deno.test("progressAt does not count what was proven wrong", () => {
  const scene = new Scene(2 * PART);
  const liar = scene.peer();
  scene.pass(1000);
  liar.give(0, { lie: true });
  assertEquals(scene.fetch.progressAt, 1000);
  liar.give(1);
  assertEquals(scene.fetch.progressAt, 0);
});

Deno.test("a dictionary of random size comes together from random peers, whatever order", () => {
  for (let seed = 1; seed <= 30; seed++) {
    let state = seed * 2654435761 >>> 0;
    const random = (n: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor(state / 2 ** 32 * n);
    };
    const scene = new Scene(1 + random(40 * PART));
    const peers = Array.from({ length: 2 + random(5) }, () => scene.peer());
    const lies = peers.map((_, i) => i > 0 && random(3) === 0);
    const pending = peers.map(() => [] as number[]);
    let info: Uint8Array | undefined;
    for (let step = 0; step < 5000 && info === undefined; step++) {
      const i = random(peers.length);
      if (peers[i]!.peer.closing !== undefined) continue;
      pending[i]!.push(...peers[i]!.asked());
      const [part] = pending[i]!.splice(random(pending[i]!.length), 1);
      if (part !== undefined) peers[i]!.give(part, { lie: lies[i]! && random(4) === 0 });
      if (step % 20 === 0) scene.pass(500);
      info = scene.fetch.take();
    }
    assertEquals(info, new Uint8Array(scene.info), `seed ${seed}`);
  }
});
