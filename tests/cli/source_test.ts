/**
 * SOURCE → torrent: files, URLs, and what is refused.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DiskError, MagnetError, MetainfoError, NetworkError } from "../../src/base/errors.ts";
import { checkSource, readList, readTorrent } from "../../src/cli/source.ts";
import { looksLikeSource, nameOfSource, sourceKind } from "../../src/cli/source_kind.ts";
import { UsageError } from "../../src/cli/usage_error.ts";
import { NO_CACHE } from "../../src/platform/cache.ts";
import { systemHasher } from "../../src/platform/hasher.ts";
import type { HttpOptions, HttpResponse } from "../../src/ports/http.ts";
import { FakeShell } from "./support/fake_shell.ts";
import { torrentBytes } from "./support/torrents.ts";

const HASH = "0123456789abcdef0123456789abcdef01234567";
const SIGNAL = new AbortController().signal;

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

interface Web {
  readonly body?: Uint8Array;
  readonly status?: number;
  readonly redirects?: readonly string[];
  readonly error?: NetworkError;
}

function read(source: string, web: Web = {}, allowPrivate = false): ReturnType<typeof readTorrent> {
  const files = { "a.torrent": torrentBytes(), "empty": new Uint8Array(), "junk": bytes("hello") };
  const get = (url: string, options: HttpOptions): Promise<HttpResponse> => {
    let at = new URL(url);
    for (const next of web.redirects ?? []) {
      const to = new URL(next);
      if (options.mayRedirect?.(at, to) === false) {
        return Promise.reject(new NetworkError("policy", `Cannot fetch ${url}: a redirect`));
      }
      at = to;
    }
    if (web.error !== undefined) return Promise.reject(web.error);
    const body = web.body ?? torrentBytes();
    return Promise.resolve({ url, status: web.status ?? 200, header: () => undefined, body });
  };
  const shell = new FakeShell({ files });
  const reader = {
    shell,
    http: { get },
    hasher: systemHasher,
    cache: NO_CACHE,
    warn: () => {},
    allowPrivate,
  };
  return readTorrent(source, reader, { signal: SIGNAL });
}

Deno.test("sourceKind() goes by the shape of a word", () => {
  const cases: [string, string, boolean][] = [
    ["-", "stdin", true],
    ["http://h/x", "url", true],
    ["HTTPS://h/x", "url", true],
    ["magnet:?xt=x", "magnet", true],
    [HASH, "infohash", true],
    [HASH.toUpperCase(), "infohash", true],
    ["abcdefghijklmnopqrstuvwxyz234567", "infohash", true],
    [HASH + HASH.slice(0, 24), "infohash", true],
    ["x.torrent", "path", true],
    ["X.TORRENT", "path", true],
    ["./x", "path", true],
    ["C:\\x", "path", true],
    ["x", "path", false],
    ["get", "path", false],
    ["ftp://h/x", "path", true],
    [HASH.slice(1), "path", false],
  ];
  for (const [word, kind, isSource] of cases) {
    assertEquals([sourceKind(word), looksLikeSource(word)], [kind, isSource], word);
  }
});

Deno.test("nameOfSource() leaves out what may be a secret of a URL, and of nothing else", () => {
  const name = "http://host.example/a.torrent?…";
  assertEquals(nameOfSource("http://me:se@cret@host.example/a.torrent?passkey=secret"), name);
  assertEquals(nameOfSource("HTTPS://host/a@b"), "HTTPS://host/a@b");
  assertEquals(nameOfSource("magnet:?xt=urn:btih:x"), "magnet:?xt=urn:btih:x");
  assertEquals(nameOfSource("what?.torrent"), "what?.torrent");
});

Deno.test("checkSource() refuses magnets that make no sense, and torrents of v2 alone", () => {
  checkSource("x.torrent");
  checkSource("http://h/x");
  checkSource(`magnet:?xt=urn:btih:${HASH}`);
  checkSource(HASH);
  assertThrows(() => checkSource("ab".repeat(32)), UsageError, "v2 alone are not supported yet");
  assertThrows(() => checkSource("magnet:?dn=x"), MagnetError);
});

Deno.test("readTorrent() reads a file and a URL", async () => {
  assertEquals((await read("a.torrent")).name, "data.bin");
  assertEquals((await read("http://h/x")).name, "data.bin");
});

Deno.test("readTorrent() says what is wrong with what it got", async () => {
  const cases: [string, Web, unknown, string][] = [
    ["missing", {}, DiskError, 'Cannot read "missing": no such file or folder'],
    ["empty", {}, MetainfoError, "Cannot use empty: it is empty"],
    ["junk", {}, MetainfoError, "Cannot use junk: "],
    ["http://h/x", { status: 404 }, NetworkError, "Cannot fetch http://h/x: the server answers"],
    ["http://h/x", { body: bytes(" <!DOCTYPE html>\n<html>") }, MetainfoError, "is a web page"],
    ["http://h/x", { body: bytes("<html lang=en>") }, MetainfoError, "is a web page"],
    ["http://h/x", { error: new NetworkError("unreachable", "u") }, NetworkError, "u"],
    ["http://h/x", { error: new NetworkError("too-large", "t") }, MetainfoError, "too large"],
    ["ftp://h/x.torrent", {}, UsageError, "Cannot fetch ftp://h/x.torrent: it is no http or https"],
    ["File:///srv/x.torrent", {}, UsageError, "it is no http or https URL"],
  ];
  for (const [source, web, errorClass, message] of cases) {
    const error = await assertRejects(() => read(source, web), errorClass as typeof Error);
    assert(error.message.includes(message), `${error.message} has no "${message}"`);
  }
});

Deno.test("readTorrent() lets no public server send it to a private address", async () => {
  const inside = ["http://public.example/2", "http://10.0.0.1/secret"];
  const error = await assertRejects(
    () => read("http://public.example/1", { redirects: inside }),
    MetainfoError,
  );
  assert(error.message.includes("redirects to 10.0.0.1, a private address"), error.message);
  await read("http://public.example/1", { redirects: inside }, true);
  await read("http://public.example/1", { redirects: ["https://other.example/"] });
  await read("http://127.0.0.1:1/", { redirects: ["http://10.0.0.1/"] });
});

Deno.test("readList() takes lines but comments and blank ones", async () => {
  const files = {
    list: bytes("\ufeffa.torrent\r\n\n# no\n  http://h/x  \n"),
    none: bytes("#\n\n"),
    aria2: bytes("a.torrent\n  dir=/srv\n"),
  };
  const shell = new FakeShell({ files });
  assertEquals(await readList("list", shell, SIGNAL), ["a.torrent", "http://h/x"]);
  await assertRejects(() => readList("none", shell, SIGNAL), UsageError, "lists no source");
  await assertRejects(() => readList("missing", shell, SIGNAL), DiskError);
  await assertRejects(
    () => readList("aria2", shell, SIGNAL),
    UsageError,
    "Cannot use --input-file aria2: line 2 gives an option, dir=/srv",
  );
});
