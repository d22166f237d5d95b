/**
 * Sources that are no torrent, as a process: one error line, the right code, no stack trace, nothing
 * written.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { withFolder } from "../support/folder.ts";
import { spawnStarling, starling } from "./support/process.ts";
import { type Dict, torrentBytes } from "./support/torrents.ts";

const text = (s: string) => new TextEncoder().encode(s);
const info = (dict: Dict) => torrentBytes({ info: dict });
const file = (entry: Dict) =>
  torrentBytes({ info: { length: undefined, files: [{ length: 40_000, path: ["a"], ...entry }] } });
/** Bytes with the first `from` replaced, for what an honest encoder would not write. */
const forged = (from: string, to: string) => {
  const latin1 = new TextDecoder("latin1").decode(torrentBytes());
  assert(latin1.includes(from), from);
  return Uint8Array.from(latin1.replace(from, to), (c) => c.charCodeAt(0));
};

const PIECES = new Uint8Array(60);

/** What is wrong with it → its bytes. */
const BAD: Readonly<Record<string, Uint8Array>> = {
  "empty": new Uint8Array(),
  "not bencode": text("hello, world"),
  "a web page": text("<!DOCTYPE html><html><body>404</body></html>"),
  "truncated": torrentBytes().subarray(0, 60),
  "a list": text("le"),
  "without info": text("d8:announce3:urle"),
  "info is a string": text("d4:info3:abce"),
  "trailing junk": text("d4:infodeexyz"),
  "nested a million deep": new Uint8Array(1_000_000).fill(0x6c),
  "an integer with a leading zero": forged("i40000e", "i040000e"),
  "name is a number": info({ name: 5 }),
  "without name": info({ name: undefined }),
  "length is a string": info({ length: "40000" }),
  "length is negative": info({ length: -1 }),
  "length is beyond 2^53": forged("i40000e", "i9007199254740993e"),
  "length is beyond 2^63": forged("i40000e", "i9223372036854775808e"),
  "length is zero": info({ length: 0, pieces: new Uint8Array() }),
  "neither length nor files": info({ length: undefined }),
  "files is a dictionary": info({ length: undefined, files: {} }),
  "files is empty": info({ length: undefined, files: [], pieces: new Uint8Array() }),
  "path is a string": file({ path: "a" }),
  "path is empty": file({ path: [] }),
  "path has a number": file({ path: [5] }),
  "path is only dots": file({ path: [".."] }),
  "a file length is negative": file({ length: -5 }),
  "file lengths overflow": info({
    length: undefined,
    files: [
      { length: 2 ** 53 - 1, path: ["a"] },
      { length: 2 ** 53 - 1, path: ["b"] },
    ],
  }),
  "piece length is zero": info({ "piece length": 0 }),
  "piece length is negative": info({ "piece length": -16_384 }),
  "piece length is absurd": info({ "piece length": 2 ** 40, pieces: new Uint8Array(20) }),
  "piece length is a string": info({ "piece length": "16384" }),
  "pieces is a list": info({ pieces: [] }),
  "pieces is no multiple of 20": info({ pieces: PIECES.subarray(1) }),
  "pieces has too few": info({ pieces: PIECES.subarray(20) }),
  "pieces has too many": info({ pieces: new Uint8Array(80) }),
};

/** Runs `get` on a source and holds it to the promise. */
async function refused(
  source: string,
  folder: string,
  expected: number,
  options = {},
): Promise<void> {
  const out = `${folder}/out`;
  const { code, stdout, stderr } = await starling(["get", source, "-o", out, "--json"], options);
  const context = `${source}\n${stderr}`;
  assertEquals(code, expected, context);
  const lines = stderr.trimEnd().split("\n");
  const errors = lines.filter((line) => line.startsWith("error: "));
  assertEquals(errors.length, 1, context);
  assert(lines.at(-1) === errors[0] || lines.at(-1)!.startsWith("hint: "), context);
  assert(!/^\s+at /m.test(stderr) && !/\bError:/.test(stderr), context);
  assertEquals(stdout.trimEnd().split("\n").length, 1, context);
  const { type, exitCode } = JSON.parse(stdout);
  assertEquals([type, exitCode], ["error", expected], context);
  assertEquals(await Deno.stat(out).catch(() => null), null, context);
}

Deno.test("get ends with 5 and writes nothing when the file is no torrent", async () => {
  await withFolder(async (folder) => {
    const cases = Object.entries(BAD);
    await Promise.all([0, 1].map(async (half) => {
      for (const [name, bytes] of cases.filter((_, i) => i % 2 === half)) {
        const path = `${folder}/${name}.torrent`;
        await Deno.writeFile(path, bytes);
        await refused(path, folder, 5);
      }
    }));
  });
});

Deno.test("get ends with 4 when the file is missing, unreadable or a folder", async () => {
  await withFolder(async (folder) => {
    await Deno.writeFile(`${folder}/secret.torrent`, torrentBytes());
    await refused(`${folder}/none.torrent`, folder, 4);
    await refused(folder, folder, 4);
    // A permission withheld by Deno stands for one withheld by the system, which root would not notice.
    const permissions = ["-A", `--deny-read=${folder}/secret.torrent`];
    await refused(`${folder}/secret.torrent`, folder, 4, { permissions });
  });
});

Deno.test("get ends with 5 when the file is too large", async () => {
  await withFolder(async (folder) => {
    using file = await Deno.create(`${folder}/huge.torrent`);
    await file.truncate(700 * 1024 * 1024);
    await refused(`${folder}/huge.torrent`, folder, 5);
  });
});

Deno.test("get ends with 7 or 5 when a URL has no torrent", async () => {
  const html = { headers: { "content-type": "text/html" } };
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
    const url = new URL(request.url);
    switch (url.pathname) {
      case "/html":
        return new Response("<html>hello</html>", html);
      case "/loop":
        return Response.redirect(new URL("/loop", url));
      case "/chain":
        return Response.redirect(new URL(`/chain?${Number(url.search.slice(1)) + 1}`, url));
      case "/away":
        return new Response(null, { status: 302, headers: { location: "file:///etc/passwd" } });
      case "/junk":
        return new Response("d4:info");
      default:
        return new Response("no such page", { status: 404 });
    }
  });
  const at = `http://127.0.0.1:${server.addr.port}`;
  const closed = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = closed.addr;
  closed.close();
  try {
    await withFolder(async (folder) => {
      const cases: [string, number][] = [
        [`${at}/missing`, 7],
        [`${at}/loop`, 7],
        [`${at}/chain?1`, 7],
        [`${at}/away`, 7],
        [`http://127.0.0.1:${port}/`, 7],
        [`${at}/html`, 5],
        [`${at}/junk`, 5],
      ];
      for (const [url, code] of cases) await refused(url, folder, code);
    });
  } finally {
    await server.shutdown();
  }
});

Deno.test("get ends with 2 when a link is of a kind that is not supported, 5 when it is broken", async () => {
  await withFolder(async (folder) => {
    await refused("ab".repeat(32), folder, 2);
    await refused("magnet:?xt=urn:btih:xyz", folder, 5);
  });
});

Deno.test("get reads standard input and refuses it like a file", async () => {
  await withFolder(async (folder) => {
    await refused("-", folder, 5, { stdin: text("hello") });
    const child = spawnStarling(["get", "-", "-o", `${folder}/out`, "--timeout", "200ms"], {
      stdin: new Uint8Array(),
    });
    const { code, stderr } = await child.output();
    await child.stdin.abort();
    assertEquals(code, 3, new TextDecoder().decode(stderr));
  });
});
