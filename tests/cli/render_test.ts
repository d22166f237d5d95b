/**
 * What is drawn, at several widths.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { renderBlock, renderPlain, renderStopped } from "../../src/cli/render.ts";
import { colored, renderBar } from "../../src/cli/render_bar.ts";
import { renderDone, renderDoneAll } from "../../src/cli/render_end.ts";
import { widthOf } from "../../src/cli/text_width.ts";
import { stats } from "./support/torrents.ts";

const canvas = (columns: number, isColored = false) => ({ columns, rows: 24, isColored });
const one = (changes = {}) => [{ label: "x.torrent", stats: stats(changes) }];

Deno.test("renderBlock() draws one torrent in four lines when the terminal has 80 columns", () => {
  assertEquals(renderBlock(one(), canvas(80)), [
    "data.bin",
    `45.2 % ${"█".repeat(36)}${"░".repeat(36)}`,
    "35.1 MiB/s down  15s left  0 B/s up  431 MiB of 954 MiB",
    "12 peers: 8 tracker, 4 PEX  2 choke us  1 seed  3 dialling",
  ]);
});

Deno.test("renderBlock() drops the least wanted facts when the terminal has 40 columns", () => {
  assertEquals(renderBlock(one(), canvas(40)), [
    "data.bin",
    `45.2 % ${"█".repeat(16)}${"░".repeat(16)}`,
    "35.1 MiB/s down  15s left  0 B/s up",
    "12 peers: 8 tracker, 4 PEX  2 choke us",
  ]);
});

Deno.test("renderBlock() draws a bar of at most 100 cells when the terminal has 200 columns", () => {
  const [, bar] = renderBlock(one(), canvas(200));
  assertEquals(widthOf(bar!), 107);
});

Deno.test("renderBlock() says what it waits for when there is no metadata yet", () => {
  const changes = { state: "fetching-metadata", bytesDone: 0, bytesTotal: 0, etaSeconds: null };
  const [, bar, facts] = renderBlock(one({ ...changes, pieceMap: new Uint8Array(0) }), canvas(40));
  assertEquals([bar, facts], [` 0.0 % ${"░".repeat(32)}`, "fetching the metadata"]);
  const two = [...one({ ...changes, pieceMap: new Uint8Array(0) }), ...one()];
  const [line] = renderBlock(two, canvas(80));
  assert(line!.endsWith("  fetching metadata"), line);
});

Deno.test("renderBlock() never exceeds the columns and never passes a control character", () => {
  const names = [
    "日本語".repeat(40),
    "a\x1b[31m\r\nb\u202e",
    "x",
    "😀".repeat(100),
    "a".repeat(300),
  ];
  for (const columns of [10, 20, 40, 80, 200]) {
    for (const name of names) {
      const rows = [1, 3, 40].map((n) =>
        Array.from({ length: n }, () => ({ label: name, stats: stats({ name }) }))
      );
      rows.push([{ label: name, stats: undefined as never }]);
      for (const line of rows.flatMap((row) => renderBlock(row, canvas(columns)))) {
        assert(widthOf(line) <= columns, `${columns}: ${line}`);
        // deno-lint-ignore no-control-regex
        assert(!/[\x00-\x1f\x7f\u202e]/.test(line), line);
      }
    }
  }
});

Deno.test("renderBlock() draws two lines each and a total when there are several", () => {
  const rows = [...one(), ...one({ name: "日本語", state: "checking", piecesChecked: 4 })];
  rows.push({ label: "c.torrent", stats: undefined as never });
  const lines = renderBlock(rows, canvas(80));
  assertEquals(lines, [
    `data.bin   45.2 % ${"█".repeat(19)}${"░".repeat(19)}  35.1 MiB/s  15s left`,
    "  12 peers: 8 tracker, 4 PEX  2 choke us  1 seed  3 dialling  0 B/s up",
    `日本語     50.0 % ${"█".repeat(19)}${"─".repeat(19)}  checking`,
    "  checking what is there, piece 4 of 8",
    "c.torrent  reading",
    "",
    "3 torrents 45.2 %  70.2 MiB/s down  24 peers  0 B/s up  862 MiB of 1.86 GiB",
  ]);
});

Deno.test("renderBlock() draws a line each when there is no room for two", () => {
  const lines = renderBlock([...one(), ...one(), ...one()], { ...canvas(40), rows: 6 });
  assertEquals(lines.length, 4);
  assertEquals(lines[0], "data.bin  45.2 %  35.1 MiB/s  15s left");
});

Deno.test("renderBlock() stays on the screen when there are more torrents than rows", () => {
  const rows = Array.from({ length: 50 }, () => one()[0]!);
  const lines = renderBlock(rows, { columns: 80, rows: 10, isColored: false });
  assertEquals(lines.length, 10);
  assertEquals(lines[8], "… and 42 more");
});

Deno.test("renderBlock() has colours only when asked", () => {
  assert(renderBlock(one(), canvas(80, true)).join("").includes("\x1b["));
  assert(!renderBlock(one(), canvas(80)).join("").includes("\x1b"));
});

Deno.test("renderBar() shows all, most, some, none and not wanted", () => {
  const bar = (pieces: number[], cells: number) =>
    renderBar(stats({ pieceMap: Uint8Array.from(pieces) }), cells);
  assertEquals(bar([1, 0, 2, 1], 4), "█░·█");
  assertEquals(bar([1, 1, 1, 0, 1, 0, 0, 0], 2), "▓▒");
  assertEquals(bar([1, 2, 2, 2, 0, 2], 2), "█░");
  assertEquals(bar([1, 0], 6), "███░░░");
  assertEquals(bar([], 3), "░░░");
  assertEquals(bar([1], 0), "");
  const checking = stats({ state: "checking", piecesChecked: 2, pieceMap: new Uint8Array(8) });
  assertEquals(renderBar(checking, 8), "░░──────");
});

Deno.test("colored() colours what is there and dims the rest", () => {
  assertEquals(colored("██▓░·"), "\x1b[32m██▓\x1b[0m\x1b[2m░·\x1b[0m");
});

Deno.test("renderPlain() is one line of facts", () => {
  assertEquals(
    renderPlain(stats()),
    "progress: data.bin 45.2 % of 954 MiB, 35.1 MiB/s down, 0 B/s up, 12 peers, 15s left",
  );
  assertEquals(
    renderPlain(stats({ peers: 0, dialling: 0, etaSeconds: null, downRate: 0 })),
    "progress: data.bin 45.2 % of 954 MiB, 0 B/s down, 0 B/s up, no peers",
  );
  assertEquals(
    renderPlain(stats({ state: "checking", piecesChecked: 3 })),
    "progress: data.bin checking what is there, piece 3 of 8",
  );
  assertEquals(
    renderPlain(stats({ state: "fetching-metadata", bytesTotal: 0, peers: 1 })),
    "progress: data.bin fetching the metadata, 1 peer",
  );
  assertEquals(
    renderPlain(stats({ state: "seeding", upRate: 1_048_576, bytesUploaded: 2048 })),
    "progress: data.bin seeding, 1.00 MiB/s up, 12 peers, 2.00 KiB given",
  );
  assert(!renderPlain(stats({ name: "a\nb" })).includes("\n"));
});

Deno.test("renderDone() and renderStopped() begin with a word to grep", () => {
  const done = stats({ bytesDownloaded: 1_000_000_000, seconds: 10, bytesUploaded: 20_480_000 });
  assertEquals(
    renderDone(done, "out"),
    "done: data.bin: 954 MiB in 10s, 954 MiB fetched at 95.4 MiB/s from tracker 88.4 %, PEX 11.5 %, " +
      "19.5 MiB given (ratio 0.02), in out",
  );
  assertEquals(
    renderDone(
      stats({ bytesDone: 1e9, bytesTotal: 1e9, bytesDownloaded: 0, seconds: 0.31, sources: [] }),
      ".",
    ),
    "done: data.bin: 954 MiB in 0.3s, all of it was there, in .",
  );
  assertEquals(
    renderDone(stats({ bytesDownloaded: 0, seconds: 0.31, sources: [] }), "there"),
    "done: data.bin: 431 MiB of 954 MiB in 0.3s, the rest was not there, in there",
  );
  assertEquals(renderStopped(stats()), "stopped: data.bin at 45.2 %; the same command continues");
  assertEquals(
    renderStopped(stats({ bytesDone: 0, bytesTotal: 0, pieceMap: new Uint8Array(0) })),
    "stopped: data.bin before its metadata was there; the same command continues",
  );
  assertEquals(renderStopped(stats(), false), "stopped: data.bin at 45.2 %");
});

Deno.test("renderDoneAll() sums up several", () => {
  const sources = [{ source: "user", peers: 0, peersChoking: 0, bytes: 5 }] as const;
  assertEquals(
    renderDoneAll([
      stats({ bytesDownloaded: 1_000_000_000, seconds: 10, sources }),
      stats({ bytesDownloaded: 0, seconds: 2, sources: [] }),
    ]),
    "done: 2 torrents: 1.86 GiB in 10s, 954 MiB fetched at 95.4 MiB/s from named peers",
  );
});
