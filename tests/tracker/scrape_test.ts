/**
 * Scrapes over HTTP: where they are asked, and what is made of answers.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { TrackerError } from "../../src/base/errors.ts";
import { encode } from "../../src/bencode/encode.ts";
import { failureWords } from "../../src/tracker/announce.ts";
import { MAX_SCRAPE, parseScrape, scrapeUrl } from "../../src/tracker/scrape.ts";
import { forSeeds, mutate } from "../support/prng.ts";

const A = new Uint8Array(20).fill(0x41);
const B = Uint8Array.from({ length: 20 }, (_, i) => i * 13);
const TRACKER = "http://tracker.example/announce?key=secret";

Deno.test("scrapeUrl() replaces announce in the path when it is there", () => {
  const hash = `info_hash=${"A".repeat(20)}`;
  const table: [string, string | undefined][] = [
    ["http://t/announce", `http://t/scrape?${hash}`],
    ["http://t/announce#x", `http://t/scrape?${hash}`],
    ["http://t/announce?key=1", `http://t/scrape?key=1&${hash}`],
    ["http://t/announce?key=1&", `http://t/scrape?key=1&${hash}`],
    ["http://t/x/announce.php", `http://t/x/scrape.php?${hash}`],
    ["http://t/announce/0123", `http://t/scrape/0123?${hash}`],
    ["http://t/announce/announce", `http://t/announce/scrape?${hash}`],
    ["http://announce/announce", `http://announce/scrape?${hash}`],
    ["http://announce/", undefined],
    ["http://announce", undefined],
    ["http://announce?x=/announce", undefined],
    ["http://t/a", undefined],
    ["http://t/xannounce", undefined],
    ["http://t/announcements", undefined],
    ["http://t/a?/announce", undefined],
    ["http://t/a#/announce", undefined],
  ];
  for (const [base, url] of table) assertEquals(scrapeUrl(base, [A]), url, base);
});

Deno.test("scrapeUrl() asks for several torrents, byte by byte, but not for too many", () => {
  assertEquals(
    scrapeUrl("http://t/announce", [A, B]),
    `http://t/scrape?info_hash=${"A".repeat(20)}` +
      "&info_hash=%00%0D%1A%274AN%5Bhu%82%8F%9C%A9%B6%C3%D0%DD%EA%F7",
  );
  const many = scrapeUrl("http://t/announce", new Array(1000).fill(A))!;
  assertEquals(many.split("info_hash").length - 1, MAX_SCRAPE);
});

const FILES = new Map([
  [A, { complete: 11, downloaded: 13772, incomplete: 19 }],
  [B, { complete: 21, downloaded: 206, incomplete: 20 }],
]);

Deno.test("parseScrape() gives the counts in the order that was asked", () => {
  const body = encode({ files: FILES });
  const unknown = new Uint8Array(20);
  assertEquals(parseScrape(TRACKER, body, [B, unknown, A]), [
    { seeds: 21, completed: 206, leeches: 20 },
    null,
    { seeds: 11, completed: 13772, leeches: 19 },
  ]);
  assertEquals(parseScrape(TRACKER, body, []), []);
});

Deno.test("parseScrape() gives null for what is missing or makes no sense", () => {
  const none = { seeds: null, completed: null, leeches: null };
  const answers: [Parameters<typeof encode>[0], unknown][] = [
    [{}, null],
    [{ files: 1 }, null],
    [{ files: [] }, null],
    [{ files: new Map([[A, "x"]]) }, null],
    [{ files: new Map([[A, {}]]) }, none],
    [{ files: new Map([[A, { complete: -1, downloaded: "3", incomplete: 2n ** 62n }]]) }, none],
    [{ files: new Map([[A, { complete: 0 }]]) }, { ...none, seeds: 0 }],
  ];
  for (const [answer, expected] of answers) {
    assertEquals(parseScrape(TRACKER, encode(answer), [A]), [expected as never]);
  }
});

Deno.test("parseScrape() throws a TrackerError when the tracker refuses or talks nonsense", () => {
  const table: [Uint8Array, string, string][] = [
    [encode({ "failure reason": "no\nscrapes", "retry in": 5 }), "refused", "no scrapes"],
    [encode([]), "garbage", "not a dictionary"],
    [new Uint8Array(0), "garbage", "empty"],
    [new TextEncoder().encode("<html>"), "garbage", "not bencode at byte 0"],
  ];
  for (const [body, kind, detail] of table) {
    const error = assertThrows(() => parseScrape(TRACKER, body, [A]), TrackerError);
    assertEquals([error.kind, error.message], [kind, `Cannot scrape tracker.example: ${detail}`]);
    assert(failureWords(error).endsWith(`: ${detail}`));
  }
});

Deno.test("parseScrape() throws nothing but TrackerError when the answer is garbage", () => {
  const body = encode({ files: FILES });
  forSeeds(1000, (next) => {
    try {
      assertEquals(parseScrape(TRACKER, mutate(next, body), [A, B]).length, 2);
    } catch (error) {
      assert(error instanceof TrackerError);
    }
  });
});
