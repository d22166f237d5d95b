/**
 * `starling tracker`: run a tracker server, for HTTP and UDP, until told to stop.
 *
 * Standard output gets its announce URLs, one a line, so that a script can hand them on.
 *
 * @module
 */

import { NetworkError } from "../../base/errors.ts";
import { isRefusedPort } from "../../base/refused_ports.ts";
import { MIB } from "../../base/units.ts";
import { parseInfoHash } from "../../metainfo/info_hash.ts";
import type { World } from "../../ports/world.ts";
import type { TrackerOptions } from "../../service/tracker_server.ts";
import type { Context, Ending, RunningTracker } from "../context.ts";
import { openLog } from "../log.ts";
import { ownHosts } from "../own_hosts.ts";
import { formatCount } from "../units.ts";
import { UsageError } from "../usage_error.ts";

/** Where a tracker listens when nothing else is said. */
const PORT = 6969;
/** Clients go no lower than half a minute, and forget us after some hours. */
const INTERVAL_MS = { least: 1000, most: 86_400_000 } as const;
/** Room for a million infohashes with their comments. */
const MAX_LIST_BYTES = 96 * MIB;

/** Runs a tracker. It ends by a signal, or because its sockets broke. */
export async function runTracker(context: Context): Promise<Ending> {
  const { parts, invocation, interrupts } = context;
  const { options } = invocation;
  const intervalMs = intervalOf(options.number("interval"));
  const list = options.text("whitelist");
  const whitelist = list === undefined ? undefined : await readWhitelist(context, list);
  const ports = options.numbers("port");
  const log = openLog(context);
  await using world = await parts.openWorld({ log, workers: 0 });
  await using tracker = await startOnOneOf(ports.length > 0 ? ports : [PORT], (port) => ({
    port,
    ...(intervalMs === undefined ? {} : { intervalMs }),
    ...(whitelist === undefined ? {} : { whitelist }),
  }), { context, world });
  tell(context, tracker.port, whitelist?.length);
  await Promise.race([interrupts.asked, tracker.ended]);
  throw interrupts.reason;
}

function intervalOf(ms: number | undefined): number | undefined {
  if (ms === undefined || (ms >= INTERVAL_MS.least && ms <= INTERVAL_MS.most)) return ms;
  throw new UsageError("Cannot use --interval: it is not between 1s and 24h");
}

/** Tries the ports in order, those that HTTP clients refuse last; the last failure counts. */
async function startOnOneOf(
  wanted: readonly number[],
  optionsFor: (port: number) => TrackerOptions,
  { context, world }: { readonly context: Context; readonly world: World },
): Promise<RunningTracker> {
  const ports = wanted.toSorted((a, b) => Number(isRefusedPort(a)) - Number(isRefusedPort(b)));
  for (const [i, port] of ports.entries()) {
    try {
      return await context.parts.startTracker(world, optionsFor(port));
    } catch (error) {
      const isTaken = error instanceof NetworkError && error.kind === "in-use";
      if (!isTaken || i === ports.length - 1) throw error;
    }
  }
  throw new UsageError("Cannot use --port: it names no port");
}

/** The infohashes in a file: one a line, with comments behind `#`. Of a v2 infohash the first 20 bytes count. */
async function readWhitelist({ shell, interrupts }: Context, path: string): Promise<Uint8Array[]> {
  const bytes = await shell.readSource(path, {
    maxBytes: MAX_LIST_BYTES,
    signal: interrupts.signal,
  });
  const hashes: Uint8Array[] = [];
  for (const [i, line] of new TextDecoder().decode(bytes).split("\n").entries()) {
    const text = line.replace(/#.*/, "").trim();
    if (text === "") continue;
    const hash = parseInfoHash(text);
    if (hash === undefined) {
      throw new UsageError(`Cannot use --whitelist ${path}: line ${i + 1} is not an infohash`, {
        hint: "write 40 hexadecimal digits a line; starling info shows them",
      });
    }
    hashes.push(hash.v1 ?? hash.v2!.subarray(0, 20));
  }
  return hashes;
}

function tell({ shell, screen, json }: Context, port: number, listed: number | undefined): void {
  if (json !== undefined) {
    json.write({ v: 1, type: "listening", at: shell.clock.epochMs(), port });
    return;
  }
  for (const host of ownHosts({ shell, screen })) {
    shell.stdout.write(`http://${host}:${port}/announce\nudp://${host}:${port}\n`);
  }
  const what = listed === undefined
    ? "any torrent"
    : `${formatCount(listed)} torrent${listed === 1 ? "" : "s"}`;
  screen.note(`tracking ${what} on port ${port}; numbers at http://127.0.0.1:${port}/stats`);
}
