/**
 * What a run prints, typed: data on standard output and the rest on standard error, plain lines off a
 * terminal, events for scripts, and nothing from outside that could move a cursor.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { equalBytes } from "../../../src/base/bytes.ts";
import { torrentBytes } from "../support/torrents.ts";
import {
  assertDone,
  bytesOf,
  eventsOf,
  HASH,
  LINK,
  type ProcessLab,
  tree,
  withLab,
} from "../support/process_lab.ts";

// deno-lint-ignore no-control-regex
const CONTROL = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/;

/** Types lines side by side. */
function all(lab: ProcessLab, lines: readonly string[], env: Record<string, string> = {}) {
  return Promise.all(lines.map((line) => lab.run(line, { env })));
}

Deno.test("--progress, -q and -v say what a person sees", () =>
  withLab(async (lab) => {
    const get = `get set.torrent --peer ${lab.peer} --down-limit 100K -o`;
    const [auto, plain, bar, none, quiet, loud] = await all(lab, [
      `${get} 1`,
      `${get} 2 --progress plain`,
      `${get} 3 --progress bar`,
      `${get} 4 --progress none`,
      `${get} 5 -q`,
      `${get} 6 -vv`,
    ], { COLUMNS: "40" });
    for (const run of [auto!, plain!, bar!, none!, quiet!, loud!]) assertDone(run);
    assert(!CONTROL.test(auto!.stderr + plain!.stderr + none!.stderr + loud!.stderr));
    assertMatch(plain!.stderr, /^progress: set \d+\.\d % of 137 KiB, .* down, .* up, 1 peer/m);
    assert(!/^progress: /m.test(none!.stderr) && /^done: set: /m.test(none!.stderr), none!.stderr);
    assertEquals(quiet!.stderr, "");
    assertMatch(loud!.stderr, /^debug: peer connected peer=127\.0\.0\.1:\d+ source=user$/m);
    // The block as a terminal of 40 columns would get it, without colours, and the cursor given back.
    assert(bar!.stderr.includes("\x1b[?25l") && bar!.stderr.includes("\x1b[?25h"));
    // deno-lint-ignore no-control-regex
    assertMatch(bar!.stderr, /\n[ \d]\d\.\d % [█▓▒░]{32}\x1b\[K\n/);
    // deno-lint-ignore no-control-regex
    assert(!/\x1b\[[\d;]*m/.test(bar!.stderr));
  }));

Deno.test("FORCE_COLOR gives colours to a pipe; NO_COLOR, --no-color and TERM=dumb take them away", () =>
  withLab(async (lab) => {
    const get = `get set.torrent --peer ${lab.peer} --down-limit 300K --progress bar -o`;
    const env = { FORCE_COLOR: "1" };
    const runs = await Promise.all([
      lab.run(`${get} 1`, { env }),
      lab.run(`${get} 2 --no-color`, { env }),
      lab.run(`${get} 3`, { env: { NO_COLOR: "1" } }),
      lab.run(`${get} 4`, { env: { TERM: "dumb" } }),
    ]);
    runs.forEach(assertDone);
    // deno-lint-ignore no-control-regex
    assertEquals(runs.map(({ stderr }) => /\x1b\[[\d;]+m/.test(stderr)), [
      true,
      false,
      false,
      false,
    ]);
  }));

Deno.test("--json makes standard output events alone: every type, with v, at and the infohash", () =>
  withLab(async (lab) => {
    const trackers = ["-t", "http://127.0.0.1:1/announce"].join(" ");
    const get = `get set.torrent -o out --json --down-limit 100K --peer ${lab.peer} ${trackers}`;
    const run = await lab.run(get);
    assertEquals(run.code, 0, run.stderr);
    const events = eventsOf(run);
    const types = new Set(events.map(({ type }) => type));
    for (const type of "start metadata check progress file warning listening done".split(" ")) {
      assert(types.has(type), `${type} in ${[...types].join(" ")}`);
    }
    for (const event of events) {
      assertEquals([event["v"], typeof event["at"]], [1, "number"]);
      if (event.type !== "listening") assertEquals(event["infoHash"], HASH, event.type);
    }
    const fields =
      "bytesDone bytesTotal bytesDownloaded bytesUploaded downRate upRate peers piecesDone " +
      "piecesTotal etaSeconds";
    const progress = events.filter(({ type }) => type === "progress");
    for (const field of fields.split(" ")) assert(field in progress[0]!, field);
    const { at } = progress[0] as unknown as { at: number };
    assert(progress.length <= 3 + (events.at(-1)!["at"] as number - at) / 1000);
    assertEquals([events.at(-1)!.type, events.at(-1)!["exitCode"]], ["done", 0]);
    const [made, verified, scraped] = await all(lab, [
      "create seed/set -o made.torrent --json --piece-length 32K",
      "verify set.torrent seed --json",
      "scrape set.torrent -t udp://127.0.0.1:1 --json --timeout 1s",
    ]);
    assertEquals(eventsOf(made!).map(({ type }) => type), ["torrent", "done"]);
    assertEquals(eventsOf(made!)[0]!["infoHash"], HASH);
    assertEquals(eventsOf(verified!).map(({ type }) => type), ["file", "file", "file", "done"]);
    assertEquals(eventsOf(scraped!).at(-1)!.type, "error");
  }));

Deno.test("data goes to standard output byte by byte and nothing of it to the disk", () =>
  withLab(async (lab) => {
    const before = tree(lab.folder);
    const child = lab.start(`get set.torrent --include b.csv -o - --buffer 1M --peer ${lab.peer}`);
    const { code, stdout, stderr } = await child.output();
    assertEquals([code, equalBytes(stdout, bytesOf(1))], [0, true]);
    assertMatch(new TextDecoder().decode(stderr), /^done: set: .*, to standard output$/m);
    const several = await lab.run(`get set.torrent -o - --peer ${lab.peer}`);
    assertEquals([several.code, several.stdout], [2, ""]);
    const link = lab.start(`cat ${LINK} sub/c.txt --peer ${lab.peer} --no-trackers`);
    assert(equalBytes((await link.output()).stdout, bytesOf(2)));
    assertEquals(tree(lab.folder).filter((name) => !name.startsWith("cache/")), before);
  }));

Deno.test("names that came from outside are escaped wherever they are shown", () =>
  withLab(async (lab) => {
    const [name, comment] = ["x\x1b[2J\u202ey", "x\x1b[2J\x7f\x9b\u202ey"];
    const tracker = "http://127.0.0.1:1/announce?\u2066";
    await lab.put({ "odd.torrent": torrentBytes({ name, root: { announce: tracker, comment } }) });
    const lines = ["info odd.torrent", "info odd.torrent --json", "magnet odd.torrent"];
    lines.push("verify odd.torrent seed", "verify odd.torrent seed --json");
    lines.push("get odd.torrent -o out --stall-timeout 1s", "scrape odd.torrent");
    lines.push(
      "get odd.torrent -o out --stall-timeout 1s --json",
      "doctor odd.torrent --timeout 1s",
    );
    for (const [i, { stdout, stderr }] of (await all(lab, lines)).entries()) {
      assert(!CONTROL.test(stdout + stderr), `${lines[i]}: ${JSON.stringify(stdout + stderr)}`);
      assert(stdout + stderr !== "");
    }
    const { stdout } = await lab.run("info odd.torrent");
    assertMatch(stdout, /^comment {7}x\\u\{1b\}\[2J\\u\{7f\}\\u\{9b\}\\u\{202e\}y$/m);
  }));
