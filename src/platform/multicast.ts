/**
 * Multicast groups by `node:dgram`, which needs no unstable flag and lets an interface be chosen for sending.
 *
 * One socket listens on the group's port for all interfaces; one a interface sends, bound to an address of
 * it, since Linux sends multicast where the source address lives even if the runtime cannot say so (Deno
 * 2.6.10 cannot, and cannot join groups either: it only speaks). Which interfaces there are is a permission
 * of its own; without it the default one is used. They are looked up anew before each sending, since
 * laptops move between networks. Where only some are to take part, nothing goes out where it could leave by
 * another one, and a sender has to be of one of their networks: Linux hands a socket what any program on the
 * host has joined for.
 *
 * @module
 */

import type { Socket } from "node:dgram";
import { type Address, canonicalIp, isLocalIp, parseIp } from "../base/address.ts";
import type { Datagram, GroupOptions, GroupSocket } from "../ports/network.ts";
import { hostSystem } from "./host.ts";
import { listInterfaces } from "./interfaces.ts";
import { toNetworkError } from "./net_errors.ts";
import { bindSocket, DatagramQueue } from "./node_datagram.ts";
import { toAddress } from "./tcp.ts";

/** Routers that a datagram may pass; the groups of BEP 14 are wider than one network. */
const HOPS = 4;
/** Addresses of this host that are used at the most. */
const MOST_ADDRESSES = 16;
/** Datagrams that wait for a receive(). */
const MOST_QUEUED = 128;

/** An address of this host, with the interface it belongs to. */
interface Interface {
  /** What the runtime calls it: an IPv4 address of it, or `::%name`. */
  readonly handle: string;
  readonly address: Uint8Array;
  readonly mask: Uint8Array;
}

/** What the system says of its interfaces; `undefined` where it must not be asked. */
export type ListInterfaces = () =>
  | readonly Pick<Deno.NetworkInterfaceInfo, "name" | "family" | "address" | "netmask">[]
  | undefined;

/**
 * Joins a group on every interface that is listed, or on those of them that are asked for.
 *
 * @throws {NetworkError} where no socket can be had.
 */
export async function joinGroup(
  group: Address,
  { list = listInterfaces, interfaces }: GroupOptions & { list?: ListInterfaces } = {},
): Promise<GroupSocket> {
  const isV6 = group.host.includes(":");
  try {
    const listener = await bind(isV6, { port: group.port, host: isV6 ? "::" : "0.0.0.0" });
    return await new Group(group, listener, { list, interfaces }).start();
  } catch (error) {
    throw toNetworkError(error, `Cannot join multicast group ${group.host}`);
  }
}

class Group implements GroupSocket {
  readonly #group: Address;
  readonly #isV6: boolean;
  readonly #listener: Socket;
  readonly #list: ListInterfaces;
  readonly #wanted: readonly string[] | undefined;
  readonly #senders = new Map<string, Socket>();
  readonly #joined = new Set<string>();
  readonly #queue = new DatagramQueue(MOST_QUEUED);
  #interfaces: readonly Interface[] | undefined;
  #sending: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(
    group: Address,
    listener: Socket,
    options: { list: ListInterfaces; interfaces: readonly string[] | undefined },
  ) {
    this.#group = group;
    this.#list = options.list;
    this.#wanted = options.interfaces;
    this.#isV6 = group.host.includes(":");
    this.#listener = listener;
    listener.on("message", (data, from) => this.#onMessage(data, from.address, from.port));
  }

  get isMember(): boolean {
    return this.#joined.size > 0;
  }

  /** Joins the group. @throws where it can neither be heard nor addressed. */
  async start(): Promise<this> {
    await this.#refresh();
    if (this.isMember || this.#senders.size > 0) return this;
    this.close();
    throw new Error("no interface takes part");
  }

  /** Joins and opens what is new, closes what is gone. */
  async #refresh(): Promise<void> {
    this.#interfaces = interfacesOf(this.#isV6, this.#list(), this.#wanted);
    const handles = this.#interfaces?.map(({ handle }) => handle) ??
      unlisted(this.#isV6, this.#wanted);
    for (const [handle, sender] of this.#senders) {
      if (handles.includes(handle)) continue;
      sender.close();
      this.#senders.delete(handle);
      this.#joined.delete(handle);
    }
    for (const handle of handles) {
      this.#join(handle);
      if (!this.#senders.has(handle)) await this.#open(handle);
    }
  }

  send(data: Uint8Array): void {
    const copy = data.slice();
    this.#sending = this.#sending.then(() => this.#sendAll(copy)).catch(() => {});
  }

  async #sendAll(data: Uint8Array): Promise<void> {
    await this.#refresh();
    const { host, port } = this.#group;
    for (const sender of this.#senders.values()) {
      // An interface without a route: nobody is there.
      sender.send(data, port, host, () => {});
    }
  }

  receive(): Promise<Datagram | null> {
    return this.#queue.take();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listener.close();
    for (const sender of this.#senders.values()) sender.close();
    this.#senders.clear();
    this.#queue.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #join(handle: string): void {
    if (this.#isClosed || this.#joined.has(handle)) return;
    try {
      this.#listener.addMembership(this.#group.host, handle === DEFAULT ? undefined : handle);
      this.#joined.add(handle);
    } catch {
      // No multicast there, or not in this runtime.
    }
  }

  async #open(handle: string): Promise<void> {
    const host = this.#isV6 ? "::" : handle === DEFAULT ? "0.0.0.0" : handle;
    let sender: Socket;
    try {
      sender = await bind(this.#isV6, { port: 0, host });
    } catch {
      return;
    }
    if (this.#isClosed || !this.#direct(sender, handle)) return void sender.close();
    this.#senders.set(handle, sender);
    try {
      sender.setMulticastTTL(HOPS);
    } catch {
      // Then the datagram stays on its network.
    }
  }

  /** Makes a socket send by an interface. Whether it does, or may send by any. */
  #direct(sender: Socket, handle: string): boolean {
    if (handle === DEFAULT) return true;
    try {
      sender.setMulticastInterface(handle);
      return true;
    } catch {
      // Then the source address decides, or the routes do.
      return this.#wanted === undefined || (!this.#isV6 && hostSystem === "linux");
    }
  }

  #onMessage(data: Uint8Array, hostname: string, port: number): void {
    const from = toAddress({ transport: "udp", hostname, port });
    const isLocal = this.#wanted === undefined && isLocalIp(from.host);
    if (isLocal || isNeighbour(from.host, this.#interfaces)) this.#queue.put(data, from);
  }
}

const DEFAULT = "";

function bind(isV6: boolean, place: { port: number; host: string }): Promise<Socket> {
  const type = isV6 ? "udp6" : "udp4";
  return bindSocket({ type, reuseAddr: true, ipv6Only: isV6 }, place);
}

/** The addresses of a family that are wanted, `undefined` for all; `undefined` where they are not known. */
function interfacesOf(
  isV6: boolean,
  all: ReturnType<ListInterfaces>,
  wanted: readonly string[] | undefined,
): Interface[] | undefined {
  if (all === undefined) return undefined;
  const ips = wanted?.map(canonicalIp);
  const found: Interface[] = [];
  for (const { name, family, address, netmask } of all) {
    const [ip, mask] = [parseIp(address), parseIp(netmask)];
    if ((family === "IPv6") !== isV6 || !ip || ip.length !== mask?.length) continue;
    if (wanted && !wanted.includes(name) && !ips?.includes(canonicalIp(address))) continue;
    // One socket sends for all addresses of an interface, but senders may be of any of its networks.
    const handle = isV6 ? `::%${name}` : address;
    if (found.length < MOST_ADDRESSES) found.push({ handle, address: ip, mask });
  }
  return found;
}

/** What to use where the interfaces are not known: of those that are wanted the IPv4 addresses can be bound to. */
function unlisted(isV6: boolean, wanted: readonly string[] | undefined): readonly string[] {
  if (wanted === undefined) return [DEFAULT];
  return isV6 ? [] : wanted.filter((text) => parseIp(text)?.length === 4);
}

/** Whether a sender is of a network that we are in: a datagram from elsewhere was not sent to the group. */
function isNeighbour(host: string, known: readonly Interface[] | undefined): boolean {
  if (known === undefined) return true;
  const ip = parseIp(host);
  return known.some(({ address, mask }) =>
    ip?.length === address.length && ip.every((byte, i) => ((byte ^ address[i]!) & mask[i]!) === 0)
  );
}
