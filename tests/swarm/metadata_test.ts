/**
 * `ut_metadata` as an extension: what we give, to whom, and how much of it.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { concat } from "../../src/base/bytes.ts";
import { PeerError } from "../../src/base/errors.ts";
import { TokenBucket } from "../../src/base/token_bucket.ts";
import { Metadata } from "../../src/swarm/metadata.ts";
import type { Peer } from "../../src/swarm/peer.ts";
import { Decoder } from "../../src/wire/decoder.ts";
import {
  decodeMetadata,
  encodeMetadataRequest,
  type MetadataMessage,
} from "../../src/wire/ut_metadata.ts";
import { decodeExtensionHandshake, encodeExtensionHandshake } from "../../src/wire/extension.ts";
import { feed, Recorder } from "../wire/recorder.ts";
import { newPeer } from "./support.ts";

const INFO = new Uint8Array(40_000).map((_, i) => i & 0xff);

function asker(): Peer {
  const peer = newPeer();
  peer.extensions = decodeExtensionHandshake(
    encodeExtensionHandshake({ m: { ut_metadata: 7 }, v: "", reqq: 9 }),
  );
  return peer;
}

function answers(peer: Peer): MetadataMessage[] {
  const out: MetadataMessage[] = [];
  const recorder = new Recorder();
  recorder.onExtended = (id, payload) => {
    assertEquals(id, 7);
    out.push(decodeMetadata(payload.slice())!);
  };
  feed(new Decoder(), recorder, peer.encoder.take());
  return out;
}

Deno.test("every part is given, and offered by its size", () => {
  const metadata = new Metadata({ info: INFO });
  assertEquals(metadata.offer(), { metadataSize: 40_000 });
  const peer = asker();
  for (const part of [0, 1, 2]) metadata.onMessage(peer, encodeMetadataRequest(part), 0);
  const parts = answers(peer).map((answer) => {
    assert(answer.type === "data" && answer.totalSize === 40_000);
    return answer.data;
  });
  assertEquals(concat(parts), INFO);
});

Deno.test("a part that there is not is rejected, and any while we have none", () => {
  const peer = asker();
  const metadata = new Metadata({ info: INFO });
  metadata.onMessage(peer, encodeMetadataRequest(3), 0);
  assertEquals(answers(peer), [{ type: "reject", piece: 3 }]);
});

Deno.test("a peer that reads nothing is refused more, and one that asks too often", () => {
  const metadata = new Metadata({ info: INFO });
  const deaf = asker();
  for (let i = 0; i < 60; i++) metadata.onMessage(deaf, encodeMetadataRequest(0), 0);
  assert(deaf.encoder.length < 600_000, `${deaf.encoder.length} bytes wait`);
  const greedy = asker();
  let bytes = 0;
  assertThrows(() => {
    for (let i = 0; i < 5_000; i++) {
      metadata.onMessage(greedy, encodeMetadataRequest(0), 0);
      for (const answer of answers(greedy)) if (answer.type === "data") bytes += answer.data.length;
    }
  }, PeerError);
  assert(bytes >= 1_000_000 && bytes < 1_300_000, `${bytes} bytes given`);
});

Deno.test("what nobody asked for is ignored once the dictionary is here", () => {
  const metadata = new Metadata({ info: INFO });
  const peer = asker();
  const data = new TextEncoder().encode("d8:msg_typei1e5:piecei0e10:total_sizei5eehello");
  metadata.onMessage(peer, data, 0);
  assertEquals(peer.encoder.length, 0);
});

Deno.test("what is given keeps the limit, a part to each in turn", () => {
  const rate = 32_768;
  const limit = new TokenBucket(rate);
  const info = new Uint8Array(20 * 16_384);
  const metadata = new Metadata({ info }, limit);
  const peers = [asker(), asker()];
  for (let part = 0; part < 20; part++) {
    for (const peer of peers) metadata.onMessage(peer, encodeMetadataRequest(part), 0);
  }
  const given = [0, 0];
  const parts: number[] = [];
  for (let now = 0; now <= 10_000; now += 500) {
    metadata.tick(peers, now);
    peers.forEach((peer, i) => {
      for (const answer of answers(peer)) {
        assert(answer.type === "data");
        if (i === 0) parts.push(answer.piece);
        given[i]! += answer.data.length;
      }
    });
    const most = rate * now / 1000 + rate;
    assert(given[0]! + given[1]! <= most, `${given} at ${now}`);
  }
  assert(given[0]! + given[1]! > 0.95 * 10 * rate, `${given}`);
  assert(Math.abs(given[0]! - given[1]!) <= 16_384, `${given}`);
  assertEquals(parts, [...parts.keys()]);
  metadata.onGone(peers[0]!);
  metadata.tick(peers, 60_000);
  assertEquals(answers(peers[0]!), []);
});
