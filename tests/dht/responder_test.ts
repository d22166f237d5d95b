/**
 * Answers: what is in them, and that they never amplify.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { Address } from "../../src/base/address.ts";
import { BencodeDict, decode } from "../../src/bencode/decode.ts";
import { encode } from "../../src/bencode/encode.ts";
import { type Family, placeOf } from "../../src/dht/contact.ts";
import { decodeMessage, type Message, type Refusal, type Response } from "../../src/dht/krpc.ts";
import { encodeQuery, MAX_ANSWER, type Question } from "../../src/dht/krpc_encode.ts";
import { compareDistance } from "../../src/dht/node_id.ts";
import { AMPLIFICATION, MAX_PEERS, Responder } from "../../src/dht/responder.ts";
import { K, RoutingTable } from "../../src/dht/routing_table.ts";
import { testHasher } from "../sim/hasher.ts";
import { forSeeds, mutate, pick, prng, randomBytes } from "../support/prng.ts";
import { ascii, at, fitting, idOf, randomOf, stranger } from "./support.ts";

const TID = ascii("abcd");
const ASKER = idOf(7, 7);
const HASH = idOf(3);
const V4 = at("8.8.4.4:99");
const V6 = at("[2001:db8::9]:99");

class Bench {
  readonly responder: Responder;
  readonly tables: Record<Family, RoutingTable>;
  now = 1000;

  constructor(families: readonly Family[] = [4, 6]) {
    const random = randomOf(prng(1));
    this.tables = { 4: new RoutingTable(idOf(), 0), 6: new RoutingTable(idOf(), 0) };
    for (let i = 0; i < 200; i++) {
      this.tables[4].onReply(stranger(random), 0);
      const address = at(`[2001:${i.toString(16)}::1]:5`);
      this.tables[6].onReply(fitting(address, random), 0);
    }
    this.responder = new Responder({
      id: idOf(),
      closest: (family, target, count) =>
        families.includes(family) ? this.tables[family].closestConfirmed(target, count) : undefined,
    }, { hasher: testHasher, random });
  }

  /** The answer to a datagram. */
  raw(datagram: Uint8Array, from: Address = V4): Uint8Array | undefined {
    const query = decodeMessage(datagram);
    if (query?.kind !== "query" && query?.kind !== "malformed") return undefined;
    const place = placeOf(from);
    return this.responder.answer({ query, from, place, bytes: datagram.length, now: this.now });
  }

  ask(question: Question, from: Address = V4): Message | undefined {
    const datagram = encodeQuery(question, { tid: TID, id: ASKER, isReadOnly: false });
    const answer = this.raw(datagram, from);
    return answer && decodeMessage(answer);
  }

  answered(question: Question, from: Address = V4): Response {
    const message = this.ask(question, from);
    assert(message?.kind === "response", message?.kind);
    return message;
  }

  refused(question: Question, from: Address = V4): Refusal {
    const message = this.ask(question, from);
    assert(message?.kind === "error", message?.kind);
    return message;
  }

  announce(from: Address, options: { port?: number; isImplied?: boolean; isSeed?: boolean } = {}) {
    const { token } = this.answered({ method: "get_peers", infoHash: HASH }, from);
    return this.answered({
      method: "announce_peer",
      infoHash: HASH,
      token: token!,
      port: options.port ?? 5000,
      isPortImplied: options.isImplied ?? false,
      isSeed: options.isSeed ?? false,
    }, from);
  }
}

Deno.test("answer() gives a ping our id and the asker its own address", () => {
  const answer = new Bench().answered({ method: "ping" });
  assertEquals([answer.tid, answer.id, answer.ip], [TID, idOf(), V4]);
});

Deno.test("answer() gives find_node the closest nodes, of the asker's family", () => {
  const bench = new Bench();
  const target = idOf(0x80, 5);
  const closest = bench.tables[4].closestConfirmed(target, K).map((node) => node.id);
  const question = { method: "find_node", target } as const;
  assertEquals(bench.answered(question).nodes.map((node) => node.id), closest);
  assertEquals(bench.answered(question).nodes6, []);
  const six = bench.answered(question, V6);
  assertEquals(six.nodes, []);
  assert(six.nodes6.length >= 4, "as many as three times the question allow");
});

Deno.test("answer() gives nodes of the families that are wanted and known", () => {
  const bench = new Bench();
  bench.responder.prove(V4, bench.now);
  const ask = (want: { n4: boolean; n6: boolean }, of = bench) => {
    of.responder.prove(V4, of.now);
    const answer = of.answered({ method: "find_node", target: HASH, want });
    return [answer.nodes.length, answer.nodes6.length];
  };
  assertEquals(ask({ n4: true, n6: true }), [8, 8]);
  assertEquals(ask({ n4: false, n6: true }), [0, 8]);
  assertEquals(ask({ n4: true, n6: false }), [8, 0]);
  assertEquals(ask({ n4: false, n6: false }), [0, 0]);
  assertEquals(ask({ n4: true, n6: true }, new Bench([4])), [8, 0]);
});

Deno.test("answer() does not tell a node of itself", () => {
  const bench = new Bench();
  const [closest] = bench.tables[4].closestConfirmed(HASH, 1);
  const datagram = encodeQuery({ method: "find_node", target: HASH }, {
    tid: TID,
    id: closest!.id,
    isReadOnly: false,
  });
  const answer = decodeMessage(bench.raw(datagram)!);
  assert(answer?.kind === "response" && answer.nodes.length === K);
  assert(answer.nodes.every(({ id }) => compareDistance(id, id, closest!.id) !== 0));
});

Deno.test("answer() stores a peer that shows its token, and gives it to others", () => {
  const bench = new Bench();
  assertEquals(bench.answered({ method: "get_peers", infoHash: HASH }).values, []);
  bench.announce(V4);
  bench.announce(at("9.9.9.9:77"), { isImplied: true, port: 1 });
  bench.announce(V6);
  const peers = bench.answered({ method: "get_peers", infoHash: HASH }).values;
  assertEquals(peers.map((peer) => `${peer.host}:${peer.port}`).sort(), [
    "2001:db8::9:5000",
    "8.8.4.4:5000",
    "9.9.9.9:77",
  ]);
});

Deno.test("answer() refuses a token that was issued to another, is made up or old", () => {
  const bench = new Bench();
  const { token } = bench.answered({ method: "get_peers", infoHash: HASH }, at("9.9.9.9:1"));
  const announce = (token: Uint8Array, from: Address) =>
    bench.refused({
      method: "announce_peer",
      infoHash: HASH,
      token,
      port: 1,
      isPortImplied: false,
      isSeed: false,
    }, from);
  assertEquals(announce(token!, V4).code, 203);
  assertEquals(announce(ascii("guessing"), V4).code, 203);
  bench.now += 600_000;
  assertEquals(announce(token!, at("9.9.9.9:1")).code, 203);
  assertEquals(bench.responder.store.size, 0);
});

Deno.test("answer() answers a scrape with Bloom filters when the asker is proven", () => {
  const bench = new Bench();
  bench.announce(V4, { isSeed: true });
  const scrape = (from: Address) => {
    const a = { id: ASKER, info_hash: HASH, scrape: 1 };
    const root = decode(bench.raw(encode({ t: TID, y: "q", q: "get_peers", a }), from)!);
    assert(root instanceof BencodeDict);
    const body = root.dict("r")!;
    return [body.bytes("BFsd")?.length, body.bytes("BFpe")?.length];
  };
  assertEquals(scrape(V4), [256, 256], "it announced, so it has shown its token");
  assertEquals(scrape(at("7.7.7.7:7")), [undefined, undefined]);
  bench.responder.prove(at("7.7.7.7:7"), bench.now);
  assertEquals(scrape(at("7.7.7.7:7")), [256, 256]);
});

Deno.test("answer() serves an unknown method when it has a target and refuses it otherwise", () => {
  const bench = new Bench();
  const ask = (a: Record<string, Uint8Array>) =>
    decodeMessage(bench.raw(encode({ t: TID, y: "q", q: "sample_infohashes", a }))!);
  assertEquals(ask({ id: ASKER, target: HASH })?.kind, "response");
  const refusal = ask({ id: ASKER });
  assertEquals(refusal?.kind === "error" && refusal.code, 204);
  const malformed = decodeMessage(
    bench.raw(encode({ t: TID, y: "q", q: "ping", a: { x: HASH } }))!,
  );
  assertEquals(malformed?.kind === "error" && malformed.code, 203);
});

Deno.test("answer() gives few peers to the unproven and fifty to the proven", () => {
  const bench = new Bench();
  for (let i = 0; i < 200; i++) bench.announce(at(`6.6.${i}.6:6`));
  const question = { method: "get_peers", infoHash: HASH } as const;
  const unproven = bench.answered(question, at("7.7.7.7:7"));
  assert(unproven.values.length >= 8 && unproven.nodes.length >= 2, "some of both");
  bench.responder.prove(at("7.7.7.7:7"), bench.now);
  const proven = bench.answered(question, at("7.7.7.7:7"));
  assertEquals([proven.values.length, proven.nodes.length], [MAX_PEERS, K]);
  bench.now += 600_000;
  assert(bench.answered(question, at("7.7.7.7:7")).values.length < MAX_PEERS, "proof gets old");
});

Deno.test("answer() is shorter than three times any question of an unproven sender", () => {
  const bench = new Bench();
  for (let i = 0; i < 200; i++) bench.announce(at(`6.6.${i}.6:6`));
  for (let i = 0; i < 60; i++) bench.announce(at(`[2001:6:6:${i}::1]:6`));
  let [answers, most] = [0, 0];
  forSeeds(2000, (next) => {
    const random = randomOf(next);
    const extra = pick(next, [{}, { v: "LT01" }, { x: randomBytes(next, random.below(200)) }]);
    const target = pick(next, [HASH, randomBytes(next, 20)]);
    const question = encode({
      t: randomBytes(next, 1 + random.below(8)),
      y: "q",
      q: pick(next, ["ping", "find_node", "get_peers", "announce_peer", "vote", "x"]),
      a: {
        id: randomBytes(next, 20),
        ...pick(next, [{ target }, { info_hash: target }, { info_hash: target, scrape: 1 }, {}]),
        ...pick(next, [{}, { want: ["n4", "n6"] }, { port: 1, token: "tokentok" }]),
      },
      ...extra,
    });
    const datagram = next() < 0.3 ? mutate(next, question) : question;
    const from = pick(next, [at("7.1.2.3:7"), at("[2001:7::1]:7"), at("127.0.0.1:7")]);
    const answer = bench.raw(datagram, from);
    if (!answer) return;
    answers++;
    most = Math.max(most, answer.length / datagram.length);
    assert(answer.length < AMPLIFICATION * datagram.length);
    assert(decodeMessage(answer), "and well-formed");
  });
  assert(answers > 1000 && most > 2.5, `${answers} answers, at most ${most}`);
});

Deno.test("answer() is never longer than a datagram may be", () => {
  const bench = new Bench();
  for (let i = 0; i < 60; i++) bench.announce(at(`[2001:6:6:${i}::1]:6`));
  bench.responder.prove(V6, bench.now);
  const a = { id: ASKER, info_hash: HASH, scrape: 1, want: ["n4", "n6"] };
  const answer = bench.raw(encode({ t: TID, y: "q", q: "get_peers", a }), V6)!;
  assert(answer.length <= MAX_ANSWER && answer.length > 900, `${answer.length}`);
});

Deno.test("answer() keeps to its bounds when the question is the shortest there is", () => {
  const shortest = ascii("d1:t1:a1:y1:qe");
  assert(new Bench().raw(shortest)!.length < AMPLIFICATION * shortest.length);
});
