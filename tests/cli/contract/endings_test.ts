/**
 * How a run ends, typed: each exit code with its one error line, the deadlines with their reasons in words,
 * and what is there when the same command is typed again.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { equalBytes } from "../../../src/base/bytes.ts";
import { openSession } from "../../../src/mod.ts";
import type { Manner } from "../../interop/support/raw_peer.ts";
import { RawSwarm } from "../../interop/support/raw_swarm.ts";
import { makeTorrent } from "../../sim/torrents.ts";
import {
  assertDone,
  bytesOf,
  end,
  errorOf,
  eventsOf,
  FILES,
  hear,
  LINK,
  type ProcessLab,
  SET,
  tree,
  withLab,
} from "../support/process_lab.ts";
import type { Run } from "../support/process.ts";

const UNIX = { ignore: Deno.build.os === "windows" };
const LINUX = { ignore: Deno.build.os !== "linux" };

/** Types lines side by side, each with `--json`; gives exit code, reason and message of each. */
async function ends(
  lab: ProcessLab,
  lines: readonly string[],
): Promise<{ code: number; reason: unknown; message: string; hint: string | undefined }[]> {
  const runs: Run[] = [];
  let next = 0;
  // A few at a time: deadlines are short, and a machine that is busy must not spend them on starting.
  const work = async () => {
    while (next < lines.length) {
      const at = next++;
      runs[at] = await lab.run(`${lines[at]} --json`);
    }
  };
  await Promise.all(Array.from({ length: 4 }, work));
  return runs.map((run) => {
    const last = eventsOf(run).at(-1)!;
    const { error, hint } = errorOf(run);
    assertEquals([last.type, last["exitCode"], last["message"]], ["error", run.code, error]);
    return { code: run.code, reason: last["reason"], message: error, hint };
  });
}

Deno.test("each kind of failure has its exit code, its reason and one error line", () =>
  withLab(async (lab) => {
    const closed = Deno.listen({ port: 0, hostname: "127.0.0.1" });
    const { port } = closed.addr;
    closed.close();
    await lab.put({ "bad.torrent": "d3:foo3:bare", "in-the-way/set": "a file", "page": "<html>" });
    const lines: [line: string, code: number, reason: string][] = [
      ["get set.torrent --select-file 9", 2, "usage"],
      ["get set.torrent --include *.csb", 2, "usage"],
      ["get set.torrent --max-peer 3", 2, "usage"],
      ["get nothing.torrent", 4, "storage"],
      ["info seed", 4, "storage"],
      ["get set.torrent -o in-the-way", 4, "storage"],
      ["verify set.torrent nothing", 4, "storage"],
      ["get bad.torrent", 5, "invalid"],
      ["info page", 5, "invalid"],
      ["get magnet:?xt=urn:btih:12345", 5, "invalid"],
      [`get http://127.0.0.1:${port}/x.torrent`, 7, "network"],
      ["scrape set.torrent -t http://127.0.0.1:1/announce", 7, "network"],
      ["doctor set.torrent --timeout 1s", 7, "network"],
    ];
    const found = await ends(lab, lines.map(([line]) => line));
    for (const [i, [line, code, reason]] of lines.entries()) {
      assertEquals(
        [found[i]!.code, found[i]!.reason],
        [code, reason],
        `${line}: ${found[i]!.message}`,
      );
    }
    assertStringIncludes(found[1]!.hint!, "close are a.csv, b.csv");
    assertStringIncludes(found[2]!.hint!, "did you mean --max-peers");
  }));

Deno.test("only -vv shows where an error came from", () =>
  withLab(async (lab) => {
    const plain = await lab.run("get nothing.torrent -v");
    errorOf(plain);
    const { stderr } = await lab.run("get nothing.torrent -vv");
    assertMatch(stderr, /^ +at /m);
  }));

Deno.test(
  "each deadline ends with 3 and its own reason, and in words why nothing moved",
  LINUX,
  () =>
    withLab(async (lab) => {
      const payload = { infoHash: SET.metainfo.infoHash, pieceBytes: 32_768, bytes: SET.content };
      const manners: Manner[] = ["choker", "choker", "choker", "staller", "liar"];
      await using swarm = new RawSwarm(payload, { manners });
      const [one, two, three, staller, liar] = swarm.addresses.map((address) =>
        `--peer ${address}`
      );
      const gone = await serve(() => new Response("no such torrent", { status: 404 }));
      const refusing = await serve(() => new Response("d14:failure reason9:go away!!e"));
      await using part = await openSession({ ports: [0] });
      await lab.put({ "part/set/a.csv": bytesOf(0) });
      // Without PEX, or the runs would hear of each other.
      const alone = { noDht: true, noLsd: true, noPex: true };
      const options = { output: lab.path("part"), isUploadOnly: true, ...alone };
      await part.add({ metainfo: SET.metainfo, ...options }).downloaded;
      const silent = ["127.0.0.1", "127.0.0.2"].map((hostname) =>
        Deno.listenDatagram({ transport: "udp", port: 0, hostname })
      );
      const udp = silent.map(({ addr }) => {
        const { hostname, port } = addr as Deno.NetAddr;
        return `-t udp://${hostname}:${port}`;
      }).join(" ");
      const get = "get set.torrent --stall-timeout 3s -o";
      const cases: [line: string, code: number, reason: string, words: RegExp][] = [
        [`${get} 1`, 3, "stalled", /no progress for 3 s: no peers found and no tracker is used$/],
        [
          `${get} 2 -t ${gone.url} -t ${refusing.url}`,
          3,
          "stalled",
          /no peers found \(http:\/\/127\S+: .*404.*; http:\/\/127\S+: .*go away!!.*\)$/,
        ],
        [`${get} 3 ${one}`, 3, "stalled", /: the only peer chokes us$/],
        [`${get} 4 ${one} ${two} ${three}`, 3, "stalled", /: all 3 peers choke us$/],
        [`${get} 5 ${staller}`, 3, "stalled", /: 1 connected peer sent nothing$/],
        [`${get} 6 ${liar}`, 6, "bad-data", /: 1 peer sent corrupt data and nobody else can be/],
        [`${get} 7 --peer 127.0.0.1:${part.port}`, 3, "stalled", /the missing pieces \(1-4\)$/],
        [`${get} 9 --peer 127.0.0.1:1`, 3, "stalled", /: the only known peer cannot be reached/],
        [
          `get set.torrent -o 10 --timeout 6s ${one}`,
          3,
          "timeout",
          /not done after 6 s: the only (?:peer chokes us|known peer)/,
        ],
        [`get ${LINK} -o 11 --metadata-timeout 3s`, 3, "metadata-timeout", /no peers found/],
        [
          `get ${LINK} -o 12 --stall-timeout 3s ${one}`,
          3,
          "stalled",
          /none of 1 connected peer has it/,
        ],
        [
          `get set.torrent -o 13 --stall-timeout 7s ${udp}`,
          3,
          "stalled",
          /; UDP seems to be blocked$/,
        ],
      ];
      const found = await ends(lab, cases.map(([line]) => line));
      for (const [i, [line, code, reason, words]] of cases.entries()) {
        const { message, hint } = found[i]!;
        assertEquals([found[i]!.code, found[i]!.reason], [code, reason], `${line}: ${message}`);
        assertMatch(message, words, line);
        assert(hint !== undefined, line);
      }
      for (const socket of silent) socket.close();
      await Promise.all([gone.close(), refusing.close()]);
      // Whoever has it after all continues it.
      assertDone(await lab.run(`get set.torrent -o 7 --peer ${lab.peer}`));
    }),
);

/** An HTTP server that answers everything alike. */
function serve(answer: () => Response): { url: string; close: () => Promise<void> } {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, answer);
  return { url: `http://127.0.0.1:${server.addr.port}/announce`, close: () => server.shutdown() };
}

Deno.test(
  "the same command again continues, after kill -9 too, and writes nowhere else",
  UNIX,
  () =>
    withLab(async (lab) => {
      const large = makeTorrent({ name: "large", length: 3_000_000, seed: 3 });
      await lab.put({
        "large.torrent": large.bytes,
        "seed/large": large.content,
        "out/mine": "mine",
      });
      await using session = await openSession({ ports: [0] });
      const options = { output: lab.path("seed"), isUploadOnly: true, noDht: true, noLsd: true };
      await session.add({ metainfo: large.metainfo, ...options }).downloaded;
      const get = `get large.torrent -o out --json --peer 127.0.0.1:${session.port}`;
      const before = tree(lab.folder);
      const child = lab.start(`${get} --down-limit 1M`);
      await hear(child, /"piecesDone":[1-9]/);
      // A second run of it in the same folder is refused, and harms nothing.
      const [twice] = await ends(lab, [get.replace(" --json", "")]);
      assertEquals([twice!.code, twice!.reason], [4, "storage"], twice!.message);
      assertEquals((await end(child, "SIGKILL")).code, 137);
      const again = await lab.run(get);
      assertEquals(again.code, 0, again.stderr);
      const check = eventsOf(again).findLast(({ type }) => type === "check")!;
      assert(check["piecesGood"] as number > 0, JSON.stringify(check));
      assert(eventsOf(again).at(-1)!["bytesDownloaded"] as number < 3_000_000);
      assert(equalBytes(await Deno.readFile(lab.path("out/large")), large.content));
      assertEquals(await Deno.readTextFile(lab.path("out/mine")), "mine");
      assertEquals(tree(lab.folder), [...before, "out/large"].sort());
      const finished = await lab.run("get large.torrent -o out --no-trackers --stall-timeout 5s");
      assertDone(finished);
      assertStringIncludes(finished.stderr, "all of it was there");
    }),
);

Deno.test("what is on the disk is content to check; a file that is too long is in the way", () =>
  withLab(async (lab) => {
    await lab.putSet("out");
    await lab.put({ "out/set/b.csv": bytesOf(1).with(100, 1), "long/set/a.csv": SET.content });
    const mended = await lab.run(`get set.torrent -o out -c --json --peer ${lab.peer}`);
    assertEquals(mended.code, 0, mended.stderr);
    assert(equalBytes(await Deno.readFile(lab.path("out/set/b.csv")), bytesOf(1)));
    const files = eventsOf(mended).filter(({ type }) => type === "file").map((e) => e["path"]);
    assertEquals(files.toSorted(), ["a.csv", "b.csv", "sub/c.txt"]);
    const [long] = await ends(lab, [`get set.torrent -o long --peer ${lab.peer}`]);
    assertEquals([long!.code, long!.reason], [4, "storage"]);
    assert(long!.hint !== undefined && long!.message.includes("a.csv"), long!.message);
    assert(equalBytes(await Deno.readFile(lab.path("long/set/a.csv")), SET.content));
    assertEquals(tree(lab.path("out")), FILES);
  }));

Deno.test(
  "a signal stops it cleanly, and a second one at once",
  UNIX,
  () =>
    withLab(async (lab) => {
      for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
        const child = lab.start(`get ${LINK} -o out`);
        await hear(child, /fetching/, "stderr");
        child.kill(signal);
        const { code: ended, stderr } = await end(child, signal);
        assertEquals([ended, stderr.includes("error:")], [code, false], stderr);
      }
    }),
);
