/**
 * The completion scripts of zsh and fish in these shells, and the manual page as man shows it.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { interopTest, type Lab } from "./support/lab.ts";
import { output } from "./support/process.ts";
import { STARLING } from "./support/starling.ts";
import { Terminal } from "./support/terminal.ts";

/** A folder on the path with a `starling`, and a torrent with two files beside it. */
async function prepare(lab: Lab): Promise<void> {
  const dataset = await lab.dataset({
    name: "set",
    files: [{ path: "alpha one.csv", bytes: 5 }, { path: "sub/beta.csv", bytes: 7 }],
  });
  const words = STARLING.map((word) => `'${word}'`).join(" ");
  await Deno.mkdir(lab.path("bin"));
  await Deno.writeTextFile(lab.path("bin/starling"), `#!/bin/sh\nexec ${words} "$@"\n`, {
    mode: 0o755,
  });
  await Deno.writeTextFile(lab.path("notes.txt"), "");
  const torrent = lab.path("set.torrent");
  await output([...STARLING, "create", `${dataset.root}/set`, "-o", torrent, "-q"]);
}

interopTest("zsh completes commands, options, values and files inside a torrent", [
  "zsh",
  "tmux",
], async (lab) => {
  await prepare(lab);
  await Deno.writeTextFile(
    lab.path("_starling"),
    await output([...STARLING, "completions", "zsh"]),
  );
  const terminal = lab.use(await Terminal.open(lab.folder, { columns: 110, rows: 40 }));
  await terminal.type(`PATH="$PWD/bin:$PATH" exec zsh -f`);
  await terminal.type(
    "PS1='%% '; fpath=($PWD $fpath); autoload -U compinit; compinit -u -D; clear",
  );
  const tab = async (line: string, pattern: RegExp) => {
    await terminal.press("C-u");
    await terminal.send(line);
    await terminal.press("Tab");
    const screen = await terminal.shows(pattern);
    await terminal.press("C-c");
    return screen;
  };
  await tab("starling crea", /% starling create$/);
  await tab("starling create --piece-l", /% starling create --piece-length=?$/);
  await tab("starling get --allocate ful", /% starling get --allocate full$/);
  await tab("starling get se", /% starling get set\.torrent$/);
  await tab("starling get set.torrent --include su", /--include sub\/beta\.csv$/);
  await tab("starling get set.torrent --include al", /--include alpha\\ one\.csv$/);
  await tab("starling cat set.torrent su", /cat set\.torrent sub\/beta\.csv$/);
  await tab("starling cat se", /cat set\.torrent$/);
  const listed = await tab("starling ", /^verify +-- compare files/);
  assert(listed.some((line) => /^get +-- download torrents/.test(line)), listed.join("\n"));
});

interopTest(
  "fish completes commands, options, values and files inside a torrent",
  ["fish"],
  async (lab) => {
    await prepare(lab);
    await Deno.writeTextFile(
      lab.path("starling.fish"),
      await output([...STARLING, "completions", "fish"]),
    );
    const complete = async (line: string) => {
      const script = `source starling.fish; complete -C '${line}'`;
      const env = {
        ...Deno.env.toObject(),
        HOME: lab.folder,
        PATH: `${lab.path("bin")}:${Deno.env.get("PATH")}`,
        DENO_DIR: Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`,
      };
      const text = await output(["fish", "-N", "-c", script], { cwd: lab.folder, env });
      return text.split("\n").map((one) => one.split("\t")[0]!).filter((one) => one !== "").sort();
    };
    assertEquals(await complete("starling crea"), ["create"]);
    assertEquals(await complete("starling create --piece-l"), ["--piece-length"]);
    assertEquals(await complete("starling get --allocate "), ["full", "none", "sparse"]);
    assertEquals(await complete("starling get --allocate=f"), ["--allocate=full"]);
    assertEquals(await complete("starling get se"), ["set.torrent"]);
    assertEquals(await complete("starling get no"), []);
    assertEquals(await complete("starling create no"), ["notes.txt"]);
    assertEquals(await complete("starling get set.torrent --include "), [
      "alpha one.csv",
      "sub/beta.csv",
    ]);
    assertEquals(await complete("starling cat set.torrent su"), ["sub/beta.csv"]);
    assertEquals(await complete("starling cat se"), ["set.torrent"]);
    assertEquals(await complete("starling completions "), ["bash", "fish", "zsh"]);
  },
);

interopTest("the manual page is clean and reads well", ["man", "groff", "mandoc"], async (lab) => {
  await Deno.writeTextFile(lab.path("starling.1"), await output([...STARLING, "man"]));
  const page = lab.path("starling.1");
  assertEquals(await output(["mandoc", "-T", "lint", page]), "");
  const env = {
    ...Deno.env.toObject(),
    MANWIDTH: "80",
    LC_ALL: "C.UTF-8",
    MAN_KEEP_FORMATTING: "",
  };
  const text = await output(["man", "--warnings", "-l", page], { env });
  for (const title of ["NAME", "COMMANDS", "OPTIONS", "EXIT STATUS", "ENVIRONMENT", "EXAMPLES"]) {
    assert(text.split("\n").includes(title), title);
  }
  assert(text.includes("-o, --output DIR"), text);
});
