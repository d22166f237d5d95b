/**
 * The verbs as they are typed, each a process: standard output, standard error, files and exit code.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { VERSION } from "../../../src/base/version.ts";
import { equalBytes, hex } from "../../../src/base/bytes.ts";
import { readTorrent } from "../../../src/mod.ts";
import {
  assertDone,
  bytesOf,
  end,
  errorOf,
  eventsOf,
  HASH,
  hear,
  LINK,
  tree,
  withLab,
} from "../support/process_lab.ts";

const UNIX = { ignore: Deno.build.os === "windows" };

Deno.test("create, info, magnet and edit, typed one after the other", () =>
  withLab(async (lab) => {
    const made = await lab.run(
      "create seed/set -o made.torrent --name set --piece-length 32K --no-date",
    );
    assertEquals(made.code, 0, made.stderr);
    assertEquals(made.stdout, `infohash      ${HASH}\nmagnet        ${LINK}\n`);
    assertStringIncludes(made.stderr, "done: made.torrent: 3 files in 5 pieces of 32.0 KiB");
    assertEquals(hex(readTorrent(await Deno.readFile(lab.path("made.torrent"))).infoHash), HASH);
    const again = await lab.run("create seed/set -o made.torrent");
    assertEquals([again.code, again.stdout], [4, ""]);
    assertEquals(errorOf(again).hint, "--force replaces it; -o names another");

    const info = await lab.run("info made.torrent");
    assertEquals([info.code, info.stderr], [0, ""]);
    const lines = info.stdout.split("\n");
    for (const line of ["name          set", `infohash      ${HASH}`, `magnet        ${LINK}`]) {
      assert(lines.includes(line), info.stdout);
    }
    assertMatch(info.stdout, /^ +3 +19\.5 KiB {2}sub\/c\.txt$/m);
    const some = await lab.run("ls made.torrent --include *.csv");
    assertMatch(some.stdout, /^ +1 +48\.8 KiB {2}\* a\.csv$/m);
    assertMatch(some.stdout, /^ +3 +19\.5 KiB {4}sub\/c\.txt$/m);

    assertEquals(await lab.run("magnet made.torrent"), {
      code: 0,
      stdout: `${LINK}\n`,
      stderr: "",
    });
    const told = eventsOf(await lab.run("magnet made.torrent --json"));
    assertEquals(told.map((event) => [event.type, event["magnet"]]), [["magnet", LINK]]);
    const url = "http://127.0.0.1:1/announce";
    const edited = await lab.run(`edit made.torrent -t ${url} --comment hello`);
    assertEquals([edited.code, edited.stdout], [
      0,
      `before        ${HASH}\nafter         ${HASH}\n`,
    ]);
    const { trackers, comment } = readTorrent(await Deno.readFile(lab.path("made.torrent")));
    assertEquals([trackers, comment], [[[url]], "hello"]);
    assertEquals(tree(lab.folder).filter((name) => /^[^/]*$/.test(name)), [
      "made.torrent",
      "set.torrent",
    ]);
  }));

Deno.test("verify tells every file, and --repair downloads only the bad pieces", () =>
  withLab(async (lab) => {
    const good = await lab.run("verify set.torrent seed");
    const listed = ["ok       a.csv", "ok       b.csv", "ok       sub/c.txt", ""];
    assertEquals([good.code, good.stdout], [0, listed.join("\n")]);
    assertStringIncludes(good.stderr, "done: set: 3 ok");
    await lab.putSet("copy");
    await lab.put({ "copy/set/b.csv": bytesOf(1).with(69_000, 7), "copy/set/extra": "x" });
    await Deno.remove(lab.path("copy/set/sub/c.txt"));
    const bad = await lab.run("verify set.torrent copy --json");
    assertEquals(bad.code, 6);
    const events = eventsOf(bad);
    assertEquals(events.slice(0, -1).map(({ path, state }) => [path, state]), [
      ["a.csv", "ok"],
      ["b.csv", "bad"],
      ["sub/c.txt", "missing"],
      ["extra", "extra"],
    ]);
    const { type, exitCode, reason } = events.at(-1)!;
    assertEquals([type, exitCode, reason], ["error", 6, "bad-data"]);
    assertEquals(errorOf(bad).hint, "--repair downloads what is not right");
    const repaired = await lab.run(
      `verify set.torrent copy --repair --json --peer ${lab.peer} --no-trackers`,
    );
    assertEquals(repaired.code, 0, repaired.stderr);
    const done = eventsOf(repaired).at(-1)!;
    assertEquals([done.type, done["bytesDownloaded"]], ["done", 140_000 - 3 * 32_768]);
    assert(equalBytes(await Deno.readFile(lab.path("copy/set/b.csv")), bytesOf(1)));
    assertEquals(tree(lab.path("copy")), ["set/a.csv", "set/b.csv", "set/extra", "set/sub/c.txt"]);
    assertEquals((await lab.run("verify set.torrent copy")).code, 0);
    // Without PATH it is the current folder; one that is not there is 4.
    assertEquals((await lab.run("verify ../set.torrent", { cwd: lab.path("copy") })).code, 0);
    const nowhere = await lab.run("verify set.torrent nowhere");
    assertEquals([nowhere.code, nowhere.stdout], [4, ""]);
    assertStringIncludes(errorOf(nowhere).error, "nowhere");
  }));

Deno.test(
  "seed gives PATH, a part with a warning, nothing with 6, and ends with 4 without PATH",
  UNIX,
  () =>
    withLab(async (lab) => {
      await lab.put({ "other/set/a.csv": "else", "part/set/a.csv": bytesOf(0) });
      const cases = [["nowhere", 4], ["other", 6], ["seed/nowhere", 4]] as const;
      for (const [path, code] of cases) {
        const run = await lab.run(`seed set.torrent ${path}`);
        assertEquals([run.code, run.stdout], [code, ""], run.stderr);
        errorOf(run);
      }
      const part = lab.start("seed set.torrent part/set --json");
      await hear(part, /"warning".*only a part of it verifies|"progress"/);
      const ended = await end(part, "SIGTERM");
      assertEquals(ended.code, 143, ended.stderr);
      assertStringIncludes(ended.stderr, "warning: set: only a part of it verifies");
      // The current folder, and a goal that ends it.
      const run = await lab.run("seed ../set.torrent --seed-time 1s", { cwd: lab.path("seed") });
      assertDone(run);
      assertStringIncludes(run.stderr, "seeding: set: 137 KiB verified; Ctrl-C stops it");
      assertEquals(tree(lab.path("seed")), ["set/a.csv", "set/b.csv", "set/sub/c.txt"]);
    }),
);

Deno.test(
  "share prints what to type elsewhere; get, scrape, doctor and info understand it",
  UNIX,
  () =>
    withLab(async (lab) => {
      // Without the permission to look at the interfaces it names this machine alone.
      const permissions = ["-N", "-R", "-W", "--allow-env", "--no-prompt"];
      const share = lab.start("share seed/set --tracker-port 0", { permissions });
      const [, url, magnet] = await hear(share, /^starling get (\S+)\n(magnet:\S+)\n/);
      assertMatch(url!, /^http:\/\/127\.0\.0\.1:\d+\/set\.torrent$/);
      const [byUrl, byLink, scrape, told, doctor] = await Promise.all([
        lab.run(`get ${url} -o by-url`),
        lab.run(`${magnet} -o by-link`),
        lab.run(`scrape ${magnet}`),
        lab.run(`scrape ${url} --json`),
        lab.run(`doctor ${url} --json`),
      ]);
      for (const [run, folder] of [[byUrl, "by-url"], [byLink, "by-link"]] as const) {
        assertDone(run);
        assertMatch(run.stderr, /^done: set: 137 KiB in .* from tracker peers, in by-/m);
        assert(equalBytes(await Deno.readFile(lab.path(`${folder}/set/a.csv`)), bytesOf(0)));
      }
      assertEquals(scrape.code, 0, scrape.stderr);
      const [head, ...rows] = scrape.stdout.trimEnd().split("\n");
      assertEquals(head!.trim().split(/\s+/), ["seeds", "leeches", "completed", "tracker"]);
      const schemes = rows.map((row) => /^ +\d+ +\d+ +\d+ {2}(\w+):/.exec(row)?.[1]);
      assertEquals(schemes.toSorted(), ["http", "udp"], scrape.stdout);
      const answers = eventsOf(told);
      assertEquals(answers.map(({ type }) => type), ["scrape", "scrape", "done"]);
      assertEquals(
        answers.slice(0, 2).map(({ seeds, isAnswered }) => [seeds as number > 0, isAnswered]),
        [
          [true, true],
          [true, true],
        ],
      );
      assertEquals(doctor.code, 0, doctor.stderr);
      assertEquals(eventsOf(doctor).map(({ type }) => type), ["doctor", "done"]);
      const ended = await end(share, "SIGINT");
      assertEquals([ended.code, ended.stderr.includes("error:")], [130, false], ended.stderr);
    }),
);

Deno.test(
  "tracker prints its announce URLs, serves /stats, and needs a free port",
  UNIX,
  () =>
    withLab(async (lab) => {
      await lab.put({ list: `${HASH} # ours\n` });
      const permissions = ["-N", "-R", "-W", "--allow-env", "--no-prompt"];
      const line = "tracker -p 0 --whitelist list --interval 5m";
      const tracker = lab.start(line, { permissions });
      const [, port] = await hear(
        tracker,
        /^http:\/\/127\.0\.0\.1:(\d+)\/announce\nudp:\/\/127\.0\.0\.1:\1\n$/,
      );
      const stats = await (await fetch(`http://127.0.0.1:${port}/stats`)).json();
      assertEquals([stats.v, typeof stats.type], [1, "string"], JSON.stringify(stats));
      const taken = await lab.run(`tracker -p ${port}`);
      assertEquals([taken.code, taken.stdout], [1, ""]);
      assertStringIncludes(errorOf(taken).hint!, "choose another --port");
      const ended = await end(tracker, "SIGTERM");
      assertEquals(ended.code, 143);
      assertStringIncludes(ended.stderr, `tracking 1 torrent on port ${port}`);
    }),
);

Deno.test("meta and info take a link, and a bare infohash of every shape", () =>
  withLab(async (lab) => {
    const out = await lab.run(`meta ${LINK} -o - --peer ${lab.peer}`);
    assertEquals(out.code, 0, out.stderr);
    assert(out.stdout.includes("4:name3:set"), "the metadata is on standard output");
    assertEquals(tree(lab.folder).some((name) => name.startsWith("metadata")), false);
    // The cache folder has it now: nobody is asked again.
    const base32 = base32Of(HASH);
    const named = await lab.run(`meta ${base32} -o from-base32.torrent`);
    assertDone(named);
    assertStringIncludes(named.stderr, "done: set, in from-base32.torrent");
    const info = await lab.run(`info ${HASH} --json`);
    assertEquals([info.code, info.stdout.split("\n").length], [0, 2], info.stderr);
    const [object] = eventsOf(info);
    assertEquals([object!.type, object!["name"], object!["infoHash"]], ["info", "set", HASH]);
    assertEquals(Object.keys(object!).toSorted().join(" "), INFO_FIELDS);
    const files = object!["files"] as { path: string; bytes: number; selected: boolean }[];
    assertEquals(files.map(({ path, bytes, selected }) => [path, bytes, selected]), [
      ["a.csv", 50_000, true],
      ["b.csv", 70_000, true],
      ["sub/c.txt", 20_000, true],
    ]);
    const v2 = await lab.run(`info ${HASH}${"0".repeat(24)} --metadata-timeout 1s`);
    assert(v2.code === 2 || v2.code === 3, v2.stderr);
    errorOf(v2);
  }));

const INFO_FIELDS = "at comment createdAt createdBy files infoHash infoHashV2 magnet name " +
  "pieceLength pieces private source totalBytes trackers type v webseeds";

/** 40 hexadecimal digits in base32. */
function base32Of(digits: string): string {
  const bits = [...digits].map((c) => parseInt(c, 16).toString(2).padStart(4, "0")).join("");
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  return bits.match(/.{5}/g)!.map((five) => letters[parseInt(five, 2)]).join("");
}

Deno.test("completions, man, help and version print to standard output alone", () =>
  withLab(async (lab) => {
    const lines = ["completions bash", "completions zsh", "completions fish", "man", "help create"];
    lines.push("--help", "cat --help", "version", "-V");
    const runs = await Promise.all(lines.map((line) => lab.run(line)));
    for (const [i, { code, stdout, stderr }] of runs.entries()) {
      assertEquals([code, stderr, stdout.length > 10], [0, "", true], lines[i]);
    }
    const [bash, zsh, fish, man, create, help, cat, version, short] = runs.map((r) => r.stdout);
    assert(bash!.includes("complete -") && zsh!.startsWith("#compdef starling"));
    assert(fish!.includes("complete -c starling") && man!.includes(".TH STARLING 1"));
    assert(create!.startsWith("starling create: ") && cat!.startsWith("starling cat: "));
    assertStringIncludes(help!, "starling COMMAND");
    assertEquals([version, short], [`starling ${VERSION}\n`, `starling ${VERSION}\n`]);
    const words = ["", "get", "create", "cat", "completions", "-i", "no-such-verb"];
    const wrong = await Promise.all(words.map((line) => lab.run(line)));
    for (const [i, run] of wrong.entries()) {
      assertEquals([run.code, run.stdout], [2, ""], words[i]);
      errorOf(run);
    }
    assertStringIncludes(wrong[1]!.stderr, "usage: starling get");
  }));
