/**
 * Pex: who is told of whom and when, and how little is believed of what peers tell.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Address, formatAddress } from "../../src/base/address.ts";
import { PeerError } from "../../src/base/errors.ts";
import type { Peer } from "../../src/swarm/peer.ts";
import { FIRST_AFTER_MS, Pex, PEX_EVERY_MS } from "../../src/swarm/pex.ts";
import { Decoder } from "../../src/wire/decoder.ts";
import { decodeExtensionHandshake, encodeExtensionHandshake } from "../../src/wire/extension.ts";
import {
  decodePex,
  encodePex,
  PEX_REACHABLE,
  PEX_SEED,
  type PexPeer,
} from "../../src/wire/ut_pex.ts";
import { feed, Recorder } from "../wire/recorder.ts";
import { newPeer } from "./support.ts";

const address = (host: string, port = 6881): Address => ({ host, port });

/** A peer that speaks PEX; `port` is where it says that it listens. */
function peerAt(
  host: string,
  options: { isOutgoing?: boolean; port?: number; isMute?: boolean } = {},
): Peer {
  const { isOutgoing = true, port, isMute = false } = options;
  const peer = newPeer({
    slot: 0,
    address: address(host, isOutgoing ? 6881 : 50_000),
    isOutgoing,
  });
  const m: Record<string, number> = isMute ? {} : { ut_pex: 7 };
  const offer = encodeExtensionHandshake({ m, v: "", reqq: 1, ...(port && { port }) });
  peer.extensions = decodeExtensionHandshake(offer);
  return peer;
}

/** A torrent with peers; what it believes is in `learned`. */
function setup(...peers: Peer[]) {
  const learned: string[] = [];
  const pex = new Pex((found) => learned.push(...found.map((one) => formatAddress(one.address))));
  for (const peer of peers) pex.onHandshake(peer, 0);
  return { pex, learned, peers };
}

/** The messages that wait for a peer, as `+address` and `-address`. */
function sent(peer: Peer): { list: string[]; added: readonly PexPeer[] } {
  const list: string[] = [];
  const added: PexPeer[] = [];
  const recorder = new Recorder();
  recorder.onExtended = (id, payload) => {
    assertEquals(id, 7);
    const message = decodePex(payload);
    added.push(...message.added);
    list.push(...message.added.map((one) => `+${formatAddress(one.address)}`));
    list.push(...message.dropped.map((one) => `-${formatAddress(one)}`));
  };
  feed(new Decoder({ pieceCount: 4 }), recorder, peer.encoder.take());
  return { list, added };
}

const message = (...hosts: string[]) =>
  encodePex({ added: hosts.map((host) => ({ address: address(host), flags: 0 })), dropped: [] });

Deno.test("tick() tells each peer of the others, not of itself, once they had time to come", () => {
  const { pex, peers } = setup(peerAt("9.0.0.1"), peerAt("9.0.0.2"), peerAt("2001:db8::3"));
  pex.tick(peers, FIRST_AFTER_MS - 1);
  assertEquals(sent(peers[0]!).list, []);
  pex.tick(peers, FIRST_AFTER_MS);
  assertEquals(sent(peers[0]!).list, ["+9.0.0.2:6881", "+[2001:db8::3]:6881"]);
  assertEquals(sent(peers[2]!).list, ["+9.0.0.1:6881", "+9.0.0.2:6881"]);
});

Deno.test("tick() tells what has changed, once a minute, and nothing where nothing has", () => {
  const [a, b, c] = [peerAt("9.0.0.1"), peerAt("9.0.0.2"), peerAt("9.0.0.3")];
  const { pex } = setup(a, b);
  pex.tick([a, b], 5_000);
  sent(a);
  pex.tick([a, c], 5_000 + PEX_EVERY_MS - 1);
  assertEquals(sent(a).list, []);
  pex.tick([a, c], 5_000 + PEX_EVERY_MS);
  assertEquals(sent(a).list, ["+9.0.0.3:6881", "-9.0.0.2:6881"]);
  pex.tick([a, c], 5_000 + 9 * PEX_EVERY_MS);
  assertEquals(sent(a).list, []);
  // With nothing to be told in between, news go out at once.
  pex.tick([a], 5_000 + 9 * PEX_EVERY_MS + 1);
  assertEquals(sent(a).list, ["-9.0.0.3:6881"]);
});

Deno.test("tick() tells of who dialled us by the port it listens on, and not without one", () => {
  const incoming = peerAt("9.0.0.2", { isOutgoing: false, port: 7000 });
  const unknown = peerAt("9.0.0.3", { isOutgoing: false });
  const { pex, peers } = setup(peerAt("9.0.0.1"), incoming, unknown);
  pex.tick(peers, FIRST_AFTER_MS);
  const { list, added } = sent(peers[0]!);
  assertEquals(list, ["+9.0.0.2:7000"]);
  assertEquals(added[0]!.flags, 0);
});

Deno.test("tick() says who has everything and who was reached", () => {
  const seed = peerAt("9.0.0.2");
  seed.have.fill();
  const { pex, peers } = setup(peerAt("9.0.0.1"), seed);
  pex.tick(peers, FIRST_AFTER_MS);
  assertEquals(sent(peers[0]!).added[0]!.flags, PEX_SEED | PEX_REACHABLE);
});

Deno.test("tick() tells at most fifty at a time, and the others a minute later", () => {
  const others = Array.from({ length: 70 }, (_, i) => peerAt(`9.0.1.${i}`));
  const { pex, peers } = setup(peerAt("9.0.0.1"), ...others);
  pex.tick(peers, FIRST_AFTER_MS);
  assertEquals(sent(peers[0]!).list.length, 50);
  pex.tick(peers, FIRST_AFTER_MS + PEX_EVERY_MS);
  assertEquals(sent(peers[0]!).list.length, 20);
  pex.tick([peers[0]!], FIRST_AFTER_MS + 2 * PEX_EVERY_MS);
  const { list } = sent(peers[0]!);
  assertEquals(list.length, 50);
  assert(list.every((line) => line.startsWith("-")));
});

Deno.test("tick() keeps private addresses among private ones", () => {
  const [far, near, local] = [peerAt("9.0.0.1"), peerAt("10.0.0.2"), peerAt("127.0.0.1")];
  const { pex, peers } = setup(far, near, local, peerAt("10.0.0.3"));
  pex.tick(peers, FIRST_AFTER_MS);
  assertEquals(sent(far).list, []);
  assertEquals(sent(near).list, ["+9.0.0.1:6881", "+10.0.0.3:6881"]);
  assertEquals(sent(local).list, ["+9.0.0.1:6881", "+10.0.0.2:6881", "+10.0.0.3:6881"]);
});

Deno.test("tick() says nothing to whoever does not speak it or has left", () => {
  const mute = peerAt("9.0.0.2", { isMute: true });
  const { pex, peers } = setup(peerAt("9.0.0.1"), mute);
  pex.onGone(peers[0]!);
  pex.tick(peers, FIRST_AFTER_MS);
  assertEquals([sent(mute).list, sent(peers[0]!).list], [[], []]);
});

Deno.test("onMessage() hands on what a peer tells, once", () => {
  const { pex, learned, peers } = setup(peerAt("9.0.0.1"));
  pex.onMessage(peers[0]!, message("9.0.0.5", "2001:db8::5"), 0);
  pex.onMessage(peers[0]!, message("9.0.0.5", "9.0.0.6"), 60_000);
  assertEquals(learned, ["9.0.0.5:6881", "[2001:db8::5]:6881", "9.0.0.6:6881"]);
});

Deno.test("onMessage() reads a message a minute, and drops a peer that floods", () => {
  const { pex, learned, peers } = setup(peerAt("9.0.0.1"));
  pex.onMessage(peers[0]!, message("9.0.0.5"), 0);
  for (let i = 1; i <= 10; i++) pex.onMessage(peers[0]!, message(`9.0.1.${i}`), i * 1000);
  assertEquals(learned, ["9.0.0.5:6881"]);
  const error = assertThrows(() => pex.onMessage(peers[0]!, message(), 20_000), PeerError);
  assertEquals([error.reason, error.isFault], ["flood", true]);
});

Deno.test("onMessage() believes a bounded number of addresses of one peer, and fifty a message", () => {
  const { pex, learned, peers } = setup(peerAt("9.0.0.1"));
  for (let minute = 0; minute < 10; minute++) {
    const hosts = Array.from({ length: 90 }, (_, i) => `9.1.${minute}.${i}`);
    pex.onMessage(peers[0]!, message(...hosts), minute * 60_000);
    if (minute === 0) assertEquals(learned.length, 50);
  }
  assertEquals(learned.length, 200);
});

Deno.test("onMessage() takes one port of a public host, and no private address from afar", () => {
  const flags = 0;
  const added = [address("9.9.9.9", 1), address("9.9.9.9", 2), address("10.0.0.9")];
  const payload = encodePex({ added: added.map((one) => ({ address: one, flags })), dropped: [] });
  const { pex, learned, peers } = setup(peerAt("9.0.0.1"), peerAt("10.0.0.1"));
  pex.onMessage(peers[0]!, payload, 0);
  assertEquals(learned, ["9.9.9.9:1"]);
  pex.onMessage(peers[1]!, payload, 0);
  assertEquals(learned.slice(1), ["9.9.9.9:1", "10.0.0.9:6881"]);
});

Deno.test("onMessage() blames a peer for what is no dictionary", () => {
  const { pex, peers } = setup(peerAt("9.0.0.1"));
  const error = assertThrows(
    () => pex.onMessage(peers[0]!, new TextEncoder().encode("le"), 0),
    PeerError,
  );
  assertEquals(error.reason, "bad-message");
});

Deno.test("tick() tells once of a seed that we left since neither lacked anything", () => {
  const [a, seed, rude] = [peerAt("9.0.0.1"), peerAt("9.0.0.2"), peerAt("9.0.0.3")];
  const { pex } = setup(seed, rude);
  pex.tick([seed, rude], 1_000);
  seed.closing = "no-use";
  rude.closing = "bad-message";
  for (const peer of [seed, rude]) pex.onGone(peer);
  pex.onHandshake(a, 10_000);
  pex.tick([a], 20_000);
  assertEquals(sent(a).list, ["+9.0.0.2:6881"]);
  pex.tick([a], 20_000 + PEX_EVERY_MS);
  assertEquals(sent(a).list, ["-9.0.0.2:6881"]);
  pex.tick([a], 20_000 + 2 * PEX_EVERY_MS);
  assertEquals(sent(a).list, []);
  const late = peerAt("9.0.0.4");
  pex.onHandshake(late, 700_000);
  pex.tick([late], 710_000);
  assertEquals(sent(late).list, []);
});
