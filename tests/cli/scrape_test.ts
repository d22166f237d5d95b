/**
 * `starling scrape` against trackers of the simulated world: what it asks, prints and ends with.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { concat } from "../../src/base/bytes.ts";
import { encode } from "../../src/bencode/encode.ts";
import {
  decodeQuery,
  putConnectAnswer,
  putScrapeAnswer,
  putScrapeCounts,
} from "../../src/tracker/udp_server_codec.ts";
import type { SimAnswer } from "../sim/http.ts";
import type { SimHost, SimWorld } from "../sim/world.ts";
import { type SimRun, simRun, type SimRunOptions } from "./support/sim_run.ts";
import { torrentBytes, type TorrentParts } from "./support/torrents.ts";

const HASH = "11".repeat(20);
const MAGNET = `magnet:?xt=urn:btih:${HASH}&dn=a%1B%5Bb`;

/** An HTTP tracker at `ip` that knows the torrent of {@link MAGNET}, or gives another answer. */
function serveHttp(world: SimWorld, ip: string, answer?: SimAnswer): URL[] {
  const asked: URL[] = [];
  const counts = { complete: 5, downloaded: 12_345, incomplete: 6 };
  const files = new Map([[new Uint8Array(20).fill(0x11), counts]]);
  const body = concat([
    new TextEncoder().encode("d5:filesd"),
    ...[...files].flatMap(([hash, value]) => [encode(hash), encode(value)]),
    new TextEncoder().encode("ee"),
  ]);
  world.host(ip).serve(80, ({ url }) => {
    asked.push(url);
    return answer ?? { body };
  });
  return asked;
}

async function serveUdp(host: SimHost): Promise<void> {
  const socket = await host.process.network.bindUdp({ port: 6969 });
  for (let packet; (packet = await socket.receive()) !== null;) {
    const query = decodeQuery(packet.data)!;
    const id = query.transactionId;
    const out = new Uint8Array(100);
    const end = query.action === "connect"
      ? putConnectAnswer(out, id, { high: 1, low: 2 })
      : putScrapeCounts(out, putScrapeAnswer(out, id), { seeds: 1, completed: 2, leeches: 3 });
    socket.send(out.slice(0, end), packet.from);
  }
}

function scrape(
  args: readonly string[],
  { torrent = {}, ...options }: SimRunOptions & { readonly torrent?: TorrentParts } = {},
): Promise<SimRun> {
  return simRun(["scrape", ...args], { ...options, files: { "t": torrentBytes(torrent) } });
}

Deno.test("scrape prints what each tracker says, beside what is wrong with the others", async () => {
  const urls: URL[][] = [];
  const { code, shell, seconds, sockets } = await scrape([
    MAGNET +
    "&tr=http://10.0.0.2/announce%3Fkey%3D1&tr=udp://10.0.0.3:6969&tr=http://10.0.0.4/odd" +
    "&tr=http://10.0.0.5/announce",
    ...["-t", "http://10.0.0.6/announce", "-t", "udp://10.0.0.7:6969"],
  ], {
    prepare: (world) => {
      urls.push(serveHttp(world, "10.0.0.2"));
      serveUdp(world.host("10.0.0.3"));
      serveHttp(world, "10.0.0.4");
      serveHttp(world, "10.0.0.5", { body: encode({ "failure reason": "go\x1b away" }) });
      serveHttp(world, "10.0.0.6", { body: encode({ files: {} }) });
      world.host("10.0.0.7");
    },
  });
  assertEquals([code, seconds, sockets], [0, 20, 0]);
  const [head, ...lines] = shell.stdout.lines;
  assertEquals(head, "   seeds   leeches   completed  tracker");
  assertEquals(lines.toSorted(), [
    "       -         -           -  http://10.0.0.4/odd: not allowed: its URL names no announce to replace",
    "       -         -           -  http://10.0.0.5/announce: refused: go away",
    "       -         -           -  http://10.0.0.6/announce: does not know this torrent",
    "       -         -           -  udp://10.0.0.7:6969: timed out: no answer within 20 s",
    "       1         3           2  udp://10.0.0.3:6969",
    "       5         6      12,345  http://10.0.0.2/announce?key=1",
  ]);
  assertEquals(shell.stderr.lines, ["asking 6 trackers of a\\u{1b}[b"]);
  assertEquals(
    urls[0]!.map(String),
    [`http://10.0.0.2/scrape?key=1&info_hash=${"%11".repeat(20)}`],
  );
});

Deno.test("scrape tells a script one event for each tracker, and how it ended", async () => {
  const { shell, code } = await scrape([
    ...[HASH.toUpperCase(), "--json", "-t", "http://10.0.0.2/announce"],
    ...["-t", "http://10.0.0.3/announce"],
  ], { prepare: (world) => serveHttp(world, "10.0.0.2") });
  assertEquals(code, 0);
  const [first, second, last] = shell.stdout.lines.map((text) => ({ ...JSON.parse(text), at: 0 }));
  const base = { v: 1, type: "scrape", at: 0, infoHash: HASH };
  const [answer, error] = first.isAnswered ? [first, second] : [second, first];
  assertEquals(answer, {
    ...base,
    ...{ tracker: "http://10.0.0.2/announce", tier: 0, isAnswered: true },
    ...{ seeds: 5, leeches: 6, completed: 12_345, trouble: null },
  });
  assertEquals([error.tier, error.isAnswered, error.seeds], [1, false, null]);
  assert(error.trouble.startsWith("timed out: "), error.trouble);
  assertEquals([last.type, last.exitCode, last.infoHash], ["done", 0, HASH]);
});

Deno.test("scrape asks the trackers of a torrent file in their tiers", async () => {
  const root = { "announce-list": [["http://10.0.0.2/announce"], ["http://10.0.0.3/announce"]] };
  const { shell, code } = await scrape(["t", "--json"], {
    torrent: { root },
    prepare: (world) => {
      serveHttp(world, "10.0.0.2", { status: 503 });
      serveHttp(world, "10.0.0.3");
    },
  });
  assertEquals(code, 0);
  const events = shell.stdout.lines.map((text) => JSON.parse(text));
  const told = events.filter(({ type }) => type === "scrape").map((e) => [e.tier, e.trouble]);
  assertEquals(told.toSorted(), [[0, "bad answer: HTTP status 503"], [
    1,
    "does not know this torrent",
  ]]);
});

Deno.test("scrape ends with 7 when no tracker answers, with its error when it is the only one", async () => {
  const prepare = (world: SimWorld) => void world.host("10.0.0.2");
  const one = await scrape([HASH, "-t", "http://10.0.0.2/announce"], { prepare });
  assertEquals(one.code, 7);
  assertEquals(
    one.shell.stderr.lines.at(-1),
    `error: Cannot scrape ${HASH}: unreachable: connection refused`,
  );
  const trackers = ["-t", "http://10.0.0.2/announce", "-t", "udp://10.0.0.2:1"];
  const two = await scrape([HASH, ...trackers, "--json"], { prepare });
  assertEquals([two.code, JSON.parse(two.shell.stdout.lines.at(-1)!).reason], [7, "network"]);
  assertEquals(
    two.shell.stderr.lines.at(-1),
    `error: Cannot scrape ${HASH}: none of 2 trackers answered`,
  );
});

Deno.test("scrape stops at once when it is interrupted, and keeps what it has", async () => {
  const { code, shell, seconds, sockets } = await scrape([
    ...[HASH, "-t", "http://10.0.0.2/announce", "-t", "udp://10.0.0.3:6969"],
  ], {
    interruptAfter: 5000,
    prepare: (world) => {
      serveHttp(world, "10.0.0.2");
      world.host("10.0.0.3");
    },
  });
  assertEquals([code, seconds, sockets], [130, 5, 0]);
  assertEquals(shell.stdout.lines.length, 2);
});

Deno.test("scrape refuses what names no tracker", async () => {
  for (const source of [HASH, "t", MAGNET]) {
    const { code, shell } = await scrape([source]);
    assertEquals([code, shell.stdout.text], [2, ""]);
    assert(shell.stderr.text.endsWith("it names no tracker\nhint: --tracker URL names one\n"));
  }
});
