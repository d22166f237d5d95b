/**
 * The program as a process: what scripts rely on. Each run costs a tenth of a second, so what can be tested
 * inside is tested inside.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { VERSION } from "../../src/base/version.ts";
import { withFolder } from "../support/folder.ts";
import { spawnStarling, starling } from "./support/process.ts";
import { torrentBytes } from "./support/torrents.ts";

Deno.test("starling --version prints one line with the version last", async () => {
  assertEquals(await starling(["--version"]), {
    code: 0,
    stdout: `starling ${VERSION}\n`,
    stderr: "",
  });
});

Deno.test("starling --help prints help to standard output", async () => {
  const { code, stdout, stderr } = await starling(["get", "--help"]);
  assertEquals([code, stderr], [0, ""]);
  assert(stdout.startsWith("starling get: "));
});

Deno.test("starling ends with 2 and short help when it is bare", async () => {
  const { code, stdout, stderr } = await starling([]);
  assertEquals([code, stdout], [2, ""]);
  assertEquals(stderr.split("\n").filter((line) => line.startsWith("error: ")).length, 1);
  assert(stderr.includes("usage: starling COMMAND"));
});

Deno.test("starling info describes a file, standard input and a URL alike", async () => {
  await withFolder(async (folder) => {
    const bytes = torrentBytes({ name: "x\x1b[2J" });
    const path = `${folder}/a.torrent`;
    await Deno.writeFile(path, bytes);
    const server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen: () => {} },
      () => new Response(bytes.slice()),
    );
    const url = `http://127.0.0.1:${server.addr.port}/a`;
    const runs = await Promise.all([
      starling(["info", path, "--json"]),
      starling(["ls", "-", "--json"], { stdin: bytes }),
      starling(["info", url, "--json"], { permissions: ["-N", "-R", "-W", "--no-prompt"] }),
    ]);
    await server.shutdown();
    const objects = runs.map(({ code, stdout }) => {
      assertEquals(code, 0);
      assertEquals(stdout.split("\n").length, 2);
      return { ...JSON.parse(stdout), at: 0 };
    });
    assertEquals(objects[1], objects[0]);
    assertEquals(objects[2], objects[0]);
    assertEquals([objects[0].type, objects[0].totalBytes], ["info", 40_000]);
    const { stdout } = await starling(["info", path]);
    // deno-lint-ignore no-control-regex
    assert(!/[\x00-\x09\x0b-\x1f]/.test(stdout), stdout);
  });
});

Deno.test("starling reads the environment where that is permitted and does without elsewhere", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/a.torrent`;
    await Deno.writeFile(path, torrentBytes());
    const env = { STARLING_JSON: "1" };
    const isJson = async (...permissions: string[]) => {
      const run = await starling(["info", path], {
        env,
        permissions: [...permissions, "--no-prompt"],
      });
      assertEquals(run.code, 0, run.stderr);
      return run.stdout.startsWith("{");
    };
    assert(await isJson("-R", "--allow-env=STARLING_JSON"));
    assert(await isJson("-R", "--allow-env"));
    assert(!await isJson("-R"));
  });
});

Deno.test("starling reads a FIFO", { ignore: Deno.build.os === "windows" }, async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/pipe`;
    await new Deno.Command("mkfifo", { args: [path] }).output();
    const running = starling(["info", path]);
    await Deno.writeFile(path, torrentBytes());
    assertEquals((await running).code, 0);
  });
});

Deno.test("starling ends quietly when nobody reads its output", async () => {
  const files = Object.fromEntries(
    Array.from({ length: 20_000 }, (_, i) => [`folder/file ${i}`, 1]),
  );
  await withFolder(async (folder) => {
    await Deno.writeFile(`${folder}/a.torrent`, torrentBytes({ name: "many", files }));
    const child = spawnStarling(["info", `${folder}/a.torrent`]);
    await child.stdout.cancel();
    const stderr = await new Response(child.stderr).text();
    assertEquals([(await child.status).code, stderr], [0, ""]);
  });
});

Deno.test("starling get stops at a signal with its code and no error", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await withFolder(async (folder) => {
    await Deno.writeFile(`${folder}/a.torrent`, torrentBytes());
    for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
      const args = ["get", `${folder}/a.torrent`, "-o", `${folder}/out`, "-p", "0", "--json"];
      const child = spawnStarling(args);
      const out: string[] = [];
      for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
        // The check is over: the download waits for peers there are none of.
        if (text.includes('"check"')) child.kill(signal);
        out.push(text);
      }
      const stderr = await new Response(child.stderr).text();
      assertEquals((await child.status).code, code);
      assert(!stderr.includes("error:"), stderr);
      assertEquals(JSON.parse(out.join("").trim().split("\n").at(-1)!).exitCode, code);
    }
  });
});

Deno.test("starling get ends quietly when nobody reads its events any more", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await withFolder(async (folder) => {
    await Deno.writeFile(`${folder}/a.torrent`, torrentBytes());
    const args = ["get", `${folder}/a.torrent`, "-o", `${folder}/out`, "-p", "0", "--json"];
    const child = spawnStarling(args);
    await child.stdout.cancel();
    const stderr = await new Response(child.stderr).text();
    assertEquals((await child.status).code, 0);
    assert(!/error:|stopped:/.test(stderr), stderr);
  });
});

Deno.test("starling get ends with 4 when its events are written to a full disk", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  await withFolder(async (folder) => {
    await Deno.writeFile(`${folder}/a.torrent`, torrentBytes());
    const args = ["get", `${folder}/a.torrent`, "-o", `${folder}/out`, "-p", "0", "--json"];
    const { code, stderr } = await starling(args, { stdoutTo: "/dev/full" });
    assertEquals(code, 4);
    const errors = stderr.split("\n").filter((line) => line.startsWith("error: "));
    assertEquals(errors, ['error: Cannot write "standard output": the disk is full']);
    assert(!stderr.includes("stopped:"), stderr);
  });
});

Deno.test("starling says in full what its full standard output could not take", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  for (const args of [["--help"], ["man"], ["completions", "bash"], ["help", "get"]]) {
    const { code, stderr } = await starling(args, { stdoutTo: "/dev/full" });
    assertEquals([code, stderr], [
      4,
      'error: Cannot write "standard output": the disk is full\n' +
      "hint: make room and run the same command again\n",
    ], args.join(" "));
  }
});

Deno.test("starling get interrupts the wait for a source", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/pipe`;
    await new Deno.Command("mkfifo", { args: [path] }).output();
    const child = spawnStarling(["get", path, "-o", folder]);
    const reader = child.stderr.getReader();
    const { value } = await reader.read();
    assert(new TextDecoder().decode(value).startsWith("reading "));
    child.kill("SIGINT");
    assertEquals((await child.status).code, 130);
    await reader.cancel();
    await child.stdout.cancel();
  });
});
