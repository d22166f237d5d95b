/**
 * A program of its own for the test of memory: makes a torrent of 100,000 files, reads it and prints how
 * much processor time reading took and the most memory that the process ever had, as JSON.
 *
 * @module
 */

import process from "node:process";
import { parseTorrent } from "../../src/metainfo/torrent_file.ts";
import { file, hasher, multiInfo, torrent } from "./support.ts";

const input = torrent(multiInfo(Array.from({ length: 100_000 }, (_, i) => (
  file([`folder ${i % 1000}`, `sub ${i % 77}`, `a file with a longer name ${i}.bin`], { length: i })
))));
const before = process.cpuUsage();
const metainfo = parseTorrent(input, { hasher });
const { user, system } = process.cpuUsage(before);
console.log(JSON.stringify({
  files: metainfo.files.length,
  cpuMs: (user + system) / 1000,
  rssBytes: Deno.memoryUsage().rss,
}));
