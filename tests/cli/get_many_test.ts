/**
 * `starling get` with several sources and lists: which are downloaded, how many at a time, which code wins.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { Outcome } from "../../src/session/events.ts";
import { parseEvents } from "../support/events.ts";
import { FILES, run, start } from "./support/fake_run.ts";
import { turn } from "./support/fake_shell.ts";

const STALLED: Outcome = { kind: "failed", reason: "stalled", message: "no peers", hint: "wait" };

Deno.test("get with several sources tells each and lets the highest code win", async () => {
  const { shell, session, code } = await run("get a.torrent bad.torrent b.torrent --json", {
    onAdd: (torrent) =>
      torrent.end(torrent.options.metainfo.name === "b" ? STALLED : { kind: "complete" }),
  });
  assertEquals(code, 5);
  assertEquals(session.torrents.length, 2);
  const byType = parseEvents(shell.stdout.lines).map((
    event,
  ) => [event.type, event.source, event.exitCode]);
  assertEquals(byType.slice(0, 3).sort(), [
    ["done", "a.torrent", 0],
    ["error", "b.torrent", 3],
    ["error", "bad.torrent", 5],
  ]);
  assertEquals(byType[3], ["error", undefined, 5]);
  const errors = shell.stderr.lines.filter((line) => line.startsWith("error: "));
  assertEquals(errors.length, 1);
  assert(errors[0]!.startsWith("error: Cannot finish 2 of 3 torrents: Cannot use bad.torrent: "));
  assert(shell.stderr.lines.includes("failed: b: no peers"));
});

Deno.test("get downloads once what several sources name", async () => {
  const files = { ...FILES, "copy.torrent": FILES["a.torrent"]! };
  const sources = "a.torrent copy.torrent";
  const { shell, session, code } = await run(`get ${sources} -o out`, { files });
  assertEquals([code, session.torrents.length], [0, 1], shell.stderr.text);
  const line = "warning: copy.torrent is the same torrent as a.torrent: it is downloaded once";
  assert(shell.stderr.lines.includes(line), shell.stderr.text);
  assertEquals(shell.stderr.lines.filter((line) => line.startsWith("done: ")).length, 1);
  const link = `magnet:?xt=urn:btih:${session.torrents[0]!.infoHash}`;
  const mixed = await run(`get ${link} ${sources} b.torrent --json`, { files });
  assertEquals([mixed.code, mixed.session.torrents.length], [0, 2], mixed.shell.stderr.text);
  const ends = parseEvents(mixed.shell.stdout.lines).filter(({ type }) => type === "done");
  assertEquals(ends.map(({ source }) => source), [link, "b.torrent", undefined]);
  const warned = parseEvents(mixed.shell.stdout.lines).filter(({ type }) => type === "warning");
  assertEquals(warned.length, 2);
});

Deno.test("get takes a list and does no more than -j at a time", async () => {
  const { shell, session, exitCode } = start("get set.torrent -i list -j 2", { onAdd: () => {} });
  await shell.clock.advance(0);
  await turn();
  assertEquals(session.torrents.map(({ options }) => options.metainfo.name), ["set", "a"]);
  session.torrents[0]!.end({ kind: "complete" });
  await turn();
  assertEquals(session.torrents.length, 3);
  session.torrents.forEach((torrent) => torrent.end({ kind: "complete" }));
  assertEquals(await exitCode, 0);
  const done = shell.stderr.lines.filter((line) => line.startsWith("done: "));
  assertEquals([done.length, done.at(-1)!.startsWith("done: 3 torrents: ")], [4, true]);
});

Deno.test("get takes a list on standard input, and a source that fails stops no other", async () => {
  const list = new TextEncoder().encode(
    "# four\n\nbad.torrent\nnone.torrent\nmagnet:?xt=bad\na.torrent\n",
  );
  const { shell, code, session } = await run("get -i - -j 1 --json", {
    files: { ...FILES, "-": list },
  });
  assertEquals([code, session.torrents.length], [5, 1]);
  const ends = parseEvents(shell.stdout.lines).filter(({ type }) =>
    type === "done" || type === "error"
  );
  assertEquals(ends.map(({ source, exitCode }) => [source, exitCode]), [
    ["bad.torrent", 5],
    ["none.torrent", 4],
    ["magnet:?xt=bad", 5],
    ["a.torrent", 0],
    [undefined, 5],
  ]);
  assertEquals(shell.stderr.lines.filter((line) => line.startsWith("error: ")).length, 1);
});

Deno.test("get starts nothing more when nobody reads its events any more", async () => {
  const { shell, session, exitCode } = start("get a.torrent b.torrent -j 1 --json", {
    onAdd: () => {},
  });
  await turn();
  const before = shell.stderr.text;
  shell.stdout.close();
  assertEquals([await exitCode, session.torrents.length], [0, 1]);
  assertEquals(shell.stderr.text, before);
});

Deno.test("get starts nothing more when the time of the run is over", async () => {
  const late: Outcome = { kind: "failed", reason: "timeout", message: "not done after 5 s" };
  const { shell, session, exitCode } = start("get a.torrent b.torrent -j 1 --timeout 5s", {
    onAdd: () => {},
  });
  await turn();
  await shell.clock.advance(5_000);
  session.torrents[0]!.end(late);
  assertEquals(await exitCode, 3);
  assertEquals(session.torrents.length, 1);
  assertEquals(shell.stderr.lines.filter((line) => line.startsWith("error: ")), [
    "error: Cannot finish 2 of 2 torrents: Cannot finish a: not done after 5 s",
  ]);
});

Deno.test("get with several sources lets a link that is none fail alone, first or last", async () => {
  for (const line of ["get magnet:?xt=bad a.torrent", "get a.torrent magnet:?xt=bad"]) {
    const { shell, session, code } = await run(line);
    assertEquals([code, session.torrents.length], [5, 1], shell.stderr.text);
    assert(shell.stderr.lines.some((text) => text.startsWith("done: a: ")), shell.stderr.text);
    assert(shell.stderr.lines.some((text) => text.startsWith("failed: magnet:?xt=bad: Cannot ")));
  }
  const { shell, session, code } = await run("get magnet:?xt=bad");
  assertEquals([code, session.torrents.length], [5, 0]);
  assert(shell.stderr.lines[0]!.startsWith("error: Cannot parse magnet link: "));
});

Deno.test("get tells scripts seconds with three decimals of each of several torrents", async () => {
  const { shell } = await run("get a.torrent b.torrent --json", {
    onAdd: (torrent) => {
      torrent.seconds = 0.013065236999999997;
      torrent.end({ kind: "complete" });
    },
  });
  const seconds = parseEvents(shell.stdout.lines).flatMap((event) =>
    event.type === "done" ? [event.seconds] : []
  );
  assertEquals(seconds, [0.013, 0.013, 0.013]);
});

Deno.test("get tells scripts of what it warns people", async () => {
  const { shell } = await run("get a.torrent b.torrent --exclude *.zip --seed-time 5 --json");
  const messages = parseEvents(shell.stdout.lines).flatMap((event) =>
    event.type === "warning" ? [event.message] : []
  );
  const said = shell.stderr.lines.filter((line) => line.startsWith("warning: "))
    .map((line) => line.slice("warning: ".length));
  assertEquals([messages.length, messages], [3, said]);
});
