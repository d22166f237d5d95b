/**
 * Where a DHT node starts from when it knows nobody: the nodes that the user named, or else the well-known
 * ones, found by name.
 *
 * The well-known ones are looked up only when nobody else answers, and that they cannot be is told to nobody:
 * a machine without the internet has no use for the line. Those that the user named are looked up at once, and
 * a name that leads nowhere is told once.
 *
 * @module
 */

import { type Address, makeAddress, splitHostPort } from "../base/address.ts";
import { NetworkError } from "../base/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Network } from "../ports/network.ts";

/** Nodes that everybody may start from. */
const WELL_KNOWN_NODES: readonly string[] = [
  "router.bittorrent.com:6881",
  "dht.transmissionbt.com:6881",
  "router.utorrent.com:6881",
  "dht.libtorrent.org:25401",
  "dht.aelitis.com:6881",
];
/** How long others that are known may take to answer before the well-known nodes are looked up. */
export const GRACE_MS = 2000;
/** The wait before they are looked up once more, doubled each time. */
const RETRY_MS = 30_000;
const MAX_RETRY_MS = 600_000;

/** What starting works with. */
export interface BootstrapParts {
  readonly clock: Clock;
  readonly network: Pick<Network, "resolve">;
  /** `HOST:PORT` each; the well-known nodes are left alone if there are any. */
  readonly userNodes: readonly string[];
  /** Whether others are known that may answer. */
  readonly isHopeful: boolean;
  /** Whether somebody has answered. */
  readonly hasAnswer: () => boolean;
  /** Takes addresses to start from. */
  readonly onAddresses: (addresses: readonly Address[]) => void;
  /** Called with one clean line for a person. */
  readonly onWarning: (message: string) => void;
}

/** Sees to it that the node can start, until the signal aborts; then it rejects with its reason. */
export async function bootstrap(parts: BootstrapParts, signal: AbortSignal): Promise<void> {
  const { clock, userNodes } = parts;
  const isNamed = userNodes.length > 0;
  const names = isNamed ? userNodes : WELL_KNOWN_NODES;
  if (!isNamed && parts.isHopeful) await clock.sleep(GRACE_MS, { signal });
  for (let tries = 0;; tries++) {
    const isFirst = tries === 0;
    if (!parts.hasAnswer() || (isNamed && isFirst)) {
      await Promise.all(
        names.map((name) => start(parts, { name, isTold: isNamed && isFirst }, signal)),
      );
    }
    await clock.sleep(Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** tries), { signal });
  }
}

/** Takes the addresses of one node, quietly unless `isTold`. */
async function start(
  { network, onAddresses, onWarning }: BootstrapParts,
  { name, isTold }: { readonly name: string; readonly isTold: boolean },
  signal: AbortSignal,
): Promise<void> {
  const target = splitHostPort(name);
  if (!target) return;
  try {
    onAddresses(await addressesOf(target, network, signal));
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof NetworkError)) throw error;
    if (isTold) onWarning(`Cannot use DHT node ${name}: ${reasonOf(error)}`);
  }
}

/** The addresses of a host that may be a name. @throws {NetworkError} when it has none. */
export async function addressesOf(
  { host, port }: Address,
  network: Pick<Network, "resolve">,
  signal: AbortSignal,
): Promise<Address[]> {
  const literal = makeAddress(host, port);
  if (literal) return [literal];
  return (await network.resolve(host, { signal })).map((host) => ({ host, port }));
}

/** Why, without what was tried. */
export function reasonOf(error: NetworkError): string {
  return error.message.slice(error.message.indexOf(": ") + 2);
}
