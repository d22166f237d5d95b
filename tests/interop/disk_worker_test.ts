/**
 * The disk Workers come up and do the same in every form of the program: from source, in a one-file
 * bundle, from a URL with few permissions, and in a compiled executable.
 *
 * @module
 */

import { assertEquals, assertMatch } from "@std/assert";
import { interopTest, type Lab } from "./support/lab.ts";
import { output } from "./support/process.ts";
import { ROOT } from "./support/starling.ts";

const PROBE = `${ROOT}tests/interop/support/worker_probe.ts`;
const COMPILE = (Deno.env.get("STARLING_COMPILE") ?? "").trim().split(/\s+/);

async function probe(lab: Lab, command: readonly string[]): Promise<void> {
  const folder = lab.path("probe");
  await Deno.mkdir(folder);
  const text = await output([...command, folder], { env: { DENO_DIR: lab.path("deno") } });
  const [worker, ...lines] = text.trim().split("\n");
  assertEquals(worker, "worker 7");
  const results = new Set(lines.map((line) => line.split(" ")[2]));
  assertEquals([lines.length, results.size], [6, 1], text);
  assertMatch([...results][0]!, /^\d+(-\d+){19}$/);
}

async function bundle(lab: Lab): Promise<string> {
  const file = lab.path("probe.js");
  const how = ["bundle", "--platform", "deno", "--output", file, PROBE];
  await output([Deno.execPath(), ...how], { cwd: ROOT });
  return file;
}

interopTest("disk Workers serve from source", [], async (lab) => {
  await probe(lab, [Deno.execPath(), "run", "-R", "-W", "--no-prompt", PROBE]);
});

interopTest("disk Workers serve from a bundle", [], async (lab) => {
  await probe(lab, [Deno.execPath(), "run", "-R", "-W", "--no-prompt", await bundle(lab)]);
});

interopTest("disk Workers serve from a URL with few permissions", [], async (lab) => {
  const code = await Deno.readTextFile(await bundle(lab));
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response(code, { headers: { "content-type": "text/javascript" } }),
  );
  lab.defer(() => server.shutdown());
  const url = `http://127.0.0.1:${server.addr.port}/probe.js`;
  await probe(lab, [Deno.execPath(), "run", "-N", "-R", "-W", "--no-prompt", url]);
});

interopTest("disk Workers serve in a compiled executable", [], async (lab) => {
  if (COMPILE[0] === "") {
    console.log("passed over: STARLING_COMPILE does not name a command to compile with");
    return;
  }
  const executable = lab.path("probe");
  await output([...COMPILE, "-A", "-o", `${executable}.exe`, PROBE], { cwd: ROOT });
  await probe(lab, [`${executable}.exe`]);
});
