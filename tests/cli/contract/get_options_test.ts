/**
 * The options of `get` as they are typed, each in a process, with what they change.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertLessOrEqual,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { equalBytes } from "../../../src/base/bytes.ts";
import { findOption } from "../../../src/cli/options.ts";
import { makeTorrent } from "../../sim/torrents.ts";
import { RawSwarm } from "../../interop/support/raw_swarm.ts";
import {
  assertDone,
  bytesOf,
  end,
  errorOf,
  eventsOf,
  FILES,
  hear,
  type ProcessLab,
  SET,
  tree,
  withLab,
} from "../support/process_lab.ts";

const UNIX = { ignore: Deno.build.os === "windows" };

Deno.test("--output in all its spellings and in the environment is where it goes", () =>
  withLab(async (lab) => {
    const lines = ["-o 1", "--output 2", "--output=3", "-d 4", "--dir=5", ""];
    const runs = await Promise.all(
      lines.map((words) =>
        lab.run(`set.torrent ${words} --peer ${lab.peer}`, { env: { STARLING_OUTPUT: "6" } })
      ),
    );
    for (const [i, run] of runs.entries()) {
      assertDone(run);
      assertMatch(run.stderr, new RegExp(`^done: set: 137 KiB in .*, in ${i + 1}$`, "m"));
      assertEquals(tree(lab.path(`${i + 1}`)), FILES, lines[i]);
      assert(equalBytes(await Deno.readFile(lab.path(`${i + 1}/set/a.csv`)), bytesOf(0)));
    }
  }));

Deno.test("every option at once is understood, as are aria2's names for them", () =>
  withLab(async (lab) => {
    const ours = await lab.run(
      `get set.torrent -o ours --peer ${lab.peer} --max-peers 5 --no-dht --no-pex --no-lsd ` +
        "--no-webseeds --encryption allow --transport both --sequential --fsync --allocate full " +
        "--allow-private --down-limit 50M --up-limit 1M --timeout 1m --stall-timeout 30s --no-color " +
        "--metadata-timeout 2m --seed-ratio 0 --seed-time 0 --continue --progress none --verbose " +
        "--log-file log.txt --buffer 16M --jobs 3 --lsd-interface 127.0.0.1",
    );
    assertDone(ours);
    assertEquals(tree(lab.path("ours")), FILES);
    assertMatch(ours.stderr, /^info: listening on port \d+$/m);
    const log = await Deno.readTextFile(lab.path("log.txt"));
    for (
      const line of ["info: reading set.torrent", "debug: peer connected peer=", "info: done: set"]
    ) {
      assert(new RegExp(`^\\d{4}-\\d\\d-\\d\\dT.*Z ${line}`, "m").test(log), log);
    }
    const aria2 = await lab.run(
      "--seed-time=0 --bt-stop-timeout=60 --select-file=1,3-3 set.torrent --dir=theirs " +
        "--max-download-limit=50M --max-overall-download-limit=60M --max-upload-limit=2M " +
        "--max-overall-upload-limit=1M --enable-dht=false --log=aria2.log --color=false -c " +
        "--dht-entry-point=127.0.0.1:1 --dht=false --pex=false --lsd=false " +
        "--file-allocation=prealloc --bt-max-peers=9 --enable-peer-exchange=false " +
        `--bt-enable-lpd=false --bt-lpd-interface=127.0.0.1 --listen-port=0 --max-concurrent-downloads=2 --peer=${lab.peer}`,
    );
    assertDone(aria2);
    assertEquals(aria2.stderr.includes("warning:"), false, aria2.stderr);
    assertEquals(tree(lab.path("theirs")).filter((name) => name.startsWith("set/")), [
      "set/a.csv",
      "set/sub/c.txt",
    ]);
  }));

Deno.test("every option can be a variable, and the command line wins over it", () =>
  withLab(async (lab) => {
    const env = {
      STARLING_OUTPUT: "out",
      STARLING_PEER: lab.peer,
      STARLING_INCLUDE: "*.txt",
      STARLING_MAX_PEERS: "2",
      STARLING_PROGRESS: "none",
      STARLING_QUIET: "1",
      STARLING_JSON: "1",
      STARLING_STALL_TIMEOUT: "20s",
      STARLING_SEQUENTIAL: "yes",
    };
    const run = await lab.run("set.torrent --include b.csv", { env });
    assertEquals([run.code, run.stderr], [0, ""]);
    assertEquals(eventsOf(run).at(-1)!.type, "done");
    assertEquals(tree(lab.path("out")).filter((name) => name.startsWith("set/")), ["set/b.csv"]);
  }));

Deno.test("--lsd-interface that is not there ends with 2, before anything is read", () =>
  withLab(async (lab) => {
    const run = await lab.run("get none.torrent --lsd-interface none9");
    assertEquals([run.code, run.stdout], [2, ""]);
    const { error } = errorOf(run);
    assertMatch(error, /^Cannot use --lsd-interface "none9": .*127\.0\.0\.1/);
  }));

Deno.test("--max-peers bounds what is dialled and connected", UNIX, () =>
  withLab(async (lab) => {
    const payload = { infoHash: SET.metainfo.infoHash, pieceBytes: 32_768, bytes: SET.content };
    await using swarm = new RawSwarm(payload, {
      manners: Array.from({ length: 6 }, () => "honest" as const),
    });
    const peers = swarm.addresses.map((address) => `--peer ${address}`).join(" ");
    assertDone(await lab.run(`get set.torrent -o out --max-peers 2 ${peers}`));
    assertLessOrEqual(swarm.peak, 2);
  }));

Deno.test("--port is the one that is asked for, one of a range, or an error", () =>
  withLab(async (lab) => {
    const probe = Deno.listen({ port: 0 });
    const { port } = probe.addr;
    const get = `get set.torrent -o out --json --peer ${lab.peer}`;
    const taken = await lab.run(`${get} -p ${port}`);
    assertEquals(taken.code, 1);
    assertMatch(errorOf(taken).error, new RegExp(`${port}`));
    assertStringIncludes(errorOf(taken).hint!, "choose another --port");
    assertEquals(eventsOf(taken).at(-1)!["exitCode"], 1);
    const ranged = await lab.run(`${get} --port ${port}-${port + 40}`);
    assertEquals(ranged.code, 0, ranged.stderr);
    const range = eventsOf(ranged).find(({ type }) => type === "listening")!["port"] as number;
    assert(range > port && range <= port + 40, `${range}`);
    probe.close();
    const exact = await lab.run(`${get} -p ${port}`);
    assertEquals(eventsOf(exact).find(({ type }) => type === "listening")!["port"], port);
    const any = await lab.run(get, { env: { STARLING_PORT: "" } });
    assert(eventsOf(any).find(({ type }) => type === "listening")!["port"] as number >= 1024);
  }));

/** A tracker that knows one peer, and how often it was asked at each path. */
async function withTracker(
  lab: ProcessLab,
  body: (origin: string, asked: Map<string, number>) => Promise<void>,
): Promise<void> {
  const asked = new Map<string, number>();
  const port = Number(lab.peer.split(":")[1]);
  const peers = Uint8Array.of(127, 0, 0, 1, port >> 8, port & 255);
  const encoder = new TextEncoder();
  const answer = [
    ...encoder.encode("d8:intervali1800e5:peers6:"),
    ...peers,
    ...encoder.encode("e"),
  ];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
    const { pathname } = new URL(request.url);
    asked.set(pathname, (asked.get(pathname) ?? 0) + 1);
    return new Response(Uint8Array.from(answer));
  });
  try {
    await body(`http://127.0.0.1:${server.addr.port}`, asked);
  } finally {
    await server.shutdown();
  }
}

Deno.test("--tracker and --bt-tracker add trackers, --no-trackers uses none, --allow-private trusts odd paths", () =>
  withLab(async (lab) => {
    await withTracker(lab, async (origin, asked) => {
      const recipe = {
        name: "set",
        files: SET.metainfo.files.map(({ path, length }) => ({
          path: path.slice(-2).filter((name) => name !== "set").join("/"),
          length,
        })),
      };
      const odd = makeTorrent({ ...recipe, trackers: [`${origin}/odd?key=1`] });
      await lab.put({ "odd.torrent": odd.bytes });
      for (
        const [i, words] of [`--tracker ${origin}/odd`, `--bt-tracker=${origin}/announce`].entries()
      ) {
        assertDone(await lab.run(`get set.torrent -o ${i} ${words}`));
      }
      assertEquals([asked.has("/odd"), asked.has("/announce")], [true, true]);
      asked.clear();
      // What came from a torrent is not trusted with an odd path on this machine.
      const refused = await lab.run("get odd.torrent -o 3 --stall-timeout 1s");
      assertEquals([refused.code, asked.size], [3, 0], refused.stderr);
      assertStringIncludes(errorOf(refused).error, "an odd path on a private address");
      assertDone(await lab.run("get odd.torrent -o 4 --allow-private"));
      assertEquals(asked.has("/odd"), true);
      asked.clear();
      const none = `get odd.torrent -o 5 --allow-private --no-trackers --peer ${lab.peer}`;
      assertDone(await lab.run(none));
      assertEquals(asked.size, 0);
      const alone = await lab.run(
        `get set.torrent -o 6 --no-peers -t ${origin}/x --stall-timeout 1s`,
      );
      assertEquals([alone.code, asked.size], [3, 0], alone.stderr);
    });
  }));

Deno.test(
  "--seed, --seed-ratio and --seed-time go on giving, until a goal or a signal",
  UNIX,
  () =>
    withLab(async (lab) => {
      const get = "get set.torrent -o seed";
      const timed = await lab.run(`${get} --seed-time 1`);
      assertDone(timed);
      assertStringIncludes(
        timed.stderr,
        "warning: --seed-time 1 is 1 seconds here (minutes in aria2)",
      );
      assertStringIncludes(timed.stderr, "seeding: set: 137 KiB verified; Ctrl-C stops it");
      for (const words of ["--seed", "--seed-ratio 1.5", "--super-seed"]) {
        const child = lab.start(`${get} ${words}`);
        await hear(child, /^seeding: set/m, "stderr");
        const { code, stderr } = await end(child, "SIGINT");
        assertEquals([code, stderr.includes("error:")], [130, false], stderr);
      }
    }),
);

Deno.test(
  "--reuse takes what an older copy has, and --allocate says how space is taken",
  UNIX,
  () =>
    withLab(async (lab) => {
      await lab.put({ "old/renamed.bin": bytesOf(0), "old/deep/other": bytesOf(1) });
      const reused = await lab.run(`get set.torrent -o out --reuse old --json --peer ${lab.peer}`);
      assertEquals(reused.code, 0, reused.stderr);
      const reuse = eventsOf(reused).find(({ type }) => type === "reuse")!;
      assertEquals([reuse["folder"], reuse["bytes"]], ["old", 3 * 32_768]);
      assertEquals(eventsOf(reused).at(-1)!["bytesDownloaded"], 140_000 - 3 * 32_768);
      for (const how of ["full", "sparse", "none"]) {
        const run = await lab.run(`get set.torrent -o ${how} --allocate ${how} --stall-timeout 1s`);
        assertEquals(run.code, 3, run.stderr);
        const sizes = tree(lab.path(how)).filter((name) => name.startsWith("set/"))
          .map((name) => Deno.statSync(lab.path(`${how}/${name}`)).size);
        assertEquals(sizes, how === "full" ? [50_000, 70_000, 20_000] : [], how);
      }
    }),
);

Deno.test(
  "--reuse makes files that look as if they had been fetched",
  UNIX,
  () =>
    withLab(async (lab) => {
      const files = [{ path: "a.bin", length: 700_000 }, { path: "b.bin", length: 600_000 }];
      const large = makeTorrent({ seed: 3, name: "large", files });
      await lab.put({
        "large.torrent": large.bytes,
        "old/1": bytesOf(0, large),
        "old/2": bytesOf(1, large),
      });
      await Deno.chmod(lab.path("old/1"), 0o444);
      await Deno.chmod(lab.path("old/2"), 0o755);
      const line = "get large.torrent --reuse old --json --no-dht --no-lsd --stall-timeout 5s";
      for (const words of ["-o all", "-o synced --fsync", "-o one --include *b.bin"]) {
        const run = await lab.run(`${line} ${words}`);
        assertEquals(run.code, 0, run.stderr);
        const out = words.split(" ")[1]!;
        const isAll = out !== "one";
        const reuse = eventsOf(run).find(({ type }) => type === "reuse")!;
        // A piece of both files was asked for, too, and has its other bytes beside the file.
        assertEquals(reuse["bytes"], isAll ? 1_300_000 : 1_300_000 - 21 * 32_768);
        const found = tree(lab.path(out)).filter((name) => name.startsWith("large/"));
        assertEquals(found, isAll ? ["large/a.bin", "large/b.bin"] : ["large/b.bin"]);
        assertEquals(tree(lab.path(out)).filter((name) => name.endsWith(".copy")), []);
        await Deno.writeTextFile(lab.path("new"), "");
        const { mode } = await Deno.lstat(lab.path("new"));
        for (const name of found) {
          const path = lab.path(`${out}/${name}`);
          const index = name.endsWith("a.bin") ? 0 : 1;
          assertEquals((await Deno.lstat(path)).mode, mode);
          assert(equalBytes(await Deno.readFile(path), bytesOf(index, large)));
        }
      }
      assertEquals((await Deno.lstat(lab.path("old/1"))).mode! & 0o777, 0o444);
    }),
);

Deno.test("-j and -i take many sources; one that fails stops no other, and the highest code wins", () =>
  withLab(async (lab) => {
    const other = makeTorrent({ seed: 2, name: "other", length: 40_000 });
    await lab.put({
      "list": "# two of them\n\nother.torrent\nnothing.torrent\n",
      "other.torrent": other.bytes,
      "bad.torrent": "no torrent",
      "out/other": other.content,
    });
    const words =
      `get set.torrent bad.torrent --input-file list -j 1 -o out --peer ${lab.peer} --json`;
    const run = await lab.run(words);
    assertEquals(run.code, 5);
    const events = eventsOf(run);
    const ends = events.filter(({ type }) => type === "done" || type === "error");
    assertEquals(ends.map((event) => [event["source"], event["exitCode"]]), [
      ["set.torrent", 0],
      ["bad.torrent", 5],
      ["other.torrent", 0],
      ["nothing.torrent", 4],
      [undefined, 5],
    ]);
    assertStringIncludes(
      errorOf(run).error,
      "Cannot finish 2 of 4 torrents: Cannot use bad.torrent",
    );
    assertEquals(tree(lab.path("out")), ["other", ...FILES]);
    // A list on standard input, and the same torrent twice.
    const stdin = new TextEncoder().encode("set.torrent\n./set.torrent\n");
    const listed = await lab.run("-i - -j 1 -o out --stall-timeout 5s", { stdin });
    assertDone(listed);
    assertStringIncludes(
      listed.stderr,
      "warning: ./set.torrent is the same torrent as set.torrent: it is downloaded once",
    );
  }));

Deno.test("what this version cannot do is refused with 2 before anything is opened", () =>
  withLab(async (lab) => {
    const lines = [
      ["get set.torrent", "--webseed", "http://127.0.0.1:1/x"],
      ["get set.torrent", "--encryption", "prefer"],
      ["get set.torrent", "--encryption", "require"],
      ["get set.torrent", "--transport", "utp"],
      ["get set.torrent", "--blocklist", "list"],
      ["get set.torrent", "--proxy", "socks5://127.0.0.1:1"],
      ["get set.torrent", "--all-proxy", "socks5://127.0.0.1:1"],
      ["get set.torrent", "--interface", "127.0.0.1"],
      ["create seed/set", "--hybrid", ""],
      ["create seed/set", "--v2", ""],
    ] as const;
    const verbOf = (start: string) => start.split(" ")[0]!;
    const missing = lines.filter(([start, name, value]) => {
      const { spec } = findOption(name)!;
      const isWhole = spec.wholeIn.some((verb) => verb === verbOf(start));
      return !isWhole && spec.isMissing(value === "" ? true : value);
    });
    const runs = await Promise.all(missing.map((words) => lab.run(words.join(" "))));
    for (const [i, run] of runs.entries()) {
      assertEquals([run.code, run.stdout], [2, ""], missing[i]!.join(" "));
      assertMatch(errorOf(run).error, /^Cannot use .* not available in this version$/);
    }
    assertEquals(tree(lab.folder).filter((name) => !name.startsWith("seed/")), ["set.torrent"]);
    const sizes = ["8K", "128M", "48K"];
    const made = await Promise.all(
      sizes.map((size) => lab.run(`create seed --piece-length ${size}`)),
    );
    assertEquals(made.map(({ code }) => code), [2, 2, 2]);
  }));
