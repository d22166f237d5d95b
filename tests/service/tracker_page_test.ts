/**
 * The page of a tracker, shown to a hostile visitor.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { trackerPage } from "../../src/service/tracker_page.ts";
import { ServerState } from "../../src/tracker/server_state.ts";
import { SimRandom } from "../sim/random.ts";

function page(host: string | undefined, now = 0): string {
  const state = new ServerState({ random: new SimRandom(1) }, 0);
  return trackerPage({ state, now, host, torrents: [] });
}

Deno.test("trackerPage() shows announce URLs when the host is a host", () => {
  const table: [string, string][] = [
    ["t.example:6969", "http://t.example:6969/announce udp://t.example:6969/announce"],
    ["[2001:db8::1]:80", "http://[2001:db8::1]:80/announce udp://[2001:db8::1]:80/announce"],
    ["t.example", "http://t.example/announce"],
  ];
  for (const [host, urls] of table) {
    const found = [...page(host).matchAll(/<code>(.*?)<\/code>/g)].map((match) => match[1]);
    assertEquals(found.join(" "), urls);
  }
});

Deno.test("trackerPage() shows nothing of the host when it is none", () => {
  const hosts = [
    "<script>",
    'a"b',
    "a/b",
    "a b",
    "",
    "a:b",
    "a:123456",
    "[::1",
    "x".repeat(300),
    "é",
  ];
  for (const host of [...hosts, undefined]) {
    assert(!page(host).includes("<code>"), host);
    assertEquals(page(host), page(undefined));
  }
});

Deno.test("trackerPage() says in words how long the tracker has been up", () => {
  const table: [number, string][] = [[0, "0 seconds"], [119, "119 seconds"], [120, "2 minutes"], [
    7200,
    "2 hours",
  ], [200_000, "2 days"]];
  for (const [seconds, words] of table) {
    assert(page(undefined, seconds * 1000).includes(`up for ${words}.`), words);
  }
});
