/**
 * `starling tracker`: what it starts, what it says, and how it ends.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { NetworkError } from "../../src/base/errors.ts";
import { hex } from "../../src/base/bytes.ts";
import type { Parts } from "../../src/cli/context.ts";
import { runCli } from "../../src/cli/run.ts";
import type { TrackerOptions } from "../../src/service/tracker_server.ts";
import { FakeSession } from "./support/fake_session.ts";
import { FakeShell, turn } from "./support/fake_shell.ts";

interface Options {
  readonly args: string;
  readonly files?: Readonly<Record<string, Uint8Array>>;
  readonly taken?: readonly number[];
}

/** Runs the command with a tracker that only notes what it is asked to be. */
function start({ args, files = {}, taken = [] }: Options) {
  const shell = new FakeShell({ args: ["tracker", ...args.split(" ").filter(Boolean)], files });
  const started: TrackerOptions[] = [];
  const end = Promise.withResolvers<void>();
  let isOpen = false;
  const startTracker: Parts["startTracker"] = (_world, options) => {
    const { port } = options;
    started.push(options);
    if (taken.includes(port)) {
      const message = `Cannot listen on port ${port}: the port is taken`;
      return Promise.reject(new NetworkError("in-use", message));
    }
    isOpen = true;
    return Promise.resolve({
      port: port || 50_000,
      ended: end.promise,
      [Symbol.asyncDispose]: () => {
        isOpen = false;
        return Promise.resolve();
      },
    });
  };
  const running = runCli(shell, { ...new FakeSession().parts(shell), startTracker });
  /** Waits until it runs, then ends it. */
  const stop = async () => {
    for (let i = 0; i < 100 && !isOpen; i++) await turn();
    await turn();
    shell.kill("SIGINT");
    const code = await running;
    return { code, isOpen };
  };
  return { shell, started, running, stop, end };
}

/** Runs what ends by itself. */
async function fail(options: Options) {
  const { shell, running } = start(options);
  return { code: await running, stderr: shell.stderr.text, stdout: shell.stdout.text };
}

Deno.test("tracker prints its announce URLs and runs until it is interrupted", async () => {
  const { shell, started, stop } = start({ args: "" });
  assertEquals(await stop(), { code: 130, isOpen: false });
  assertEquals(started, [{ port: 6969 }]);
  assertEquals(shell.stdout.lines, ["http://192.0.2.7:6969/announce", "udp://192.0.2.7:6969"]);
  assertEquals(shell.stderr.lines, [
    "tracking any torrent on port 6969; numbers at http://127.0.0.1:6969/stats",
  ]);
});

Deno.test("tracker says as JSON where it listens", async () => {
  const { shell, stop } = start({ args: "--json -p 0" });
  await stop();
  const [listening, last] = shell.stdout.lines.map((line) => JSON.parse(line));
  assertEquals([listening.type, listening.port], ["listening", 50_000]);
  assertEquals([last.type, last.exitCode], ["error", 130]);
});

Deno.test("tracker takes the first port that is free", async () => {
  const { started, stop } = start({ args: "-p 7000-7005", taken: [7000, 7001] });
  await stop();
  assertEquals(started.map(({ port }) => port), [7000, 7001, 7002]);
});

Deno.test("tracker takes a port that HTTP clients ask before one that they refuse", async () => {
  const { started, stop } = start({ args: "-p 6000-6002", taken: [6001] });
  await stop();
  assertEquals(started.map(({ port }) => port), [6001, 6002]);
});

Deno.test("tracker fails when its port is taken", async () => {
  const { code, stderr } = await fail({ args: "", taken: [6969] });
  assertEquals(code, 1);
  assert(stderr.startsWith("error: Cannot listen on port 6969: the port is taken\nhint: "));
});

Deno.test("tracker fails when it is ended by something else", async () => {
  const { running, end, shell } = start({ args: "" });
  end.reject(new NetworkError("other", "Cannot receive: the UDP socket was closed"));
  assertEquals(await running, 7);
  assert(shell.stderr.text.includes("error: Cannot receive: the UDP socket was closed"));
});

Deno.test("tracker reads the interval and the whitelist", async () => {
  const v1 = "0123456789abcdef0123456789ABCDEF01234567";
  const v2 = "ab".repeat(32);
  const text = `# mine\n\n${v1} # a comment\r\n\t${v2}\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA`;
  const files = { "list.txt": new TextEncoder().encode(text) };
  const { shell, started, stop } = start({ args: "--interval 5m --whitelist list.txt", files });
  await stop();
  assertEquals(started[0]?.intervalMs, 300_000);
  assertEquals([...started[0]?.whitelist ?? []].map(hex), [
    v1.toLowerCase(),
    "ab".repeat(20),
    "00".repeat(20),
  ]);
  assert(shell.stderr.text.startsWith("tracking 3 torrents on port 6969;"));
});

Deno.test("tracker refuses what it cannot use before it opens anything", async () => {
  const files = { "list.txt": new TextEncoder().encode("\n\x1b[2Jnonsense\n") };
  const table: [string, number, string][] = [
    ["--whitelist list.txt", 2, "Cannot use --whitelist list.txt: line 2 is not an infohash"],
    ["--whitelist none.txt", 4, 'Cannot read "none.txt": no such file or folder'],
    ["--interval 0", 2, "Cannot use --interval: it is not between 1s and 24h"],
    ["--interval 25h", 2, "Cannot use --interval: it is not between 1s and 24h"],
    ["--max-peers 3", 2, "Cannot use --max-peers with tracker: it does not apply"],
  ];
  for (const [args, code, message] of table) {
    const ended = await fail({ args, files });
    assertEquals([ended.code, ended.stdout], [code, ""], args);
    assertEquals(ended.stderr.split("\n")[0], `error: ${message}`);
  }
});
