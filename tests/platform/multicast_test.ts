/**
 * Multicast groups on the loopback interface, which none of this leaves. Linux routes those of IPv6 elsewhere;
 * they are tried between hosts of their own (tests/interop/lsd_test.ts).
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Address } from "../../src/base/address.ts";
import { NetworkError } from "../../src/base/errors.ts";
import { joinGroup, type ListInterfaces } from "../../src/platform/multicast.ts";
import { bindUdp } from "../../src/platform/udp.ts";
import type { GroupSocket } from "../../src/ports/network.ts";

const LOOPBACK: ReturnType<ListInterfaces> = [
  { name: "lo", family: "IPv4", address: "127.0.0.1", netmask: "255.0.0.0" },
];
const list = () => LOOPBACK;
// Not every machine lets its loopback interface take part.
const isLinux = Deno.build.os === "linux";

/** A group that nobody else is in, on a port that was free a moment ago. */
async function freeGroup(host: string): Promise<Address> {
  using socket = await bindUdp({ port: 0 });
  return { host, port: socket.address.port };
}

/** The next datagram that begins with a byte. */
async function next(socket: GroupSocket, first: number): Promise<number[]> {
  for (;;) {
    const got = await socket.receive();
    assert(got !== null);
    if (got.data[0] === first) return [...got.data];
  }
}

Deno.test({
  name: "joinGroup() makes members hear each other",
  ignore: !isLinux,
  fn: async () => {
    const group = await freeGroup("239.192.7.7");
    using a = await joinGroup(group, { list });
    using b = await joinGroup(group, { list });
    assertEquals([a.isMember, b.isMember], [true, true]);
    a.send(Uint8Array.of(1, 2, 3));
    assertEquals(await next(b, 1), [1, 2, 3]);
    b.send(Uint8Array.of(4));
    assertEquals(await next(a, 4), [4]);
  },
});

Deno.test({
  name: "joinGroup() joins on what comes up later, and leaves what is gone",
  ignore: !isLinux,
  fn: async () => {
    const group = await freeGroup("239.192.7.8");
    let here: ReturnType<ListInterfaces> = LOOPBACK;
    using moving = await joinGroup(group, { list: () => here });
    using staying = await joinGroup(group, { list });
    here = [];
    moving.send(Uint8Array.of(1));
    here = LOOPBACK;
    moving.send(Uint8Array.of(2));
    // The first went nowhere.
    assertEquals((await staying.receive())?.data[0], 2);
  },
});

Deno.test({
  name: "joinGroup() speaks and hears on the interfaces that are asked for, by name or address",
  ignore: !isLinux,
  fn: async () => {
    const group = await freeGroup("239.192.7.10");
    const netmask = "255.255.255.255";
    const list = () =>
      [
        { name: "one", family: "IPv4", address: "127.0.0.1", netmask },
        { name: "two", family: "IPv4", address: "127.0.0.2", netmask },
      ] as const;
    using one = await joinGroup(group, { list, interfaces: ["one"] });
    using two = await joinGroup(group, { list, interfaces: ["127.0.0.2"] });
    using both = await joinGroup(group, { list });
    const heard = async (socket: GroupSocket) => {
      const { data, from } = (await socket.receive())!;
      return [data[0], from.host];
    };
    two.send(Uint8Array.of(2));
    assertEquals(await heard(both), [2, "127.0.0.2"]);
    one.send(Uint8Array.of(1));
    assertEquals(await heard(both), [1, "127.0.0.1"]);
    assertEquals(await heard(one), [1, "127.0.0.1"]);
    both.send(Uint8Array.of(3));
    assertEquals(await heard(one), [3, "127.0.0.1"]);
    assertEquals([await heard(two), await heard(two)], [[2, "127.0.0.2"], [3, "127.0.0.2"]]);
  },
});

Deno.test({
  name: "joinGroup() takes an IPv4 address where the interfaces are not known, and no name",
  ignore: !isLinux,
  fn: async () => {
    const group = await freeGroup("239.192.7.11");
    const list = () => undefined;
    using socket = await joinGroup(group, { list, interfaces: ["lo", "127.0.0.1"] });
    socket.send(Uint8Array.of(1));
    assertEquals((await socket.receive())!.from.host, "127.0.0.1");
    const unknown = [["239.192.7.11", "lo"], ["239.192.7.11", "::1"], [
      "ff15::7:7",
      "::1",
    ]] as const;
    for (const [host, name] of unknown) {
      const join = () => joinGroup({ ...group, host }, { list, interfaces: [name] });
      await assertRejects(join, NetworkError, "no interface takes part", `${host} ${name}`);
    }
  },
});

Deno.test({
  name: "receive() gives null when the group is left, before or meanwhile",
  ignore: !isLinux,
  fn: async () => {
    const group = await freeGroup("239.192.7.9");
    using socket = await joinGroup(group, { list });
    const pending = socket.receive();
    socket.close();
    socket.close();
    assertEquals([await pending, await socket.receive()], [null, null]);
    socket.send(Uint8Array.of(1));
  },
});

Deno.test("joinGroup() rejects where no interface takes part", async () => {
  for (const host of ["239.192.7.7", "ff15::7:7"]) {
    const group = await freeGroup(host);
    for (const options of [{ list: () => [] }, { list, interfaces: ["eth9"] }]) {
      const error = await assertRejects(() => joinGroup(group, options), NetworkError);
      assertEquals(
        error.message.split(":")[0],
        "Cannot join multicast group " + host.split(":")[0],
      );
    }
  }
});
