/**
 * Every verb with the few permissions that are documented, in a real terminal, where Deno would ask for more:
 * nothing asks, the cursor is there at the end, and what one of them needs and lacks is one clear error.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { interopTest } from "./support/lab.ts";
import { output } from "./support/process.ts";
import { ROOT } from "./support/starling.ts";

const ALONE = "--no-dht --no-lsd -p 0";
const HASH = "0123456789abcdef0123456789abcdef01234567";

/** Lines to type and what each ends with. */
const LINES: readonly (readonly [line: string, code: number])[] = [
  ["create data -o data.torrent", 0],
  ["info data.torrent", 0],
  ["magnet data.torrent", 0],
  ["edit data.torrent --comment hello", 0],
  ["verify data.torrent .", 0],
  [`get data.torrent -o . ${ALONE}`, 0],
  [`get data.torrent -o out --stall-timeout 1s --log-file log --allocate full ${ALONE}`, 3],
  [`get data.torrent -o again --reuse data ${ALONE}`, 0],
  [`get data.torrent -o . --seed-while ${ALONE} -- true`, 2],
  [`cat data.torrent --stall-timeout 1s ${ALONE}`, 3],
  [`seed data.torrent . --seed-time 1s ${ALONE}`, 0],
  [`share data --seed-time 1s --tracker-port 0 ${ALONE}`, 0],
  [`meta ${HASH} -o meta.torrent --metadata-timeout 1s ${ALONE}`, 3],
  ["scrape data.torrent -t http://127.0.0.1:1/announce", 7],
  [`doctor data.torrent --timeout 1s ${ALONE}`, 0],
  ["tracker -p 0", 124],
  ["completions bash", 0],
  ["man", 0],
  ["help", 0],
  ["version", 0],
  ["no-such-verb", 2],
  ["demo", 0],
];

interopTest("no verb asks for a permission in a terminal", ["script"], async (lab) => {
  await Deno.mkdir(lab.path("data"));
  await Deno.writeFile(lab.path("data/a.bin"), new Uint8Array(100_000).fill(5));
  const starling = `${Deno.execPath()} run --no-check -N -R -W ${ROOT}main.ts`;
  // What runs until it is told to end is told so (124); a prompt would wait for an answer until the test's own end.
  const typed = LINES.map(([line]) => {
    const limit = line.startsWith("tracker") ? "timeout --foreground -s INT 4 " : "";
    return `${limit}${starling} ${line}; code=$?; echo; echo "code=$code:${line}"`;
  });
  const script = ["set +e", `cd '${lab.folder}'`, ...typed, "exit 0"].join("\n");
  await Deno.writeTextFile(lab.path("lines.sh"), script);
  const command = `sh ${lab.path("lines.sh")}`;
  const screen = await output(["script", "-qec", command, "/dev/null"]);
  assert(!/Deno requests|Allow\?/.test(screen), screen);
  const codes = [...screen.matchAll(/code=(\d+):([^\r\n]*)/g)].map(([, code, line]) => {
    return [line, Number(code)];
  });
  assertEquals(codes, LINES.map(([line, code]) => [line, code]));
  // Where a stop would not be heard the cursor stays as it is.
  assert(!screen.includes("\x1b[?25l"), "the cursor is hidden");
});
