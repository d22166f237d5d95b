/**
 * `starling doctor` in the simulated world: what it finds, says and ends with, and that it downloads nothing.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { hex } from "../../src/base/bytes.ts";
import { encode } from "../../src/bencode/encode.ts";
import { FakePeer } from "../sim/fake_peer.ts";
import { makeTorrent } from "../sim/torrents.ts";
import { SimTracker } from "../sim/tracker.ts";
import type { SimWorld } from "../sim/world.ts";
import { parseEvents } from "../support/events.ts";
import { type SimRun, simRun, type SimRunOptions } from "./support/sim_run.ts";

const TRACKERS = [1, 2].map((n) => `http://10.0.3.${n}:80/announce`);
const PLAIN = makeTorrent();
const TRACKED = makeTorrent({ trackers: TRACKERS });

function doctor(args: readonly string[], options: SimRunOptions = {}): Promise<SimRun> {
  const files = { "t": PLAIN.bytes, "tracked": TRACKED.bytes, ...options.files };
  return simRun(["doctor", "--no-dht", ...args], { ...options, files });
}

/** A finding's state and text, by what was looked at. */
function finding({ shell }: SimRun, check: string): string {
  const line = shell.stdout.lines.find((text) => text.slice(9).startsWith(check));
  return line === undefined ? "" : `${line.slice(0, 8).trim()}: ${line.slice(18)}`;
}

Deno.test("doctor finds a swarm that works, as soon as it knows, and takes nothing of it", async () => {
  let peer!: FakePeer;
  let tracker!: SimTracker;
  const run = await doctor(["tracked", "-o", "down"], {
    prepare: async (world) => {
      peer = await FakePeer.start(world.host("10.0.1.0"), TRACKED);
      [tracker] = TRACKERS.map((_, i) => {
        return new SimTracker(world.host(`10.0.3.${i + 1}`), { peers: [peer.address] });
      }) as [SimTracker];
    },
  });
  assertEquals([run.code, run.sockets], [0, 0], run.shell.stderr.text);
  assert(run.seconds < 5, `${run.seconds} s`);
  assertEquals(
    finding(run, "disk"),
    "ok: down can be written to, 4.66 GiB free, the whole torrent takes 256 KiB",
  );
  assertStringIncludes(finding(run, "port"), "unknown: listening on 6881; whether others");
  const told = run.shell.stdout.lines.filter((line) => line.includes(" tracker "));
  assertEquals(told.map((line) => line.slice(18).replace(/, next.*/, "")), [
    ...TRACKERS.map((url) => `${url.replace(":80/", "/")}: ok, 1 peer`),
  ]);
  assertEquals(
    finding(run, "peers"),
    "ok: 1 known (1 from trackers), 1 connected, 1 have everything, 1 would serve us",
  );
  assertEquals(finding(run, "pieces"), "ok: a connected peer has each of them");
  assertEquals(finding(run, "dht"), "off: switched off by --no-dht");
  assertEquals([peer.requests.length, peer.served], [0, 0]);
  const [first] = tracker.announces;
  assertEquals([first?.event, first?.query.get("left")], ["started", "262144"]);
  assertEquals(tracker.announces.at(-1)?.event, "stopped");
});

Deno.test("doctor names the pieces that nobody has, and ends with 3", async () => {
  const has = [[0, 1, 2], [2, 3, 6]];
  const run = await doctor(["t", "--peer", "10.0.1.0:6881", "--peer", "10.0.1.1:6881"], {
    prepare: (world) =>
      Promise.all(
        has.map((pieces, i) =>
          FakePeer.start(world.host(`10.0.1.${i}`), PLAIN, {
            has: (piece) => pieces.includes(piece),
          })
        ),
      ),
  });
  assertEquals([run.code, run.seconds >= 15, run.sockets], [3, true, 0]);
  assertEquals(finding(run, "pieces"), "bad: no connected peer has 4-5, 7");
  assertEquals(
    run.shell.stderr.lines.at(-1),
    "error: Cannot download t: pieces 4-5, 7 are with nobody",
  );
});

Deno.test("doctor says of each tracker what is wrong, and ends with 7 when nobody can be reached", async () => {
  const dead = ["udp://10.0.4.1:1", "udp://10.0.4.2:2"];
  const prepare = (world: SimWorld) => {
    const [refuses, fails] = TRACKERS.map((_, i) => new SimTracker(world.host(`10.0.3.${i + 1}`)));
    refuses!.override = { body: encode({ "failure reason": "not registered" }) };
    fails!.override = { status: 503 };
    for (const n of [1, 2]) world.host(`10.0.4.${n}`);
  };
  const run = await doctor(["tracked", ...dead.flatMap((url) => ["-t", url])], { prepare });
  assertEquals(run.code, 7);
  const told = run.shell.stdout.lines.filter((line) => line.includes(" tracker "));
  assertEquals(told.map((line) => line.replace(/ +/g, " ")), [
    "bad tracker udp://10.0.4.1:1: no answer for 15 s",
    "bad tracker udp://10.0.4.2:2: no answer for 15 s",
    "bad tracker http://10.0.3.1/announce: refused: not registered",
    "bad tracker http://10.0.3.2/announce: bad answer: HTTP status 503",
  ]);
  assertStringIncludes(
    finding(run, "udp"),
    "bad: nobody answers datagrams: UDP seems to be blocked",
  );
  const error = run.shell.stderr.lines.at(-1)!;
  assertStringIncludes(
    error,
    "error: Cannot download t: no peers found (udp://10.0.4.1:1: no answer",
  );
  assertStringIncludes(error, "; UDP seems to be blocked");
});

Deno.test("doctor warns when all peers choke us, which may pass", async () => {
  const run = await doctor(["t", "--peer", "10.0.1.0:6881"], {
    prepare: (world) => FakePeer.start(world.host("10.0.1.0"), PLAIN, { unchokeMs: Infinity }),
  });
  assertEquals(run.code, 0);
  assertEquals(
    finding(run, "peers"),
    "warning: 1 known (1 named by you), 1 connected, 1 have everything, 0 would serve us",
  );
});

const MAGNET = `magnet:?xt=urn:btih:${hex(PLAIN.metainfo.infoHash)}&x.pe=10.0.1.0:6881`;

Deno.test("doctor fetches the metadata of a magnet link to see which pieces are there", async () => {
  const has = (piece: number) => piece !== 3;
  const run = await doctor([MAGNET], {
    prepare: (world) => FakePeer.start(world.host("10.0.1.0"), PLAIN, { has, metadata: {} }),
  });
  assertEquals([run.code, run.sockets], [3, 0]);
  assertStringIncludes(finding(run, "disk"), ", the whole torrent takes 256 KiB");
  assertEquals(finding(run, "pieces"), "bad: no connected peer has 3");
});

Deno.test("doctor says of a magnet link that nobody has its metadata", async () => {
  const run = await doctor([MAGNET, "--timeout", "9"], {
    prepare: (world) => FakePeer.start(world.host("10.0.1.0"), PLAIN),
  });
  assertEquals([run.code, run.seconds >= 9], [3, true]);
  assertEquals(finding(run, "peers"), "ok: 1 known (1 named by you), 1 connected");
  assertEquals(finding(run, "pieces"), "unknown: not known: nobody has sent the metadata yet");
  const name = hex(PLAIN.metainfo.infoHash);
  assertEquals(
    run.shell.stderr.lines.at(-1),
    `error: Cannot download ${name}: no metadata: none of 1 connected peer has it`,
  );
});

Deno.test("doctor looks at this machine alone, and ends with 4 when nothing can be written", async () => {
  const fine = await doctor([]);
  assertEquals([fine.code, fine.seconds], [0, 0]);
  assertEquals(finding(fine, "proxy"), "");
  const env = { HTTPS_PROXY: "http://user:secret@10.0.0.9:1" };
  const room = { trouble: "the file system is read-only", freeBytes: undefined };
  const run = await doctor(["-o", "/down"], { env, room });
  assertEquals(run.code, 4);
  assertStringIncludes(finding(run, "proxy"), "warning: HTTPS_PROXY is set: torrent files");
  assert(!run.shell.stdout.text.includes("secret"));
  const why = "/down cannot be written to: the file system is read-only";
  assertEquals(finding(run, "disk"), `bad: ${why}`);
  assertEquals(run.shell.stderr.lines.at(-1), `error: Cannot download: ${why}`);
  const short = await doctor(["t"], { room: { freeBytes: 1000 } });
  assertEquals(short.code, 4);
});

Deno.test("doctor goes on when the port that was asked for is taken, and ends with 1", async () => {
  const run = await doctor(["t", "-p", "7000", "--peer", "10.0.1.0:6881"], {
    prepare: async (world) => {
      await world.host(["10.0.0.1", "fd00::1"]).process.network.listen({ port: 7000 });
      await FakePeer.start(world.host("10.0.1.0"), PLAIN);
    },
  });
  assertEquals(run.code, 1);
  assertStringIncludes(finding(run, "port"), "bad: ");
  assertEquals(finding(run, "pieces"), "ok: a connected peer has each of them");
});

Deno.test("doctor tells a script the findings and how it ended", async () => {
  const run = await doctor(["t", "--json", "--timeout", "3"]);
  const [event, last] = parseEvents(run.shell.stdout.lines);
  assertEquals([event!["type"], event!["name"]], ["doctor", "t"]);
  const checks = (event!["findings"] as { check: string }[]).map(({ check }) => check);
  assertEquals(checks, ["disk", "data", "port", "udp", "dht", "peers", "pieces"]);
  assertEquals([last!["type"], last!["exitCode"], last!["reason"]], ["error", 7, "network"]);
});

Deno.test("doctor stops at once when it is interrupted", async () => {
  const run = await doctor(["t"], { interruptAfter: 2000 });
  assertEquals([run.code, run.seconds < 3, run.sockets], [130, true, 0]);
});

Deno.test("doctor tells how the DHT stands, and leaves it to itself for a private torrent", async () => {
  const dht = ["doctor", "--timeout", "4"];
  const alone = await simRun(dht, { prepare: () => {} });
  assertEquals(alone.code, 0);
  assertStringIncludes(finding(alone, "dht"), "no answer to");
  const files = { "p": makeTorrent({ isPrivate: true }).bytes };
  const own = await simRun([...dht, "p"], { files });
  assertEquals(finding(own, "dht"), "off: this torrent is private (BEP 27)");
});

Deno.test("doctor says what is there already, and misses no piece of that", async () => {
  const { metainfo, content } = PLAIN;
  const path = `down/${metainfo.name}`;
  const half = content.slice();
  half.fill(0, half.length / 2);
  const prepare = async (world: SimWorld) => {
    world.host(["10.0.0.1", "fd00::1"]).disk.put(path, half);
    const has = (piece: number) => piece >= 4;
    await FakePeer.start(world.host("10.0.1.0"), PLAIN, { has });
  };
  const options = { prepare, folders: ["down"], files: { [path]: half } };
  const args = ["t", "-o", "down", "--peer", "10.0.1.0:6881"];
  const run = await doctor(args, { ...options, room: { freeBytes: 131_072 } });
  assertEquals([run.code, run.sockets], [0, 0], run.shell.stderr.text);
  assertEquals(finding(run, "data"), "ok: 128 KiB of 256 KiB is there already");
  assertStringIncludes(finding(run, "disk"), "ok: down can be written to, 128 KiB free");
  assertEquals(finding(run, "pieces"), "ok: a connected peer has each of them");
});

Deno.test("doctor needs nobody where all of it is there", async () => {
  const { metainfo, content } = PLAIN;
  const path = `down/${metainfo.name}`;
  const run = await doctor(["t", "-o", "down", "--no-trackers"], {
    prepare: (world) => world.host(["10.0.0.1", "fd00::1"]).disk.put(path, content),
    folders: ["down"],
    files: { [path]: content },
  });
  assertEquals([run.code, run.seconds < 1], [0, true], run.shell.stderr.text);
  assertEquals(finding(run, "data"), "ok: all of it is there, 256 KiB of 256 KiB");
  assertEquals(finding(run, "pieces"), "ok: all of them are there");
});

Deno.test("doctor asks one tracker of a private torrent at a time", async () => {
  const trackers: SimTracker[] = [];
  const torrent = makeTorrent({ trackers: TRACKERS, isPrivate: true });
  const run = await doctor(["p"], {
    files: { p: torrent.bytes },
    prepare: async (world) => {
      const peer = await FakePeer.start(world.host("10.0.1.0"), torrent);
      for (let n = 1; n <= 2; n++) {
        trackers.push(new SimTracker(world.host(`10.0.3.${n}`), { peers: [peer.address] }));
      }
    },
  });
  assertEquals([run.code, run.seconds < 5], [0, true], run.shell.stderr.text);
  assertEquals(trackers.map(({ announces }) => announces.length), [2, 0]);
  const told = run.shell.stdout.lines.filter((line) => line.includes(" tracker "));
  assertStringIncludes(told[1]!, "not asked, since a private torrent keeps to the one that works");
});
