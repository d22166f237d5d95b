/**
 * `starling get` from arguments to exit code, with a session that does what the test says.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { DiskError, NetworkError } from "../../src/base/errors.ts";
import type { Outcome } from "../../src/session/events.ts";
import { parseEvents } from "../support/events.ts";
import { type FakeRunOptions, run, start } from "./support/fake_run.ts";
import type { FakeTorrent } from "./support/fake_session.ts";
import { turn } from "./support/fake_shell.ts";

const failing = (outcome: Outcome) => (torrent: FakeTorrent) => torrent.end(outcome);
const STALLED: Outcome = { kind: "failed", reason: "stalled", message: "no peers", hint: "wait" };

Deno.test("get ends with 0 and a line that can be grepped when the download is complete", async () => {
  const { shell, session, code } = await run("get a.torrent -o out");
  assertEquals(code, 0);
  assertEquals(shell.stdout.text, "");
  assertEquals(shell.stderr.lines[0], "reading a.torrent");
  assert(/^done: a: .* in out$/.test(shell.stderr.lines[1]!), shell.stderr.text);
  assertEquals(shell.stderr.lines.length, 2);
  assert(session.isClosed);
});

Deno.test("get hands every option to the session", async () => {
  const { session } = await run(
    "get set.torrent --include *.csv -o out --max-peers 7 -p 7000-7001 --down-limit 1M -u 2K --peer " +
      "h:1 -t http://t/a --no-trackers --no-lsd --no-pex --no-peers --sequential --allocate full --fsync " +
      "--timeout 9s --stall-timeout 5 --allow-private --no-dht --dht-node n:1 --dht-node [::1]:2 " +
      "--lsd-interface 10.0.0.1",
  );
  assertEquals(session.options, {
    allowPrivate: true,
    maxPeers: 7,
    ports: [7000, 7001],
    downLimit: 1_048_576,
    upLimit: 2048,
    dhtNodes: ["n:1", "[::1]:2"],
    lsdInterfaces: ["10.0.0.1"],
    isShortLived: true,
  });
  const { metainfo: _, ...options } = session.torrents[0]!.options;
  assertEquals(options, {
    output: "out",
    peers: ["h:1"],
    trackers: ["http://t/a"],
    noTrackers: true,
    noPex: true,
    noLsd: true,
    noPeers: true,
    noDht: true,
    sequential: true,
    seed: false,
    allocate: "full",
    fsync: true,
    stallTimeoutMs: 5000,
    selection: [0, 2],
    timeoutMs: 9000,
    usedMs: 0,
  });
});

Deno.test("get ends with 2 and one line when an interface is not there", async () => {
  const interfaces = [{ name: "lo", addresses: ["127.0.0.1", "::1"] }];
  const { shell, session, code } = await run("get a.torrent --lsd-interface eth9", { interfaces });
  assertEquals([code, session.torrents.length], [2, 0]);
  assertEquals(shell.stderr.lines.filter((line) => line !== "reading a.torrent"), [
    'error: Cannot use --lsd-interface "eth9": this host has lo (127.0.0.1, ::1)',
  ]);
});

Deno.test("get --super-seed seeds, and holds back as the first seed", async () => {
  const { session } = await run("get a.torrent --super-seed");
  const { seed, superSeed } = session.torrents[0]!.options;
  assertEquals([seed, superSeed], [true, true]);
});

Deno.test("get stalls after ten minutes off a terminal and never on one", async () => {
  const of = async (options: FakeRunOptions, line = "get a.torrent") =>
    (await run(line, options)).session.torrents[0]!.options.stallTimeoutMs;
  assertEquals(await of({}), 600_000);
  assertEquals(await of({}, "get a.torrent --stall-timeout 0"), undefined);
  assertEquals(await of({ stderrIsTerminal: true }), undefined);
});

Deno.test("get --json writes the session's events and done last", async () => {
  const { shell, session, exitCode } = start("get a.torrent --json", {
    onAdd: (torrent) => {
      const base = { v: 1, at: 5, infoHash: torrent.infoHash } as const;
      session.published.publish({ ...base, type: "start", name: "a\u202e" });
      session.published.publish({ ...base, type: "warning", message: "careful" });
      torrent.end({ kind: "complete" });
    },
  });
  assertEquals(await exitCode, 0);
  const all = parseEvents(shell.stdout.lines);
  assertEquals(all.map((event) => event.type), ["start", "warning", "done"]);
  assertEquals(all.every((event) => event.v === 1 && typeof event.at === "number"), true);
  const { exitCode: code, infoHash, source, path } = all.at(-1)!;
  assertEquals([code, infoHash, source], [0, session.torrents[0]!.infoHash, "a.torrent"]);
  assertEquals(path, "a");
  assert(shell.stdout.text.includes("\\u202e"));
  assert(shell.stderr.lines.includes("warning: careful"));
});

Deno.test("get ends with the code of the failure, one error line and one hint", async () => {
  const { shell, code } = await run("get a.torrent --json", { onAdd: failing(STALLED) });
  assertEquals(code, 3);
  assertEquals(shell.stderr.lines.filter((line) => line.startsWith("error: ")), [
    "error: Cannot finish a: no peers",
  ]);
  assertEquals(shell.stderr.lines.at(-1), "hint: wait");
  const { type, exitCode, reason, message, hint } = parseEvents(shell.stdout.lines).at(-1)!;
  assertEquals([type, exitCode, reason, message, hint], [
    ...["error", 3, "stalled", "Cannot finish a: no peers", "wait"],
  ]);
});

Deno.test("get opens no session when no SOURCE is a torrent", async () => {
  for (const [source, expected] of [["bad.torrent", 5], ["none.torrent", 4]] as const) {
    const { shell, session, code } = await run(`get ${source} --json`);
    assertEquals(code, expected);
    assertEquals(session.options, undefined);
    assertEquals(parseEvents(shell.stdout.lines).map((event) => event.exitCode), [expected]);
  }
});

Deno.test("get refuses a choice that meets no file", async () => {
  const cases = ["--include *.iso", "--select-file 4", "--exclude *.iso", "--exclude **"];
  for (const option of cases) {
    const { session, code } = await run(`get set.torrent ${option}`);
    assertEquals(code, 2, option);
    assertEquals(session.torrents, []);
  }
});

Deno.test("get stops cleanly at a signal: 130 or 143, without an error line", async () => {
  for (const [signal, expected] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
    const { shell, exitCode, session } = start("get a.torrent --json", { onAdd: () => {} });
    await turn();
    shell.kill(signal);
    assertEquals(await exitCode, expected);
    assert(session.isClosed);
    assertEquals(shell.exits, []);
    assert(!/^error:/m.test(shell.stderr.text), shell.stderr.text);
    assert(shell.stderr.lines.includes("stopped: a at 100 %; the same command continues"));
    const { type, exitCode: code } = parseEvents(shell.stdout.lines).at(-1)!;
    assertEquals([type, code], ["error", expected]);
  }
});

Deno.test("get ends at once at a second signal, and by itself when a stop takes too long", async () => {
  const stubborn = (torrent: FakeTorrent) => torrent.isStubborn = true;
  const second = start("get a.torrent", { onAdd: stubborn });
  await turn();
  second.shell.kill("SIGINT");
  assertEquals(second.shell.exits, []);
  second.shell.kill("SIGINT");
  assertEquals(second.shell.exits, [130]);
  second.session.torrents[0]!.end({ kind: "stopped" });
  await second.exitCode;

  const slow = start("get a.torrent", { onAdd: stubborn });
  await turn();
  slow.shell.kill("SIGTERM");
  await slow.shell.clock.advance(5_000);
  assertEquals(slow.shell.exits, [143]);
  slow.session.torrents[0]!.end({ kind: "stopped" });
  await slow.exitCode;
});

Deno.test("get gives the cursor back and says what happened when something is not caught", async () => {
  const live = { stderrIsTerminal: true, size: { columns: 60, rows: 20 } };
  const { shell, exitCode } = start("get a.torrent --json", { ...live, onAdd: () => {} });
  while (!shell.stderr.text.includes("data.bin") && !shell.stderr.text.includes("░")) {
    await shell.clock.advance(200);
  }
  shell.crash(new Error("why\x1b[2J"));
  assertEquals(shell.exits, [1]);
  const tail = shell.stderr.text.slice(shell.stderr.text.lastIndexOf("\x1b[?25h"));
  assert(tail.includes("error: why\\u{1b}[2J\nhint: this is a bug"), tail);
  assertEquals(JSON.parse(shell.stdout.lines.at(-1)!).exitCode, 1);
  shell.kill("SIGINT");
  await exitCode;
});

Deno.test("get ends quietly when nobody reads its events any more", async () => {
  const { shell, exitCode } = start("get a.torrent --json -q", { onAdd: () => {} });
  await turn();
  shell.stdout.close();
  assertEquals(await exitCode, 0);
  assertEquals(shell.stderr.text, "");
});

Deno.test("get ends with 4 when its events cannot be written", async () => {
  const { shell, exitCode } = start("get a.torrent --json -q", { onAdd: () => {} });
  await turn();
  shell.stdout.failure = new DiskError("Cannot write standard output: the disk is full", {
    path: "standard output",
    operation: "write",
    kind: "full",
  });
  shell.stdout.close();
  assertEquals(await exitCode, 4);
  assertEquals(shell.stderr.lines[0], "error: Cannot write standard output: the disk is full");
  assert(!shell.stderr.text.includes("stopped"), shell.stderr.text);
});

Deno.test("get says that the port is taken when it is", async () => {
  const failure = new NetworkError("in-use", "Cannot listen on port 7000: it is in use");
  const { shell, code } = await run("get a.torrent -p 7000", { failure });
  assertEquals(code, 1);
  assert(shell.stderr.lines.includes("error: Cannot listen on port 7000: it is in use"));
});

Deno.test("get says nothing when it is quiet and all is well", async () => {
  const { shell, code } = await run("get a.torrent -q");
  assertEquals([code, shell.stdout.text, shell.stderr.text], [0, "", ""]);
});

Deno.test("get logs to standard error with -v and to the log file always", async () => {
  const { shell, session, exitCode } = start("get a.torrent -v --log-file log", {
    onAdd: () => {},
  });
  await turn();
  session.published.publish({ v: 1, type: "listening", at: 0, port: 6881 });
  await turn();
  session.log!.write("info", "hello\x1b", { port: 5 });
  session.log!.write("debug", "small");
  session.torrents[0]!.end({ kind: "complete" });
  await exitCode;
  assert(shell.stderr.lines.includes("info: hello\\u{1b} port=5"));
  assert(!shell.stderr.text.includes("small"));
  const kept = shell.logs.get("log")!.map((line) =>
    line.replace(/^2023-11-14T22:13:20\.000Z /, "")
  );
  assertEquals(kept.slice(0, -1), [
    "info: reading a.torrent",
    "info: listening on port 6881",
    "info: hello\\u{1b} port=5",
    "debug: small",
  ]);
  assert(kept.at(-1)!.startsWith("info: done: "), kept.at(-1));
});

Deno.test("get refuses standard output for its log, which other programs mean by -", async () => {
  const { shell, session, code } = await run("get a.torrent --log-file -");
  assertEquals([code, session.torrents.length, shell.logs.size], [2, 0, 0]);
  assert(
    shell.stderr.lines.includes("error: Cannot use --log-file -: neither output is for the log"),
  );
});

Deno.test("get writes a step summary when GitHub Actions asks for one", async () => {
  const env = { GITHUB_ACTIONS: "true", GITHUB_STEP_SUMMARY: "summary.md" };
  const good = await run("get a.torrent", { env });
  assertEquals(good.shell.logs.get("summary.md"), [
    "* starling: done, 39.1 KiB in 12s (`a.torrent`)",
  ]);
  const bad = await run("get a.torrent", {
    env,
    onAdd: failing({ kind: "failed", reason: "storage", message: "Cannot write `x`\n<b>: full" }),
  });
  assertEquals(bad.shell.logs.get("summary.md"), [
    "* starling: exit 4, `Cannot write 'x'\\u{a}<b>: full` (`a.torrent`)",
  ]);
  assertEquals((await run("get a.torrent")).shell.logs.size, 0);
});

Deno.test("runCli() tells scripts of a usage error when they asked for JSON", async () => {
  const { shell, code } = await run("get --json --max-pears 3 x.torrent");
  assertEquals(code, 2);
  const [event] = parseEvents(shell.stdout.lines);
  assertEquals([event!.type, event!.exitCode, event!.reason], ["error", 2, "usage"]);
  assertEquals(shell.stderr.lines, [
    "error: Cannot use --max-pears: there is no such option",
    "hint: did you mean --max-peers?",
  ]);
});
