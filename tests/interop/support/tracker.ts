/**
 * Trackers on 127.0.0.1: the real opentracker, and a page-long one that answers with whatever peers a
 * test wants to hand out.
 *
 * @module
 */

import { join } from "@std/path";
import { Child } from "./process.ts";
import { onFreePort, until } from "./wait.ts";

/** A running tracker. */
export interface Tracker extends AsyncDisposable {
  /** Its announce URL. */
  readonly url: string;
}

/** opentracker, with what it knows of its torrents. */
export interface Opentracker extends Tracker {
  /** Waits until this many seeds have announced a torrent. */
  seeds(infoHash: string, count: number): Promise<void>;
}

/** Starts opentracker for these infohashes (hex); `folder` is an empty one of its own. */
export async function startOpentracker(
  folder: string,
  infoHashes: readonly string[],
): Promise<Opentracker> {
  await Deno.mkdir(folder);
  // As root it goes into the folder by chroot and gives up its rights, so others must be let in.
  await Deno.chmod(folder, 0o755);
  await Deno.writeTextFile(join(folder, "whitelist"), infoHashes.map((hex) => `${hex}\n`).join(""));
  return await onFreePort((port) => opentrackerOn(folder, port));
}

async function opentrackerOn(folder: string, port: number): Promise<Opentracker> {
  const at = String(port);
  const argv = ["opentracker", "-i", "127.0.0.1", "-p", at, "-P", at, "-d", folder];
  const child = Child.start([...argv, "-w", "whitelist"], { cwd: folder, endWith: "SIGKILL" });
  try {
    await until(() => {
      if (child.ended) throw new Error(`Cannot start opentracker\n${child.tail()}`);
      return answers(`http://127.0.0.1:${port}/scrape`);
    }, { what: "an answer of opentracker" });
  } catch (error) {
    await child[Symbol.asyncDispose]();
    throw error;
  }
  return {
    url: `http://127.0.0.1:${port}/announce`,
    async seeds(infoHash, count) {
      const query = infoHash.replace(/../g, "%$&");
      await until(async () => {
        const response = await fetch(`http://127.0.0.1:${port}/scrape?info_hash=${query}`);
        const complete = new TextDecoder("latin1").decode(await response.bytes())
          .match(/8:completei(\d+)e/);
        return complete !== null && Number(complete[1]) >= count;
      }, { what: `${count} seeds at opentracker`, timeoutMs: 30_000 });
    },
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

/** A tracker of our own that gives every announce the same answer. */
export interface ScriptedTracker extends Tracker {
  /** The query of every announce so far. */
  readonly announces: URLSearchParams[];
}

/** Starts a tracker that hands out these ports of 127.0.0.1. */
export function startScriptedTracker(ports: () => readonly number[]): ScriptedTracker {
  const announces: URLSearchParams[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => {
      announces.push(new URL(request.url).searchParams);
      return new Response(compactAnswer(ports()));
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}/announce`,
    announces,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function compactAnswer(ports: readonly number[]): Uint8Array<ArrayBuffer> {
  const peers = ports.flatMap((port) => [127, 0, 0, 1, port >> 8, port & 255]);
  const head = new TextEncoder().encode(`d8:intervali1800e5:peers${peers.length}:`);
  const bytes = new Uint8Array(head.length + peers.length + 1);
  bytes.set(head);
  bytes.set(peers, head.length);
  bytes[bytes.length - 1] = 0x65;
  return bytes;
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url);
    await response.body?.cancel();
    return true;
  } catch {
    return false;
  }
}
