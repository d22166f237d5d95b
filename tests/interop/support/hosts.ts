/**
 * Two hosts on this machine: network namespaces with a cable between them, seen by nobody else.
 *
 * @module
 */

import { output } from "./process.ts";

/** A host of its own. */
export interface Host {
  /** Its address on the cable. */
  readonly ip: string;
  /** What to put before a command so that it runs there. */
  readonly prefix: readonly string[];
}

/** Two hosts that reach each other and nothing else. */
export class TwoHosts implements AsyncDisposable {
  readonly left: Host;
  readonly right: Host;
  readonly #names: readonly [string, string];

  private constructor(names: readonly [string, string]) {
    this.#names = names;
    this.left = { ip: "10.213.7.1", prefix: ["ip", "netns", "exec", names[0]] };
    this.right = { ip: "10.213.7.2", prefix: ["ip", "netns", "exec", names[1]] };
  }

  /** Makes them. Needs the right to. */
  static async make(): Promise<TwoHosts> {
    const tag = crypto.randomUUID().slice(0, 6);
    const hosts = new TwoHosts([`sl-${tag}-a`, `sl-${tag}-b`]);
    const [a, b] = hosts.#names;
    for (const name of hosts.#names) await output(["ip", "netns", "add", name]);
    const cable = ["ip", "link", "add", `${tag}a`, "netns", a, "type", "veth"];
    await output([...cable, "peer", "name", `${tag}b`, "netns", b]);
    await hosts.#up(a, `${tag}a`, hosts.left.ip);
    await hosts.#up(b, `${tag}b`, hosts.right.ip);
    return hosts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of this.#names) await output(["ip", "netns", "del", name]);
  }

  async #up(host: string, link: string, ip: string): Promise<void> {
    await output(["ip", "-n", host, "addr", "add", `${ip}/30`, "dev", link]);
    await output(["ip", "-n", host, "link", "set", link, "up"]);
    await output(["ip", "-n", host, "link", "set", "lo", "up"]);
  }
}
