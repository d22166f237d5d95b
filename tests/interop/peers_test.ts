/**
 * More peers than slots: 200 reachable peers on loopback, and never more than 40 sockets to them.
 *
 * @module
 */

import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { assertSame, KIB, MIB } from "./support/dataset.ts";
import { interopTest } from "./support/lab.ts";
import type { Manner } from "./support/raw_peer.ts";
import { payloadOf, RawSwarm } from "./support/raw_swarm.ts";
import { startScriptedTracker } from "./support/tracker.ts";

const MAX_PEERS = 40;
const PEERS = 200;

const DATA = { name: "crowd.bin", bytes: 48 * MIB + 77, seed: 41 };
const PIECES = { pieceBytes: 256 * KIB };

interopTest(
  "get keeps to 40 sockets with 200 seeds from a tracker",
  ["libtorrent"],
  async (lab) => {
    const torrent = await lab.make(DATA, PIECES);
    const swarm = lab.use(
      new RawSwarm(await payloadOf(torrent), {
        manners: Array<Manner>(PEERS).fill("honest"),
        bytesPerSecond: 512 * KIB,
      }),
    );
    const tracker = lab.use(startScriptedTracker(() => swarm.ports));
    const result = await lab.get(torrent, { args: ["--tracker", tracker.url] });
    assertEquals(result.code, 0, result.tail);
    await assertSame(torrent.dataset, lab.output);
    assertLessOrEqual(swarm.peak, MAX_PEERS);
    assert(swarm.peak > MAX_PEERS / 2, `only ${swarm.peak} of ${MAX_PEERS} slots were ever used`);
    assertEquals(tracker.announces[0]?.get("event"), "started");
  },
);

interopTest(
  "get keeps to 40 sockets with 200 seeds given by --peer",
  ["libtorrent"],
  async (lab) => {
    const torrent = await lab.make(DATA, PIECES);
    const manners = Array<Manner>(PEERS).fill("honest");
    const swarm = lab.use(
      new RawSwarm(await payloadOf(torrent), { manners, bytesPerSecond: 512 * KIB }),
    );
    const result = await lab.get(torrent, { peers: swarm.addresses });
    assertEquals(result.code, 0, result.tail);
    await assertSame(torrent.dataset, lab.output);
    assertLessOrEqual(swarm.peak, MAX_PEERS);
  },
);

interopTest("get finds the few seeds among 200 useless peers", ["libtorrent"], async (lab) => {
  const torrent = await lab.make(DATA, PIECES);
  const useless: Manner[] = ["mute", "choker", "staller", "stranger"];
  // The seeds come last, behind more useless peers than there are slots.
  const manners = Array.from(
    { length: PEERS },
    (_, at) => at < PEERS - 6 ? useless[at % useless.length]! : "honest",
  );
  const swarm = lab.use(new RawSwarm(await payloadOf(torrent), { manners }));
  const tracker = lab.use(startScriptedTracker(() => swarm.ports));
  const result = await lab.get(torrent, {
    args: ["--tracker", tracker.url, "--stall-timeout", "150s"],
    timeoutMs: 180_000,
  });
  assertEquals(result.code, 0, result.tail);
  await assertSame(torrent.dataset, lab.output);
  assertLessOrEqual(swarm.peak, MAX_PEERS);
});

interopTest("get obeys --max-peers", ["libtorrent"], async (lab) => {
  const torrent = await lab.make(DATA, PIECES);
  const manners = Array<Manner>(30).fill("honest");
  const swarm = lab.use(
    new RawSwarm(await payloadOf(torrent), { manners, bytesPerSecond: 4 * MIB }),
  );
  const result = await lab.get(torrent, { peers: swarm.addresses, args: ["--max-peers", "5"] });
  assertEquals(result.code, 0, result.tail);
  await assertSame(torrent.dataset, lab.output);
  assertLessOrEqual(swarm.peak, 5);
});
