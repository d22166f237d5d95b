/**
 * What URLs of strangers may make us contact.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { NetworkError } from "../../src/base/errors.ts";
import {
  isLocalHost,
  parseTrackerUrl,
  redirectRefusal,
  trackerRefusal,
} from "../../src/session/policy.ts";

const NAMES: Record<string, string[]> = {
  "tracker.example": ["203.0.113.5"],
  "inside.example": ["203.0.113.5", "127.0.0.1"],
  "inside6.example": ["fd00::1"],
};

function policy(options: { isUserTyped?: boolean; allowPrivate?: boolean } = {}) {
  return {
    isUserTyped: options.isUserTyped ?? false,
    allowPrivate: options.allowPrivate ?? false,
    resolve: (host: string) =>
      NAMES[host]
        ? Promise.resolve(NAMES[host])
        : Promise.reject(new NetworkError("unreachable", `Cannot resolve ${host}`)),
    signal: new AbortController().signal,
  };
}

const LOCAL = [
  "127.0.0.1",
  "10.1.2.3",
  "192.168.0.9",
  "172.16.5.5",
  "169.254.169.254",
  "100.64.0.1",
  "0.0.0.0",
  "[::1]",
  "::1",
  "[fe80::1]",
  "[fd12::9]",
  "[::ffff:10.0.0.1]",
  "localhost",
  "LOCALHOST.",
  "a.localhost",
  "nas.local",
  "router",
  "box.home.arpa",
  "metadata.google.internal",
];

Deno.test("isLocalHost() says yes when the host is local as it is written", () => {
  for (const host of LOCAL) assert(isLocalHost(host), host);
  for (const host of ["1.2.3.4", "172.32.0.1", "[2001:db8::1]", "example.org", "local.example"]) {
    assert(!isLocalHost(host), host);
  }
});

Deno.test("isLocalHost() sees through other spellings once a URL is parsed", () => {
  for (const host of ["127.1", "0x7f000001", "2130706433", "0177.0.0.1", "[::FFFF:7f00:1]"]) {
    assert(isLocalHost(new URL(`http://${host}/`).hostname), host);
  }
});

Deno.test("parseTrackerUrl() takes http, https and udp only", () => {
  for (const url of ["http://a/announce", "HTTPS://a:1/x?y", "udp://a.example:1337/announce"]) {
    assert(parseTrackerUrl(url) instanceof URL, url);
  }
  const refused = (url: string) => {
    const parsed = parseTrackerUrl(url);
    return parsed instanceof URL ? undefined : parsed.refusal;
  };
  for (const url of ["wss://a/", "file:///etc/passwd", "ftp://a/announce", "data:,x"]) {
    assert(refused(url)?.startsWith("not a"), url);
  }
  assertEquals(refused("javascript:alert(1)"), "not a URL");
  assertEquals(refused("rubbish"), "not a URL");
  assertEquals(refused("http://"), "not a URL");
  assertEquals(refused("http://a/" + "x".repeat(3000)), "the URL is too long");
});

Deno.test("trackerRefusal() refuses odd paths when the address is local", async () => {
  const ask = (url: string, options = {}) => trackerRefusal(new URL(url), policy(options));
  const refused = "an odd path on a private address";
  for (
    const url of [
      "http://127.0.0.1:8080/api/delete?x=/announce",
      "http://localhost/",
      "http://router/reboot",
      "http://[::1]/announce/..",
      "https://192.168.1.1/cgi-bin/luci;announce",
      "http://inside.example/admin",
      "http://inside6.example/admin",
    ]
  ) {
    assertEquals(await ask(url), refused, url);
    assertEquals(await ask(url, { allowPrivate: true }), undefined, url);
    assertEquals(await ask(url, { isUserTyped: true }), undefined, url);
  }
  for (
    const url of [
      "http://127.0.0.1:6969/announce",
      "http://192.168.1.1/key/announce?a=b",
      "http://localhost:1/announce#x",
      "http://tracker.example/announce.php",
      "http://unknown.example/announce.php",
      "http://203.0.113.5/",
      "udp://127.0.0.1:6969",
    ]
  ) assertEquals(await ask(url), undefined, url);
});

Deno.test("redirectRefusal() refuses the way from public to local and other schemes", async () => {
  const ask = (from: string, to: string, options = {}) =>
    redirectRefusal(new URL(from), new URL(to), policy(options));
  const [far, near] = ["http://tracker.example/announce", "http://192.168.0.1/announce"];
  const refused = "a redirect from a public to a private address";
  for (const to of [near, "http://localhost/", "http://inside.example/x", "http://[fe80::1]/"]) {
    assertEquals(await ask(far, to), refused, to);
    assertEquals(await ask("http://unknown.example/announce", to), refused, to);
    assertEquals(await ask(near, to), undefined, to);
    assertEquals(await ask(far, to, { isUserTyped: true }), undefined, to);
    assertEquals(await ask(far, to, { allowPrivate: true }), undefined, to);
  }
  assertEquals(await ask(far, "https://tracker.example/b"), undefined);
  assertEquals(await ask(near, far), undefined);
  for (const to of ["file:///etc/passwd", "ftp://tracker.example/", "data:,x"]) {
    assertEquals(await ask(far, to, { isUserTyped: true }), "a redirect to another scheme");
  }
});

Deno.test("trackerRefusal() throws the signal's reason when aborted in a look-up", async () => {
  const controller = new AbortController();
  const options = {
    ...policy(),
    signal: controller.signal,
    resolve: () => {
      controller.abort(new Error("enough"));
      return Promise.reject(new NetworkError("unreachable", "x"));
    },
  };
  await assertRejects(() => trackerRefusal(new URL("http://a.example/"), options), Error, "enough");
});
