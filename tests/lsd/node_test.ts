/**
 * LsdNode: when it announces, whom it answers, and how little a flood gets out of it.
 *
 * @module
 */

import { assert, assertEquals, assertLess } from "@std/assert";
import { encodeLsd, LSD_GROUP_V4 } from "../../src/lsd/message.ts";
import { ANNOUNCE_EVERY_MS, LEAST_PAUSE_MS, LsdNode } from "../../src/lsd/node.ts";
import { SimRandom } from "../sim/random.ts";

const hash = (n: number) => n.toString(16).padStart(40, "0");
const A = hash(1);

function setup(...infoHashes: string[]): LsdNode {
  const node = new LsdNode(new SimRandom(1));
  for (const infoHash of infoHashes) node.add(infoHash);
  return node;
}

/** Every time at which the node announces until `end`, if it is asked whenever it wants to be. */
function announces(node: LsdNode, start: number, end: number): number[] {
  const out: number[] = [];
  for (let at = Math.max(start, node.nextAt()); at <= end; at = Math.max(at, node.nextAt())) {
    if (node.takeMessages(6881, at).length > 0) out.push(at);
  }
  return out;
}

/** Hands over an announce of `from`. */
function hear(node: LsdNode, from: string, now: number, infoHashes = [A], port = 7000) {
  const data = encodeLsd({ port, infoHashes, cookie: "other" }, LSD_GROUP_V4);
  return node.onDatagram(data, { host: from, port: 6771 }, now);
}

/** A node that has announced its torrent twice, at 0 and here. */
function settled(...infoHashes: string[]): [LsdNode, number] {
  const node = setup(...infoHashes);
  node.takeMessages(6881, 0);
  node.takeMessages(6881, LEAST_PAUSE_MS);
  return [node, LEAST_PAUSE_MS];
}

Deno.test("nextAt() announces at the start, a minute later, and every five minutes", () => {
  assertEquals(setup().nextAt(), Infinity);
  const again = 5 + LEAST_PAUSE_MS;
  assertEquals(announces(setup(A), 5, again + 2 * ANNOUNCE_EVERY_MS), [
    5,
    again,
    again + ANNOUNCE_EVERY_MS,
    again + 2 * ANNOUNCE_EVERY_MS,
  ]);
});

Deno.test("takeMessages() announces all torrents together, and a late one a minute after the others", () => {
  const node = setup(A, hash(2));
  const [message] = node.takeMessages(6881, 0);
  assertEquals([message!.port, message!.infoHashes], [6881, [A, hash(2)]]);
  node.add(hash(3));
  assertEquals(node.takeMessages(6881, 1000), []);
  assertEquals(node.nextAt(), LEAST_PAUSE_MS);
  assertEquals(node.takeMessages(6881, LEAST_PAUSE_MS)[0]!.infoHashes.length, 3);
});

Deno.test("takeMessages() splits what one packet cannot hold, and puts another torrent first each time", () => {
  const node = setup(...Array.from({ length: 60 }, (_, i) => hash(i)));
  const [first, second] = [0, ANNOUNCE_EVERY_MS].map((now) => node.takeMessages(1, now));
  assertEquals(first!.map((message) => message.infoHashes.length), [23, 23, 14]);
  assertEquals(new Set(second!.flatMap((message) => message.infoHashes)).size, 60);
  assertEquals(second![0]!.infoHashes[0], hash(1));
});

Deno.test("delete() ends the announces", () => {
  const node = setup(A);
  node.delete(A);
  assertEquals(node.nextAt(), Infinity);
  assertEquals(hear(node, "10.0.0.2", 0), []);
});

Deno.test("onDatagram() gives the sender's address with the port it announced", () => {
  const peers = hear(setup(A), "10.0.0.2", 0, [hash(9), A]);
  assertEquals(peers, [{ infoHash: A, address: { host: "10.0.0.2", port: 7000 } }]);
});

Deno.test("onDatagram() overlooks our own announce, other torrents and what makes no sense", () => {
  const [node, now] = settled(A);
  const own = { port: 6881, infoHashes: [A], cookie: node.cookie };
  const from = { host: "10.0.0.1", port: 6771 };
  assertEquals(node.onDatagram(encodeLsd(own, LSD_GROUP_V4), from, now), []);
  assertEquals(hear(node, "10.0.0.2", 0, [hash(2)]), []);
  assertEquals(node.onDatagram(new Uint8Array(100), from, 0), []);
  assertEquals(node.nextAt(), now + ANNOUNCE_EVERY_MS);
});

Deno.test("onDatagram() answers a stranger once, and never within a minute", () => {
  const [node, start] = settled(A);
  hear(node, "10.0.0.2", start + 10_000);
  const [answer, next] = announces(node, start + 10_000, 2 * ANNOUNCE_EVERY_MS);
  const least = start + LEAST_PAUSE_MS;
  assert(answer! >= least && answer! < least + 2_000, `${answer}`);
  assertEquals(next, answer! + ANNOUNCE_EVERY_MS);
  hear(node, "10.0.0.2", next! + 100_000);
  assertEquals(node.nextAt(), next! + ANNOUNCE_EVERY_MS);
});

Deno.test("onDatagram() bounds what a flood does", () => {
  const node = setup(A);
  node.takeMessages(6881, 0);
  let peers = 0;
  for (let i = 0; i < 60_000; i++) {
    const from = `10.${i >> 16}.${i >> 8 & 255}.${i & 255}`;
    peers += hear(node, from, i, [A], 1 + i).length;
  }
  assertLess(peers, 51);
  let mine = 0;
  for (let i = 0; i < 1000; i++) mine += hear(node, "10.0.0.2", 120_000 + i, [A], 1 + i).length;
  assertEquals(mine, 4);
});

Deno.test("onDatagram() makes us speak once a minute at the most when strangers never end", () => {
  const node = setup(A);
  let announced = 0;
  for (let now = 0; now < 600_000; now += 100) {
    hear(node, `10.0.${now / 100 >> 8}.${now / 100 & 255}`, now);
    if (now >= node.nextAt()) announced += node.takeMessages(1, now).length;
  }
  assert(announced >= 9 && announced <= 10, `${announced}`);
});
