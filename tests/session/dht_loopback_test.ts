/**
 * The DHT over real sockets on loopback, and that nothing of it is left when it ends.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { type Address, formatAddress } from "../../src/base/address.ts";
import { NO_CACHE } from "../../src/platform/cache.ts";
import { openWorld } from "../../src/platform/mod.ts";
import { bindUdp } from "../../src/platform/udp.ts";
import { DhtService } from "../../src/session/dht_service.ts";

const INFO_HASH = new Uint8Array(20).fill(0x5a);

for (const isNative of [true, false]) {
  Deno.test(`run() finds who announces itself to us by ${isNative ? "Deno's sockets" : "node:dgram"}`, async () => {
    await using world = openWorld({ workers: 0 });
    const network = {
      ...world.network,
      bindUdp: (options: { port: number; host?: string }) => bindUdp(options, { isNative }),
      resolve: () => Promise.reject(new Error("nobody is to be looked up")),
    };
    // Where peers are accepted is told once the sockets have ports of the system's choice.
    let peerPort = 0;
    const open = (node: string, port: () => number) =>
      new DhtService({ ...world, network, cache: NO_CACHE }, {
        port,
        nodes: [node],
        onWarning: (message) => assertEquals(message, ""),
      });
    await using hub = open("127.0.0.1:9", () => 0);
    assert(await hub.start());
    await using giver = open(`127.0.0.1:${hub.report().port}`, () => peerPort);
    assert(await giver.start());
    peerPort = 4242;
    const found = Promise.withResolvers<Address[]>();
    const done = new AbortController();
    const client = { infoHash: INFO_HASH, nodes: [], isSeed: () => false, peers: () => 0 };
    const runs = [
      hub.run({ ...client, onPeers: found.resolve }, done.signal),
      giver.run({ ...client, onPeers: () => {} }, done.signal),
    ];
    assertEquals((await found.promise).map(formatAddress), ["127.0.0.1:4242"]);
    assert(giver.report().isReachable);
    done.abort();
    await Promise.allSettled(runs);
  });
}
