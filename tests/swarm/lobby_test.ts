/**
 * Peers before the metadata: what is noted of them, what they may not do, and how it is said again.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { PeerError } from "../../src/base/errors.ts";
import { EarlyPieces } from "../../src/swarm/early_pieces.ts";
import { Extensions } from "../../src/swarm/extensions.ts";
import { Lobby, replayLobby } from "../../src/swarm/lobby.ts";
import { IDLE_TIMEOUT_MS, KEEP_ALIVE_MS } from "../../src/swarm/swarm.ts";
import { Decoder } from "../../src/wire/decoder.ts";
import { feed, Recorder } from "../wire/recorder.ts";
import { newPeer } from "./support.ts";

/** What is said again for a torrent of so many pieces. */
function replayed(early: EarlyPieces, pieceCount: number): string[] {
  const calls: string[] = [];
  early.replay({
    onBitfield: (bits) => void calls.push(`bitfield ${[...bits]}`),
    onHaveAll: () => void calls.push("all"),
    onHaveNone: () => void calls.push("none"),
  }, pieceCount);
  return calls;
}

function enter(supportsFast = true, wantsData = true) {
  const peer = newPeer({ supportsFast, pieceCount: 0 });
  const lobby = new Lobby(new Extensions(), { wantsData });
  const protocol = lobby.enter(peer, 0);
  const said = () => {
    const recorder = new Recorder();
    feed(new Decoder(), recorder, peer.encoder.take());
    return recorder.calls;
  };
  return { peer, lobby, protocol, said };
}

Deno.test("a bitfield and haves become one bitfield", () => {
  const early = new EarlyPieces();
  early.onBitfield(Uint8Array.of(0b1000_0000, 0));
  early.onHave(9);
  assertEquals(replayed(early, 10), ["bitfield 128,64"]);
  const haves = new EarlyPieces();
  haves.onHave(2);
  assertEquals(replayed(haves, 20), ["bitfield 32,0,0"]);
  const none = new EarlyPieces();
  none.onHaveNone();
  none.onHave(0);
  assertEquals(replayed(none, 3), ["none", "bitfield 128"]);
  const all = new EarlyPieces();
  all.onHaveAll();
  assertEquals(replayed(all, 3), ["all"]);
  assertEquals(replayed(new EarlyPieces(), 3), []);
});

Deno.test("what does not fit the torrent is refused when its size is known", () => {
  const long = new EarlyPieces();
  long.onBitfield(Uint8Array.of(1, 0));
  assertThrows(() => replayed(long, 8), PeerError, "bad-bitfield");
  const far = new EarlyPieces();
  far.onHave(8);
  assertThrows(() => replayed(far, 8), PeerError, "bad-index");
});

Deno.test("indices beyond every torrent, and pieces said twice over, are refused at once", () => {
  assertThrows(() => new EarlyPieces().onHave(1 << 22), PeerError, "bad-index");
  assertThrows(() => new EarlyPieces().onHave(0xffff_ffff), PeerError, "bad-index");
  const early = new EarlyPieces();
  early.onHaveAll();
  assertThrows(() => early.onHaveNone(), PeerError);
  assertThrows(() => early.onBitfield(Uint8Array.of(1)), PeerError);
});

Deno.test("interest is shown with the first piece, and never where no data is wanted", () => {
  const { protocol, said } = enter();
  protocol.onBitfield(Uint8Array.of(0, 0));
  assertEquals(said(), []);
  protocol.onHave(3);
  protocol.onHave(4);
  assertEquals(said(), ["interested"]);
  const meta = enter(true, false);
  meta.protocol.onHaveAll();
  assertEquals(meta.said(), []);
});

Deno.test("requests are rejected, and a flood of them or of blocks is cut", () => {
  const { protocol, said } = enter();
  protocol.onRequest(1, 2, 3);
  assertEquals(said(), ["reject 1 2 3"]);
  assertThrows(
    () => {
      for (let i = 0; i < 3000; i++) protocol.onRequest(1, 2, 3);
    },
    PeerError,
    "flood",
  );
  const other = enter();
  assertThrows(
    () => {
      for (let i = 0; i < 100; i++) other.protocol.onPiece(0, 0, new Uint8Array(16_384));
    },
    PeerError,
    "flood",
  );
});

Deno.test("messages of the fast extension are refused without it", () => {
  const { protocol } = enter(false);
  for (const say of [() => protocol.onHaveAll(), () => protocol.onAllowedFast(1)]) {
    assertThrows(say, PeerError, "bad-message");
  }
});

Deno.test("replayLobby() checks what may be asked for while choked, and starts the counts anew", () => {
  const { peer, protocol } = enter();
  protocol.onAllowedFast(7);
  protocol.onRequest(0, 0, 1);
  const nobody = { onBitfield: () => {}, onHaveAll: () => {}, onHaveNone: () => {} };
  peer.learnPieceCount(7);
  assertThrows(() => replayLobby(peer, nobody), PeerError, "bad-index");
  assertEquals(peer.refusedRequests, 0);
});

Deno.test("tick() closes who is silent and says something to who hears nothing", () => {
  const { peer, lobby, said } = enter();
  peer.lastReadAt = KEEP_ALIVE_MS;
  lobby.tick(KEEP_ALIVE_MS);
  assertEquals([said(), peer.closing], [["keepAlive"], undefined]);
  lobby.tick(KEEP_ALIVE_MS + IDLE_TIMEOUT_MS);
  assert(peer.closing === "idle");
});
