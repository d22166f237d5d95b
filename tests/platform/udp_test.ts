/**
 * Datagrams on loopback, by both ways the runtime has.
 *
 * @module
 */

import { assertEquals, assertRejects } from "@std/assert";
import { NetworkError } from "../../src/base/errors.ts";
import { bindUdp } from "../../src/platform/udp.ts";

for (const isNative of [true, false]) {
  const bind = (options: { port: number; host?: string }) => bindUdp(options, { isNative });
  const name = `bindUdp(${isNative ? "native" : "node"})`;

  Deno.test(`${name} takes and gives datagrams`, async () => {
    using a = await bind({ port: 0 });
    using b = await bind({ port: 0, host: "127.0.0.1" });
    const { port } = a.address;
    b.send(Uint8Array.of(1, 2, 3), { host: "127.0.0.1", port });
    const first = await a.receive();
    assertEquals(first && [...first.data], [1, 2, 3]);
    assertEquals(first?.from, b.address);
    // From a socket for both families to an IPv4 address.
    a.send(new Uint8Array(0), b.address);
    a.send(new Uint8Array(1400).fill(7), b.address);
    assertEquals((await b.receive())?.data.length, 0);
    assertEquals((await b.receive())?.data.length, 1400);
  });

  Deno.test(`${name} gives null when closed, before or meanwhile`, async () => {
    const socket = await bind({ port: 0 });
    const pending = socket.receive();
    socket.close();
    socket.close();
    assertEquals(await pending, null);
    assertEquals(await socket.receive(), null);
    socket.send(new Uint8Array(1), { host: "127.0.0.1", port: 9 });
  });

  Deno.test(`${name} serves every datagram until it is closed`, async () => {
    using a = await bind({ port: 0 });
    using b = await bind({ port: 0, host: "127.0.0.1" });
    const to = { host: "127.0.0.1", port: a.address.port };
    const seen: unknown[] = [];
    const served = a.serve!((data, from) => {
      seen.push([[...data], from]);
      if (data[0] === 3) a.close();
      else b.send(Uint8Array.of(data[0]! + 1), to);
    });
    b.send(Uint8Array.of(1), to);
    await served;
    assertEquals(seen, [1, 2, 3].map((n) => [[n], b.address]));
    await a.serve!(() => {});
  });

  Deno.test(`${name} sends back what a handler gives, many at a time`, async () => {
    using a = await bind({ port: 0 });
    using b = await bind({ port: 0, host: "127.0.0.1" });
    const to = { host: "127.0.0.1", port: a.address.port };
    const served = a.serve!((data) => data[0] === 9 ? undefined : Uint8Array.of(...data, 7));
    for (let round = 0; round < 8; round++) {
      b.send(Uint8Array.of(9, round), to);
      for (let i = 0; i < 8; i++) b.send(Uint8Array.of(round, i), to);
      const answers: string[] = [];
      for (let i = 0; i < 8; i++) answers.push((await b.receive())!.data.slice().join(" "));
      assertEquals(answers.sort(), Array.from({ length: 8 }, (_, i) => `${round} ${i} 7`));
    }
    a.close();
    await served;
  });

  Deno.test(`${name} rejects with what a handler throws`, async () => {
    using a = await bind({ port: 0, host: "127.0.0.1" });
    const served = a.serve!(() => {
      throw new TypeError("no");
    });
    a.send(new Uint8Array(1), a.address);
    await assertRejects(() => served, TypeError, "no");
  });

  Deno.test(`${name} goes on when what it sent was refused`, async () => {
    using a = await bind({ port: 0, host: "127.0.0.1" });
    const gone = await bind({ port: 0, host: "127.0.0.1" });
    gone.close();
    using b = await bind({ port: 0, host: "127.0.0.1" });
    a.send(Uint8Array.of(1), gone.address);
    a.send(Uint8Array.of(1), { host: "127.0.0.1", port: 0 });
    const received = a.receive();
    // A datagram may be lost, even here; another is sent until one has come.
    let isDone = false;
    const sending = (async () => {
      while (!isDone) {
        b.send(Uint8Array.of(5), a.address);
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
    })();
    assertEquals([...(await received)!.data], [5]);
    isDone = true;
    await sending;
  });

  Deno.test(`${name} says in-use when the port is taken`, async () => {
    using a = await bind({ port: 0 });
    const { port } = a.address;
    const error = await assertRejects(() => bind({ port }), NetworkError);
    assertEquals(error.kind, "in-use");
  });
}
