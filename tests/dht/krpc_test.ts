/**
 * KRPC messages: the packets of BEP 5, 32, 33, 42 and 43, what is refused, and what garbage does.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { concat } from "../../src/base/bytes.ts";
import { decode } from "../../src/bencode/decode.ts";
import { type Encodable, encode } from "../../src/bencode/encode.ts";
import { encodeContact } from "../../src/dht/contact.ts";
import { decodeMessage, MAX_CONTACTS, MAX_VALUES, type Message } from "../../src/dht/krpc.ts";
import {
  type Answer,
  answerBytes,
  encodeAnswer,
  encodeQuery,
  encodeRefusal,
  entryBytes,
  type Question,
  valuesBytes,
} from "../../src/dht/krpc_encode.ts";
import { forSeeds, mutate, pick, randomBytes } from "../support/prng.ts";
import { ascii, at, idOf, lan, randomOf, stranger, text } from "./support.ts";

const ID = ascii("abcdefghij0123456789");
const OTHER = ascii("mnopqrstuvwxyz123456");
const TID = ascii("aa");

function read(packet: string): Message | undefined {
  return decodeMessage(ascii(packet));
}

function query(q: string, a: Record<string, Encodable>, more: Record<string, Encodable> = {}) {
  return decodeMessage(encode({ t: "aa", y: "q", q, a: { id: ID, ...a }, ...more }));
}

function response(r: Record<string, Encodable>, more: Record<string, Encodable> = {}) {
  return decodeMessage(encode({ t: "aa", y: "r", r: { id: ID, ...r }, ...more }));
}

Deno.test("decodeMessage() reads the queries of BEP 5", () => {
  const base = { kind: "query", tid: TID, id: ID, isReadOnly: false } as const;
  assertEquals(read("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe"), {
    ...base,
    method: "ping",
  });
  assertEquals(
    read(
      "d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q9:find_node1:t2:aa1:y1:qe",
    ),
    { ...base, method: "find_node", target: OTHER, want: undefined },
  );
  assertEquals(
    read(
      "d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e1:q9:get_peers1:t2:aa1:y1:qe",
    ),
    {
      ...base,
      method: "get_peers",
      infoHash: OTHER,
      want: undefined,
      noSeed: false,
      isScrape: false,
    },
  );
  const announce =
    "d1:ad2:id20:abcdefghij012345678912:implied_porti1e9:info_hash20:mnopqrstuvwxyz1234564:porti6881e" +
    "5:token8:aoeusnthe1:q13:announce_peer1:t2:aa1:y1:qe";
  const token = ascii("aoeusnth");
  assertEquals(read(announce), {
    ...base,
    method: "announce_peer",
    infoHash: OTHER,
    port: undefined,
    token,
    isSeed: false,
  });
  const explicit = read(announce.replace("porti1e", "porti0e"));
  assert(explicit?.kind === "query" && explicit.method === "announce_peer");
  assertEquals(explicit.port, 6881);
});

Deno.test("decodeMessage() reads the answers and errors of BEP 5", () => {
  const base = {
    kind: "response",
    tid: TID,
    id: OTHER,
    nodes: [],
    nodes6: [],
    values: [],
    token: undefined,
    ip: undefined,
  } as const;
  assertEquals(read("d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re"), base);
  assertEquals(
    read(
      "d1:rd2:id20:mnopqrstuvwxyz1234565:token8:aoeusnth6:valuesl6:axje.u6:idhtnmee1:t2:aa1:y1:re",
    ),
    {
      ...base,
      token: ascii("aoeusnth"),
      values: [at("97.120.106.101:11893"), at("105.100.104.116:28269")],
    },
  );
  assertEquals(read("d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee"), {
    kind: "error",
    tid: TID,
    code: 201,
    message: "A Generic Error Ocurred",
  });
  assertEquals(read("d1:e5:wrong1:t2:aa1:y1:ee"), {
    kind: "error",
    tid: TID,
    code: 0,
    message: "",
  });
});

Deno.test("decodeMessage() reads the keys of BEP 32, 33, 42 and 43", () => {
  const asked = query("get_peers", {
    info_hash: OTHER,
    want: ["n6", "n4", "xx", 7],
    noseed: 1,
    scrape: 1,
  }, { ro: 1, v: "LT" });
  assert(asked?.kind === "query" && asked.method === "get_peers");
  assertEquals(asked.want, { n4: true, n6: true });
  assert(asked.noSeed && asked.isScrape && asked.isReadOnly);
  const announced = query("announce_peer", { info_hash: OTHER, port: 5, token: "x", seed: 1 });
  assert(announced?.kind === "query" && announced.method === "announce_peer" && announced.isSeed);
  const [v4, v6] = [lan(idOf(1), 1), { id: idOf(2), address: at("[2001:db8::1]:9") }];
  const answered = response({
    nodes: encodeContact(v4),
    nodes6: encodeContact(v6),
    values: [concat([encodeContact(v6)]).subarray(20), ascii("short"), ascii("axje.u")],
  }, { ip: Uint8Array.of(9, 8, 7, 6, 5, 4) });
  assert(answered?.kind === "response");
  assertEquals([answered.nodes, answered.nodes6], [[v4], [v6]]);
  assertEquals(answered.values, [v6.address, at("97.120.106.101:11893")]);
  assertEquals(answered.ip, at("9.8.7.6:1284"));
});

Deno.test("decodeMessage() takes an unknown method for a lookup when it has a target", () => {
  for (const key of ["target", "info_hash"]) {
    const asked = query("sample_infohashes", { [key]: OTHER });
    assert(asked?.kind === "query" && asked.method === "find_node");
    assertEquals(asked.target, OTHER);
  }
  const unknown = query("vote", {});
  assert(unknown?.kind === "query" && unknown.method === "unknown");
});

Deno.test("decodeMessage() calls a query malformed when its sender can be told so", () => {
  const malformed = { kind: "malformed", tid: TID };
  for (
    const packet of [
      "d1:q4:ping1:t2:aa1:y1:qe",
      "d1:ade1:q4:ping1:t2:aa1:y1:qe",
      "d1:ad2:id19:abcdefghij012345678e1:q4:ping1:t2:aa1:y1:qe",
      "d1:ad2:idi5ee1:q4:ping1:t2:aa1:y1:qe",
      "d1:ad2:id20:abcdefghij0123456789e1:qi5e1:t2:aa1:y1:qe",
      "d1:ad2:id20:abcdefghij0123456789e1:t2:aa1:y1:qe",
    ]
  ) assertEquals(read(packet), malformed, packet);
  assertEquals(query("find_node", {}), malformed);
  assertEquals(query("get_peers", { info_hash: "short" }), malformed);
  const announce = { info_hash: OTHER, port: 1, token: "t" };
  for (const port of [0, -1, 65_536, 2n ** 60n, "1"]) {
    assertEquals(query("announce_peer", { ...announce, port }), malformed);
  }
  assertEquals(query("announce_peer", { info_hash: OTHER, port: 1 }), malformed);
  assertEquals(query("announce_peer", { ...announce, token: new Uint8Array(256) }), malformed);
});

Deno.test("decodeMessage() gives nothing when a datagram is no message", () => {
  for (
    const packet of [
      "",
      "d",
      "le",
      "i5e",
      "de",
      "d1:t2:aae",
      "d1:y1:qe",
      "d1:t0:1:y1:qe",
      "d1:t33:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1:y1:qe",
      "d1:ti5e1:y1:qe",
      "d1:t2:aa1:y1:xe",
      "d1:t2:aa1:y2:qqe",
      "d1:t2:aa1:y1:re",
      "d1:rd2:id19:mnopqrstuvwxyz12345e1:t2:aa1:y1:re",
      "d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:rejunk",
    ]
  ) assertEquals(read(packet), undefined, packet);
  assertEquals(decodeMessage(new Uint8Array(3000).fill(0x64)), undefined);
  for (
    const wrong of [
      { nodes: "25 bytes are no contact!!" },
      { nodes: 5 },
      { nodes6: encodeContact(lan(ID, 1)) },
      { values: "axje.u" },
      { values: [5] },
      { token: "" },
      { token: 7 },
      { token: new Uint8Array(256) },
    ]
  ) assertEquals(response(wrong), undefined);
});

Deno.test("decodeMessage() bounds what it takes out of one answer", () => {
  const nodes = concat(Array.from({ length: 40 }, (_, i) => encodeContact(lan(idOf(i), i))));
  const many = response({ nodes, values: Array(MAX_VALUES + 50).fill(ascii("axje.u")) });
  assert(many === undefined || many.kind === "response" && many.values.length <= MAX_VALUES);
  const some = response({ nodes, values: Array(100).fill(ascii("axje.u")) });
  assert(some?.kind === "response");
  assertEquals([some.nodes.length, some.values.length], [MAX_CONTACTS, 100]);
});

Deno.test("decodeMessage() keeps nothing of the datagram", () => {
  const packet = ascii("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe");
  const message = decodeMessage(packet);
  packet.fill(0);
  assert(message?.kind === "query");
  assertEquals([message.id, message.tid], [ID, TID]);
});

Deno.test("encodeQuery() writes canonical bencode that reads back", () => {
  forSeeds(100, (next) => {
    const flag = () => next() < 0.5;
    const id = () => randomBytes(next, 20);
    const want = flag() ? { n4: flag(), n6: flag() } : undefined;
    const question = pick<Question>(next, [
      { method: "ping" },
      { method: "find_node", target: id(), want },
      { method: "get_peers", infoHash: id(), want },
      {
        method: "announce_peer",
        infoHash: id(),
        token: randomBytes(next, 1 + Math.floor(next() * 20)),
        port: 1 + Math.floor(next() * 65_535),
        isPortImplied: flag(),
        isSeed: flag(),
      },
    ]);
    const envelope = { tid: randomBytes(next, 4), id: id(), isReadOnly: flag() };
    const bytes = encodeQuery(question, envelope);
    assertEquals(encode(decode(bytes, { strict: true, allowTrailing: "none" })), bytes);
    const { method, ...rest } = question;
    const isImplied = "isPortImplied" in rest && rest.isPortImplied;
    const expected: Record<string, unknown> = { kind: "query", method, ...envelope, ...rest };
    if (method === "get_peers") Object.assign(expected, { noSeed: false, isScrape: false });
    if ("target" in rest || method === "get_peers") expected["want"] ??= undefined;
    delete expected["isPortImplied"];
    if (isImplied) expected["port"] = undefined;
    assertEquals(decodeMessage(bytes), expected as unknown as Message);
  });
});

Deno.test("encodeAnswer() writes canonical bencode of the size that was told before", () => {
  forSeeds(200, (next) => {
    const random = randomOf(next);
    const maybe = <T>(value: T) => next() < 0.5 ? value : undefined;
    const count = Math.floor(next() * 9);
    const each = next() < 0.5 ? 6 : 18;
    const answer: Answer = {
      tid: randomBytes(next, 1 + Math.floor(next() * 32)),
      id: randomBytes(next, 20),
      ip: randomBytes(next, each - 2),
      port: 1 + Math.floor(next() * 65_535),
      token: maybe(randomBytes(next, 8)),
      nodes: maybe(concat(Array.from({ length: count }, () => encodeContact(stranger(random))))),
      nodes6: maybe(new Uint8Array(38 * count)),
      values: maybe(Array.from({ length: 1 + 7 * count }, () => randomBytes(next, each))),
      seedFilter: maybe(randomBytes(next, 256)),
      peerFilter: maybe(randomBytes(next, 256)),
    };
    const bytes = encodeAnswer(answer);
    assertEquals(encode(decode(bytes, { strict: true, allowTrailing: "none" })), bytes);
    const { nodes, nodes6, values } = answer;
    const told = answerBytes(answer.tid.length, each, answer.token?.length ?? 0) +
      (nodes ? entryBytes("nodes", nodes.length) : 0) +
      (nodes6 ? entryBytes("nodes6", nodes6.length) : 0) +
      (values ? valuesBytes(values.length, each) : 0) +
      [answer.seedFilter, answer.peerFilter].filter(Boolean).length * entryBytes("BFsd", 256);
    assertEquals(bytes.length, told);
  });
});

Deno.test("encodeAnswer() and encodeRefusal() read back", () => {
  const contact = lan(OTHER, 7);
  const bytes = encodeAnswer({
    tid: TID,
    id: ID,
    ip: Uint8Array.of(9, 8, 7, 6),
    port: 1284,
    token: ascii("tokn"),
    nodes: encodeContact(contact),
    values: [ascii("axje.u")],
  });
  assertEquals(decodeMessage(bytes), {
    kind: "response",
    tid: TID,
    id: ID,
    nodes: [contact],
    nodes6: [],
    values: [at("97.120.106.101:11893")],
    token: ascii("tokn"),
    ip: at("9.8.7.6:1284"),
  });
  assertEquals(text(encodeRefusal(TID, 203, "Bad token")), "d1:eli203e9:Bad tokene1:t2:aa1:y1:ee");
});

Deno.test("decodeMessage() never throws, whatever it is given", () => {
  const samples = [
    encodeQuery({ method: "get_peers", infoHash: OTHER, want: { n4: true, n6: true } }, {
      tid: TID,
      id: ID,
      isReadOnly: true,
    }),
    encodeAnswer({
      tid: TID,
      id: ID,
      ip: ID.subarray(0, 4),
      port: 1,
      token: TID,
      nodes: encodeContact(lan(ID, 1)),
      values: [ascii("axje.u"), ascii("axje.u")],
    }),
    encodeRefusal(TID, 201, "why not"),
  ];
  forSeeds(3000, (next) => {
    decodeMessage(mutate(next, pick(next, samples)));
    decodeMessage(randomBytes(next, Math.floor(next() * 100)));
  });
});
