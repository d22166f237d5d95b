/**
 * The simulated network by itself: order, latency, rates, pressure, faults.
 *
 * @module
 */

import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { equalBytes } from "../../src/base/bytes.ts";
import { NetworkError } from "../../src/base/errors.ts";
import type { ByteStream } from "../../src/ports/network.ts";
import { below, prng, randomBytes } from "../support/prng.ts";
import type { HostOptions } from "./net_host.ts";
import { type SimHost, SimWorld } from "./world.ts";

const A = "10.0.0.1";
const B = "10.0.0.2";

async function pair(
  a: HostOptions = {},
  b: HostOptions = {},
): Promise<{ world: SimWorld; hosts: [SimHost, SimHost]; ends: [ByteStream, ByteStream] }> {
  const world = new SimWorld({ seed: 1 });
  const hosts: [SimHost, SimHost] = [world.host(A, a), world.host(B, b)];
  const listener = await hosts[1].process.network.listen({ port: 80 });
  const dial = hosts[0].process.network.dial({ host: B, port: 80 });
  const [near, far] = await world.wait(Promise.all([dial, listener.accept()]));
  return { world, hosts, ends: [near, far!] };
}

async function readAll(stream: ByteStream, onBytes?: (n: number) => void): Promise<Uint8Array> {
  const out: number[] = [];
  const into = new Uint8Array(5000);
  for (let n = await stream.read(into); n !== null; n = await stream.read(into)) {
    onBytes?.(n);
    for (let i = 0; i < n; i++) out.push(into[i]!);
  }
  return Uint8Array.from(out);
}

Deno.test("a stream keeps its bytes and their order when writes, reads, rates and losses are random", async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const next = prng(seed);
    const { world, ends } = await pair(
      { latencyMs: next() * 50, loss: next() * 0.2, upRate: 100_000 + below(next, 1e6) },
      { latencyMs: next() * 50, downRate: next() < 0.5 ? Infinity : 200_000 },
    );
    const sent = randomBytes(next, 20_000 + below(next, 200_000));
    const send = async () => {
      for (let at = 0; at < sent.length;) {
        const length = 1 + below(next, 30_000);
        assert(await ends[0].write(sent.subarray(at, at + length)));
        at += length;
        if (next() < 0.3) await world.clock.sleep(next() * 100);
      }
      ends[0].close();
    };
    const [received] = await world.wait(Promise.all([readAll(ends[1]), send()]));
    assert(equalBytes(received, sent), `seed ${seed}`);
  }
});

Deno.test("a stream has the latency of both hosts, there and back", async () => {
  const { world, ends } = await pair({ latencyMs: 30 }, { latencyMs: 20 });
  const start = world.clock.now();
  const into = new Uint8Array(10);
  ends[0].write(Uint8Array.of(1));
  await world.wait(ends[1].read(into));
  assertAlmostEquals(world.clock.now() - start, 50, 1e-6);
  ends[1].write(Uint8Array.of(2));
  await world.wait(ends[0].read(into));
  assertAlmostEquals(world.clock.now() - start, 100, 1e-6);
});

Deno.test("a connection takes one round trip", async () => {
  const { world } = await pair({ latencyMs: 30 }, { latencyMs: 20 });
  assertAlmostEquals(world.clock.now(), 100, 1e-6);
});

Deno.test("rates are exact within 2 % on the way up and down", async () => {
  for (const options of [[{ upRate: 300_000 }, {}], [{}, { downRate: 300_000 }]] as const) {
    const { world, ends } = await pair(...options);
    const start = world.clock.now();
    let received = 0;
    const reading = readAll(ends[1], (n) => received += n);
    const writing = ends[0].write(new Uint8Array(3_000_000)).then(() => ends[0].close());
    await world.run(5_000);
    assertAlmostEquals(received / 1_500_000, 1, 0.02);
    await world.wait(Promise.all([reading, writing]));
    assertAlmostEquals((world.clock.now() - start) / 10_000, 1, 0.02);
  }
});

Deno.test("streams share an uplink fairly", async () => {
  const world = new SimWorld({ seed: 1 });
  const server = world.host(A, { upRate: 1_000_000 });
  const listener = await server.process.network.listen({ port: 80 });
  const received = [0, 0, 0, 0];
  for (let i = 0; i < 4; i++) {
    const dial = world.host(`10.0.1.${i}`).process.network.dial({ host: A, port: 80 });
    const stream = await world.wait(dial);
    (await world.wait(listener.accept()))!.write(new Uint8Array(10_000_000));
    readAll(stream, (n) => received[i]! += n);
  }
  const before = [...received];
  await world.run(4_000);
  for (let i = 0; i < 4; i++) assertAlmostEquals((received[i]! - before[i]!) / 1e6, 1, 0.05);
});

Deno.test("a writer is held back when nobody reads", async () => {
  const { world, ends } = await pair();
  let isWritten = false;
  ends[0].write(new Uint8Array(2_000_000)).then(() => isWritten = true);
  await world.run(60_000);
  assertEquals(isWritten, false);
  let received = 0;
  const reading = readAll(ends[1], (n) => received += n);
  await world.runUntil(() => isWritten, { within: 1000 });
  ends[0].close();
  await world.wait(reading);
  assertEquals(received, 2_000_000);
});

Deno.test("close() ends both directions: the other side reads what was sent, then null", async () => {
  const { world, ends } = await pair();
  const pending = ends[0].read(new Uint8Array(10));
  await world.wait(ends[0].write(Uint8Array.of(1, 2, 3)));
  ends[0].close();
  ends[0].close();
  assertEquals(await pending, null);
  assertEquals(await ends[0].read(new Uint8Array(1)), null);
  assertEquals(await ends[0].write(Uint8Array.of(1)), false);
  assertEquals(await world.wait(readAll(ends[1])), Uint8Array.of(1, 2, 3));
  assertEquals(await world.wait(ends[1].write(Uint8Array.of(1))), false);
});

Deno.test("close() fails a write of the other side that is held back", async () => {
  const { world, ends } = await pair();
  const write = ends[1].write(new Uint8Array(5_000_000));
  await world.run(1000);
  ends[0].close();
  assertEquals(await world.wait(write), false);
});

Deno.test("a cut holds a stream back and heal() lets it go on in order", async () => {
  const { world, hosts, ends } = await pair();
  const reading = readAll(ends[1]);
  await world.wait(ends[0].write(Uint8Array.of(1, 2)));
  world.network.cut(hosts[0].net, hosts[1].net);
  await world.wait(ends[0].write(Uint8Array.of(3, 4)));
  ends[0].close();
  let isRead = false;
  reading.then(() => isRead = true);
  await world.run(60_000);
  assertEquals(isRead, false);
  world.network.heal();
  assertEquals(await world.wait(reading), Uint8Array.of(1, 2, 3, 4));
});

Deno.test("dial() is refused, never answered or in vain, and can be aborted", async () => {
  const world = new SimWorld({ seed: 1 });
  const { network } = world.host(A).process;
  world.host(B);
  world.host("10.0.0.3", { firewall: "drop" });
  const refused = await assertRejects(
    () => world.wait(network.dial({ host: B, port: 9 })),
    NetworkError,
  );
  assertEquals([refused.kind, world.clock.now()], ["refused", 40]);
  for (const host of ["10.0.0.3", "10.0.0.4"]) {
    const lost = await assertRejects(
      () => world.wait(network.dial({ host, port: 9 })),
      NetworkError,
    );
    assertEquals(lost.kind, "timeout");
  }
  const controller = new AbortController();
  const dial = network.dial({ host: "10.0.0.3", port: 9 }, { signal: controller.signal });
  const caught = dial.catch((error) => error);
  await world.run(10);
  assertEquals(world.host(A).sockets, 1);
  controller.abort("enough");
  assertEquals(await world.wait(caught), "enough");
  assertEquals(world.host(A).sockets, 0);
});

Deno.test("dial() that is aborted after it was accepted resets the other side", async () => {
  const world = new SimWorld({ seed: 1 });
  const listener = await world.host(B).process.network.listen({ port: 80 });
  const controller = new AbortController();
  const dial = world.host(A).process.network.dial({ host: B, port: 80 }, controller);
  const caught = dial.catch((error) => error);
  const far = (await world.wait(listener.accept()))!;
  controller.abort("enough");
  assertEquals(await world.wait(caught), "enough");
  assertEquals(await world.wait(far.read(new Uint8Array(1))), null);
});

Deno.test("listen() and bindUdp() refuse a port that is taken and free it on close", async () => {
  const world = new SimWorld({ seed: 1 });
  const { network } = world.host(A).process;
  using listener = await network.listen({ port: 80 });
  const error = await assertRejects(() => network.listen({ port: 80 }), NetworkError);
  assertEquals(error.kind, "in-use");
  const accept = listener.accept();
  listener.close();
  assertEquals(await accept, null);
  (await network.listen({ port: 80 })).close();
  using any = await network.listen({ port: 0 });
  assert(any.address.port > 1024);
  using socket = await network.bindUdp({ port: 53 });
  await assertRejects(() => network.bindUdp({ port: 53 }), NetworkError);
  const receive = socket.receive();
  socket.close();
  assertEquals(await receive, null);
});

Deno.test("datagrams arrive after the latency, or are lost at the rate that was asked for", async () => {
  const world = new SimWorld({ seed: 1 });
  const sender = await world.host(A, { loss: 0.3 }).process.network.bindUdp({ port: 1 });
  const receiver = await world.host(B).process.network.bindUdp({ port: 2 });
  let count = 0;
  (async () => {
    for (let got = await receiver.receive(); got; got = await receiver.receive()) {
      assertEquals(got.from, { host: A, port: 1 });
      assertEquals(got.data, Uint8Array.of(7));
      count++;
    }
  })();
  for (let i = 0; i < 2000; i++) {
    sender.send(Uint8Array.of(7), { host: B, port: 2 });
    sender.send(Uint8Array.of(7), { host: B, port: 3 });
    sender.send(new Uint8Array(70_000), { host: B, port: 2 });
    await world.run(1);
  }
  await world.run(100);
  assertAlmostEquals(count / 1400, 1, 0.05);
  receiver.close();
});

Deno.test("resolve() gives a literal itself, a name its addresses, and refuses the unknown", async () => {
  const world = new SimWorld({ seed: 1 });
  world.network.names.set("tracker.example", [B, "2001:db8::1"]);
  const { network } = world.host(A).process;
  assertEquals(await network.resolve("1.2.3.4"), ["1.2.3.4"]);
  assertEquals(await world.wait(network.resolve("Tracker.example")), [B, "2001:db8::1"]);
  await assertRejects(() => world.wait(network.resolve("nowhere.example")), NetworkError);
});

Deno.test("a host with IPv6 is reached from its own IPv6 address", async () => {
  const world = new SimWorld({ seed: 1 });
  const listener = await world.host([B, "2001:db8::2"]).process.network.listen({ port: 80 });
  const { network } = world.host([A, "2001:db8::1"]).process;
  const stream = await world.wait(network.dial({ host: "2001:db8::2", port: 80 }));
  const far = (await listener.accept())!;
  assertEquals(far.remote, stream.local);
  assertEquals([far.remote.host, far.local.host], ["2001:db8::1", "2001:db8::2"]);
});

Deno.test("kill() freezes a process and closes what it had open", async () => {
  const { world, hosts, ends } = await pair();
  let woken = 0;
  const wake = () => void woken++;
  hosts[0].process.clock.sleep(50).then(wake);
  ends[0].read(new Uint8Array(1)).then(wake);
  hosts[0].process.network.dial({ host: B, port: 80 }).then(wake, wake);
  const old = hosts[0].process;
  hosts[0].kill();
  assertEquals(await world.wait(ends[1].read(new Uint8Array(1))), null);
  old.network.listen({ port: 7 }).then(wake, wake);
  ends[0].write(Uint8Array.of(1)).then(wake);
  await world.run(1000);
  assertEquals([woken, hosts[0].sockets], [0, 0]);
  const fresh = hosts[0].boot();
  assert(await world.wait(fresh.network.dial({ host: B, port: 80 })));
});
