/**
 * PeerProtocol: what each message does, what breaks the rules, and that garbage throws nothing but a
 * `PeerError`. Through the bytes of the wire.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { PeerError } from "../../src/base/errors.ts";
import { BLOCK_BYTES } from "../../src/base/units.ts";
import type { Encoder } from "../../src/wire/encoder.ts";
import { encodeExtensionHandshake, EXTENSION_IDS } from "../../src/wire/extension.ts";
import { encodeDontHave } from "../../src/wire/lt_donthave.ts";
import { pieceMessage } from "../sim/raw_wire.ts";
import { below, forSeeds, mutate, pick } from "../support/prng.ts";
import { type RemoteOptions, Room } from "./room.ts";
import { bits } from "./support.ts";

const PIECES = 4;
const LAST_BYTES = BLOCK_BYTES + 100;

/** A room of four pieces, the last with one full block and one of 100 bytes. */
const setup = () => new Room({ pieces: PIECES, blocks: 4, lastBytes: LAST_BYTES });

interface Fault {
  readonly name: string;
  readonly reason: string;
  readonly say: (say: Encoder) => void;
  readonly options?: RemoteOptions;
}

/** A block of `length` bytes. */
function block(say: Encoder, index: number, begin: number, length: number): void {
  say.raw(pieceMessage(index, begin, new Uint8Array(length)));
}

const FAULTS: readonly Fault[] = [
  { name: "have out of range", reason: "bad-index", say: (say) => say.have(PIECES) },
  { name: "have far out of range", reason: "bad-index", say: (say) => say.have(2 ** 32 - 1) },
  { name: "have-all twice", reason: "bad-bitfield", say: (say) => say.haveAll() },
  { name: "have-none after have-all", reason: "bad-bitfield", say: (say) => say.haveNone() },
  {
    name: "a bitfield with spare bits",
    reason: "bad-bitfield",
    say: () => {},
    options: { have: "xxxxxxxx" },
  },
  {
    name: "a bitfield that is too long",
    reason: "bad-bitfield",
    say: () => {},
    options: { have: "x".repeat(9) },
  },
  {
    name: "fast messages without the fast extension: have-all",
    reason: "bad-message",
    say: (say) => say.haveAll(),
    options: { isFast: false },
  },
  {
    name: "fast messages without the fast extension: reject",
    reason: "bad-message",
    say: (say) => say.reject(0, 0, BLOCK_BYTES),
    options: { isFast: false },
  },
  {
    name: "fast messages without the fast extension: allowed-fast",
    reason: "bad-message",
    say: (say) => say.allowedFast(0),
    options: { isFast: false },
  },
  {
    name: "fast messages without the fast extension: suggest",
    reason: "bad-message",
    say: (say) => say.suggest(0),
    options: { isFast: false },
  },
  { name: "suggest out of range", reason: "bad-index", say: (say) => say.suggest(PIECES) },
  { name: "allowed-fast out of range", reason: "bad-index", say: (say) => say.allowedFast(99) },
  { name: "reject out of range", reason: "bad-index", say: (say) => say.reject(99, 0, 1) },
  { name: "cancel out of range", reason: "bad-index", say: (say) => say.cancel(PIECES, 0, 1) },
  { name: "request out of range", reason: "bad-index", say: (say) => say.request(PIECES, 0, 1) },
  { name: "request of nothing", reason: "bad-request", say: (say) => say.request(0, 0, 0) },
  {
    name: "request past the end of its piece",
    reason: "bad-request",
    say: (say) => say.request(0, 4 * BLOCK_BYTES - 1, 2),
  },
  {
    name: "request past the end of the last piece",
    reason: "bad-request",
    say: (say) => say.request(3, BLOCK_BYTES, BLOCK_BYTES),
  },
  {
    name: "request that overflows 32 bits",
    reason: "bad-request",
    say: (say) => say.request(0, 2 ** 32 - 1, BLOCK_BYTES),
  },
  {
    name: "request of more than 128 KiB",
    reason: "bad-request",
    say: (say) => say.request(0, 0, 128 * 1024 + 1),
  },
  { name: "piece out of range", reason: "bad-block", say: (say) => block(say, 4, 0, BLOCK_BYTES) },
  {
    name: "piece at no multiple of 16 KiB",
    reason: "bad-block",
    say: (say) => block(say, 0, 1, BLOCK_BYTES),
  },
  {
    name: "piece past the end",
    reason: "bad-block",
    say: (say) => block(say, 0, 4 * BLOCK_BYTES, BLOCK_BYTES),
  },
  { name: "piece too short", reason: "bad-block", say: (say) => block(say, 0, 0, BLOCK_BYTES - 1) },
  {
    name: "last piece too long",
    reason: "bad-block",
    say: (say) => block(say, 3, BLOCK_BYTES, 101),
  },
  {
    name: "last piece past its end",
    reason: "bad-block",
    say: (say) => block(say, 3, 2 * BLOCK_BYTES, 100),
  },
  {
    name: "a dont-have of no piece",
    reason: "bad-message",
    say: (say) => say.extended(EXTENSION_IDS.lt_donthave, new Uint8Array(3)),
  },
  {
    name: "a dont-have out of range",
    reason: "bad-index",
    say: (say) => say.extended(EXTENSION_IDS.lt_donthave, encodeDontHave(PIECES)),
  },
  {
    name: "an extension handshake that is no dictionary",
    reason: "bad-message",
    say: (say) => say.extended(0, new TextEncoder().encode("i1e")),
  },
];

for (const { name, reason, say, options } of FAULTS) {
  Deno.test(`PeerProtocol refuses ${name}`, () => {
    const room = setup();
    const error = assertThrows(() => {
      const remote = room.connect({ have: "xxxx", ...options });
      if (options?.have === "    ") remote.say.have(0);
      say(remote.say);
      remote.tell();
    }, PeerError);
    assertEquals(error.reason, reason);
    assert(error.isFault);
  });
}

Deno.test("onPiece() takes the short block at the end", () => {
  const room = new Room({ pieces: 1, blocks: 2, lastBytes: LAST_BYTES });
  const remote = room.connect();
  assertEquals(remote.listen(), [
    "haveNone",
    "interested",
    "request 0:0",
    "request 0:1",
  ]);
  remote.giveAll(["0:1", "0:0"]);
  assertEquals(room.settle(), ["0 good"]);
});

Deno.test("a request names the length of a short block", () => {
  const room = new Room({ pieces: 1, blocks: 2, lastBytes: LAST_BYTES });
  const { peer } = room.connect();
  const bytes = peer.encoder.take();
  assertEquals([...bytes.subarray(-4)], [0, 0, 0, 100]);
});

Deno.test("onBitfield() adds pieces when it comes late, as aria2 sends it", () => {
  const room = setup();
  const remote = room.connect({ have: "x   " });
  remote.say.bitfield(bits("x x ").bytes);
  remote.tell();
  assertEquals([remote.peer.have.count, remote.peer.useful], [2, 2]);
});

Deno.test("onHaveNone() leaves us without interest", () => {
  const room = setup();
  const remote = room.connect({ have: "    " });
  assertEquals([remote.peer.amInterested, remote.listen()], [false, ["haveNone"]]);
});

Deno.test("onUnchoke() notes when we are first served, and onChoke() forgets it", () => {
  const room = setup();
  const remote = room.connect({ isUnchoking: false });
  assertEquals([remote.peer.unchokedAt, remote.peer.peerChoking], [undefined, true]);
  room.wait(1000);
  remote.say.unchoke();
  remote.tell();
  room.wait(1000);
  remote.say.unchoke();
  remote.tell();
  assertEquals([remote.peer.unchokedAt, remote.peer.peerChoking], [1000, false]);
  remote.say.choke();
  remote.tell();
  assertEquals(remote.peer.unchokedAt, undefined);
});

Deno.test("onInterested() and onNotInterested() follow what the peer says", () => {
  const remote = setup().connect();
  assertEquals(remote.peer.peerInterested, false);
  remote.say.interested();
  remote.tell();
  assertEquals(remote.peer.peerInterested, true);
  remote.say.notInterested();
  remote.tell();
  assertEquals(remote.peer.peerInterested, false);
});

Deno.test("onAllowedFast() keeps a bounded number of pieces", () => {
  const room = new Room({ pieces: 300, blocks: 1 });
  const remote = room.connect({ isUnchoking: false });
  for (let piece = 0; piece < 300; piece++) remote.say.allowedFast(piece);
  remote.tell();
  assertEquals(remote.peer.allowedFast.size, 100);
});

Deno.test("onExtended() takes the peer's limit and lowers the depth to it", () => {
  const room = setup();
  const remote = room.connect({ isUnchoking: false, reqq: 3 });
  remote.say.unchoke();
  remote.tell();
  assertEquals([remote.peer.depth, remote.asked().length], [3, 3]);
  remote.say.extended(0, encodeExtensionHandshake({ m: {}, v: "x", reqq: 2 }));
  remote.tell();
  assertEquals(remote.peer.depth, 2);
});

Deno.test("what does not concern the exchange is let pass", () => {
  const room = setup();
  const remote = room.connect();
  remote.say.keepAlive();
  remote.say.port(6881);
  remote.say.suggest(1);
  remote.say.cancel(0, 0, BLOCK_BYTES);
  remote.say.extended(77, new Uint8Array([1, 2, 3]));
  remote.say.raw(new Uint8Array([0, 0, 0, 3, 99, 1, 2]));
  remote.tell();
  assertEquals(remote.peer.closing, undefined);
});

Deno.test("PeerProtocol throws nothing but a PeerError when the bytes are garbage", () => {
  forSeeds(300, (next) => {
    const room = setup();
    const remote = room.connect({ isFast: next() < 0.7, isUnchoking: next() < 0.7 });
    const { say } = remote;
    const number = () => pick(next, [0, 1, 2, 3, 4, 16_384, 32_768, 16_383, 2 ** 31, 2 ** 32 - 1]);
    const sayings: (() => void)[] = [
      () => say.choke(),
      () => say.unchoke(),
      () => say.interested(),
      () => say.have(number()),
      () => say.request(number(), number(), number()),
      () => say.cancel(number(), number(), number()),
      () => say.reject(number(), number(), number()),
      () => say.allowedFast(number()),
      () => say.suggest(number()),
      () => block(say, number(), number(), 1 + below(next, BLOCK_BYTES)),
      () =>
        say.extended(0, mutate(next, encodeExtensionHandshake({ m: { a: 1 }, v: "v", reqq: 9 }))),
    ];
    try {
      for (let i = 0; i < 30; i++) {
        pick(next, sayings)();
        if (next() < 0.3) remote.tell();
        if (next() < 0.3) room.wait(below(next, 3000));
      }
      say.raw(mutate(next, say.take().slice()));
      remote.tell();
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      room.disconnect(remote);
    }
    room.swarm.checkInvariants();
  });
});
