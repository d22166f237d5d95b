/**
 * The house keeps its rules: ranks, no cycles, the outside world behind the platform alone, and what
 * every file owes its reader. Each rule is first shown to see what it forbids.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import {
  asyncProtocol,
  cycles,
  type Files,
  fileShapes,
  foreignImports,
  outsideWorld,
  platformImports,
  RANKS,
  upwardImports,
} from "./support/architecture.ts";
import { importsOf, readSource } from "./support/source.ts";

const ROOT = new URL("../", import.meta.url);
const project = await readProject();

async function readProject(): Promise<Files> {
  const files = new Map<string, string>();
  const walk = async (folder: string) => {
    for await (const entry of Deno.readDir(new URL(folder, ROOT))) {
      const path = folder + entry.name;
      if (entry.isDirectory) await walk(`${path}/`);
      else if (/\.ts$/.test(path) && !path.endsWith(".d.ts")) {
        files.set(path, await Deno.readTextFile(new URL(path, ROOT)));
      }
    }
  };
  await walk("src/");
  const main = await Deno.readTextFile(new URL("main.ts", ROOT)).catch(() => undefined);
  if (main !== undefined) files.set("main.ts", main);
  return new Map([...files].sort(([a], [b]) => a < b ? -1 : 1));
}

function made(files: Record<string, string>): Files {
  return new Map(Object.entries(files));
}

Deno.test("the project is there to be judged", () => {
  assert(project.size > 20);
  assert(project.has("src/base/units.ts"));
});

Deno.test("src/ imports only its own room or lower ranks", () => {
  assertEquals(upwardImports(project), []);
});

Deno.test("src/ leaves the platform to the composition roots", () => {
  assertEquals(platformImports(project), []);
});

Deno.test("src/ has no import cycle between files or rooms", () => {
  assertEquals(cycles(project), []);
});

Deno.test("src/ imports nothing foreign outside the platform", () => {
  assertEquals(foreignImports(project), []);
});

Deno.test("src/ reaches the outside world through the platform only", () => {
  assertEquals(outsideWorld(project), []);
});

Deno.test("src/ keeps its protocol rooms synchronous", () => {
  assertEquals(asyncProtocol(project), []);
});

Deno.test("src/ has files with a module comment, of at most 400 lines, named exports, no barrels", () => {
  assertEquals(fileShapes(project), []);
});

Deno.test("src/ has no folder without a rank", () => {
  for (const path of project.keys()) {
    const room = /^src\/([^/]+)\//.exec(path)?.[1];
    if (room !== undefined) assert(RANKS.has(room), `${path}: no rank for "${room}"`);
  }
});

Deno.test("readSource() blanks comments and strings when they hold what looks like code", () => {
  const text = [
    'const a = "// Deno.x"; // Deno.y',
    "/* Deno.z */ const b = `Deno.t ${Deno.u} ${`in ${deep}`} Deno.v`;",
    String.raw`const c = /["'/\/]Deno/.test(a) ? 4 / 2 / 1 : 'it\'s Deno';`,
    "const d = a.length / 2; const e = x / y;",
  ].join("\n");
  const { code, bare } = readSource(text);
  assertEquals(code.length, text.length);
  assertEquals(bare.match(/Deno\.\w/g), ["Deno.u"]);
  assertEquals(code.match(/Deno\.\w/g), ["Deno.x", "Deno.t", "Deno.u", "Deno.v"]);
  assert(bare.includes("deep") && bare.includes("a.length / 2; const e = x / y"));
  assert(!bare.includes("it"));
});

Deno.test("importsOf() finds every form of import", () => {
  const text = `import { a,\n b } from "./1.ts";\nimport type { T } from './2.ts';\nimport "./3.ts";
    export * from "./4.ts"; export { x as y } from "./5.ts"; const m = await import("./6.ts");
    let t: import("./7.ts").T; // import { z } from "./8.ts"
    const from = "from"; import * as q from "./9.ts";`;
  const found = importsOf(readSource(text).code).sort();
  assertEquals(found, [1, 2, 3, 4, 5, 6, 7, 9].map((n) => `./${n}.ts`));
});

Deno.test("upwardImports() complains about a higher, an equal and an unknown room", () => {
  const files = made({
    "src/base/a.ts": 'import "../ports/b.ts";',
    "src/ports/b.ts": 'import "../base/c.ts";',
    "src/base/c.ts": "",
    "src/wire/d.ts": 'import type { T } from "../tracker/e.ts";',
    "src/tracker/e.ts": 'export * from "./f.ts";',
    "src/tracker/f.ts": 'import "../attic/g.ts";',
    "src/attic/g.ts": "",
    "src/cli/h.ts": 'import "../mod.ts";',
    "src/mod.ts": 'import "./cli/h.ts";',
    "main.ts": 'import "./src/mod.ts";',
  });
  assertEquals(upwardImports(files), [
    "src/base/a.ts imports src/ports/b.ts, not below it",
    "src/wire/d.ts imports src/tracker/e.ts, not below it",
    "src/tracker/f.ts imports src/attic/g.ts, not below it",
    "src/cli/h.ts imports the root src/mod.ts",
    "src/cli/h.ts imports src/mod.ts, not below it",
  ]);
});

Deno.test("platformImports() complains when a room but not a root knows the platform", () => {
  const files = made({
    "src/platform/mod.ts": 'export { tcp } from "./tcp.ts";',
    "src/platform/tcp.ts": "",
    "src/session/a.ts": 'import "../platform/tcp.ts";',
    "src/mod.ts": 'import "./platform/mod.ts";',
    "main.ts": 'import "./src/platform/mod.ts";',
  });
  assertEquals(platformImports(files), ["src/session/a.ts imports src/platform/tcp.ts"]);
});

Deno.test("cycles() finds a cycle of files and one of rooms", () => {
  assertEquals(
    cycles(made({
      "src/base/a.ts": 'import "./b.ts";',
      "src/base/b.ts": 'import "./c.ts";',
      "src/base/c.ts": 'import "./b.ts";',
    })),
    ["src/base/b.ts -> src/base/c.ts -> src/base/b.ts"],
  );
  assertEquals(
    cycles(made({
      "src/wire/a.ts": 'import "../dht/b.ts";',
      "src/dht/b.ts": "",
      "src/dht/c.ts": 'import "../wire/d.ts";',
      "src/wire/d.ts": "",
    })),
    ["wire -> dht -> wire"],
  );
});

Deno.test("foreignImports() complains about what is not ours", () => {
  const files = made({
    "src/base/a.ts": 'import "./b.ts"; import x from "npm:x"; import { y } from "@std/assert";',
    "src/swarm/b.ts": 'import { createHash } from "node:crypto";',
    "src/platform/c.ts": 'import { createHash } from "node:crypto";',
  });
  assertEquals(foreignImports(files), [
    "src/base/a.ts imports npm:x",
    "src/swarm/b.ts imports node:crypto",
  ]);
});

Deno.test("outsideWorld() complains about each way out", () => {
  const uses = [
    "Deno.cwd()",
    'Deno["cwd"]',
    "setTimeout(f, 1)",
    "clearInterval(t)",
    "Date.now()",
    "new Date()",
    "new Date;",
    "Math.random()",
    "performance.now()",
    "crypto.subtle",
    'fetch("x")',
    "globalThis.fetch",
    "AbortSignal.timeout(5)",
    "new Worker(u)",
    "process.env",
  ];
  for (const use of uses) {
    const found = outsideWorld(made({ "src/session/a.ts": `\nconst x = ${use}` }));
    assert(found.length > 0 && found[0]!.startsWith("src/session/a.ts:2 uses "), use);
    assertEquals(outsideWorld(made({ "src/platform/a.ts": use, "main.ts": use })), []);
  }
});

Deno.test("outsideWorld() is silent when the words are harmless", () => {
  const harmless = [
    "// Deno.cwd(), Date.now() and fetch(x)",
    'log("Deno.listen failed")',
    "new Date(epochMs).toISOString()",
    "this.#fetch(url); world.http.fetch(url)",
    "class A { fetch(url: string): void {} }",
    "clock.setTimeout(1); this.crypto.x",
    "interface A { performance: number }",
    "const self = this; f(...self)",
  ];
  for (const text of harmless) assertEquals(outsideWorld(made({ "src/session/a.ts": text })), []);
});

Deno.test("asyncProtocol() complains about async, await and promises in a protocol room", () => {
  const text = "// await\nexport async function f(): Promise<void> { await g; }";
  assertEquals(asyncProtocol(made({ "src/session/a.ts": text })), []);
  assertEquals(asyncProtocol(made({ "src/wire/a.ts": text })).length, 3);
});

Deno.test("fileShapes() complains about each fault of form", () => {
  const comment = "/**\n * What it is.\n *\n * @module\n */\n";
  const complaints = (path: string, text: string) => fileShapes(made({ [path]: text }));
  assertEquals(complaints("src/base/a.ts", `${comment}export const a = 1;\n`), []);
  assertEquals(complaints("src/base/a.ts", "export const a = 1;\n").length, 1);
  assertEquals(complaints("src/base/a.ts", "/** @module in passing */\nconst a = 1;\n").length, 1);
  assertEquals(complaints("src/base/a.ts", `const b = 1;\n${comment}const a = 1;\n`).length, 1);
  assertEquals(complaints("src/base/a.ts", `${comment}export default 1;\n`).length, 1);
  assertEquals(complaints("src/base/a.ts", `${comment}export { a as default };\n`).length, 1);
  assertEquals(complaints("src/base/a.ts", comment + "f();\n".repeat(395)), []);
  assertEquals(complaints("src/base/a.ts", comment + "f();\n".repeat(396)).length, 1);
  const barrel = `${comment}export * from "./a.ts";\nexport type { T } from "./b.ts";\n`;
  assertEquals(complaints("src/base/mod.ts", barrel), ["src/base/mod.ts is a barrel"]);
  assertEquals(complaints("src/mod.ts", barrel), []);
  assertEquals(complaints("src/platform/mod.ts", barrel), []);
  assertEquals(complaints("src/base/mod.ts", `${barrel}export const a = 1;\n`), []);
});
