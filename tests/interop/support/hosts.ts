/**
 * Hosts on this machine: network namespaces on one cable, of IPv4 and IPv6, seen by nobody else.
 *
 * @module
 */

import { output } from "./process.ts";

/** A host of its own. */
export interface Host {
  /** Its address on the cable. */
  readonly ip: string;
  /** Its IPv6 address there. */
  readonly ip6: string;
  /** What to put before a command so that it runs there. */
  readonly prefix: readonly string[];
}

/** This machine, where ports have to be chosen. */
export const LOOPBACK: Host = { ip: "127.0.0.1", ip6: "::1", prefix: [] };

/** Hosts that reach each other and nothing else. */
export class Hosts implements AsyncDisposable {
  /** All of them. */
  readonly all: readonly Host[];
  readonly #names: readonly string[];

  private constructor(names: readonly string[], all: readonly Host[]) {
    this.#names = names;
    this.all = all;
  }

  /** Makes one without a cable: it has loopback, of its own, and nothing else. */
  static async alone(): Promise<Hosts> {
    const name = `sl-${crypto.randomUUID().slice(0, 6)}-lo`;
    const hosts = new Hosts([name], [{ ...LOOPBACK, prefix: ["ip", "netns", "exec", name] }]);
    await output(["ip", "netns", "add", name]);
    try {
      await output(["ip", "-n", name, "link", "set", "lo", "up"]);
      await output(["ip", "-n", name, "route", "add", "224.0.0.0/4", "dev", "lo"]);
    } catch (error) {
      await hosts[Symbol.asyncDispose]();
      throw error;
    }
    return hosts;
  }

  /** Makes so many, less than 100. Needs the right to. */
  static async make(count: number): Promise<Hosts> {
    const tag = crypto.randomUUID().slice(0, 6);
    // The first is the switch.
    const names = Array.from({ length: count + 1 }, (_, i) => `sl-${tag}-${i}`);
    const all = names.slice(1).map((name, i): Host => ({
      ip: `10.213.7.${1 + i}`,
      ip6: `fd00:213:7::${1 + i}`,
      prefix: ["ip", "netns", "exec", name],
    }));
    const hosts = new Hosts(names, all);
    try {
      for (const name of names) await output(["ip", "netns", "add", name]);
      await output([
        "ip",
        "-n",
        names[0]!,
        "link",
        "add",
        "hub",
        "type",
        "bridge",
        "mcast_snooping",
        "0",
      ]);
      await output(["ip", "-n", names[0]!, "link", "set", "hub", "up"]);
      for (let i = 1; i <= count; i++) await hosts.#plug(i);
    } catch (error) {
      await hosts[Symbol.asyncDispose]();
      throw error;
    }
    return hosts;
  }

  /** Gives a host another address; gives it back. */
  async addAddress(host: Host, ip: string): Promise<string> {
    const name = this.#names[1 + this.all.indexOf(host)]!;
    await output(["ip", "-n", name, "addr", "add", `${ip}/24`, "dev", "eth0"]);
    return ip;
  }

  /** Lays another cable, `eth1`, between two hosts; gives their addresses there. */
  async connect(a: Host, b: Host): Promise<[string, string]> {
    const [one, two] = [a, b].map((host) => this.#names[1 + this.all.indexOf(host)]!);
    const cable = ["ip", "link", "add", "eth1", "netns", one!, "type", "veth"];
    await output([...cable, "peer", "name", "eth1", "netns", two!]);
    for (const [i, name] of [one!, two!].entries()) {
      await output(["ip", "-n", name, "link", "set", "eth1", "up"]);
      await output(["ip", "-n", name, "addr", "add", `10.213.8.${1 + i}/24`, "dev", "eth1"]);
    }
    return ["10.213.8.1", "10.213.8.2"];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of this.#names) await output(["ip", "netns", "del", name]).catch(() => {});
  }

  async #plug(i: number): Promise<void> {
    const [hub, host] = [this.#names[0]!, this.#names[i]!];
    const { ip, ip6 } = this.all[i - 1]!;
    const cable = ["ip", "link", "add", `port${i}`, "netns", hub, "type", "veth"];
    await output([...cable, "peer", "name", "eth0", "netns", host]);
    await output(["ip", "-n", hub, "link", "set", `port${i}`, "master", "hub", "up"]);
    const inside = (...args: string[]) => output(["ip", "-n", host, ...args]);
    await inside("link", "set", "lo", "up");
    await inside("link", "set", "eth0", "up");
    await inside("addr", "add", `${ip}/24`, "dev", "eth0");
    // At once, without asking whether somebody has it.
    await inside("addr", "add", `${ip6}/64`, "dev", "eth0", "nodad");
    // For multicast to places nobody has a route to.
    await inside("route", "add", "default", "dev", "eth0");
  }
}
