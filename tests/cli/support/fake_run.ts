/**
 * The command line from arguments to exit code, with a session that does what a test says.
 *
 * @module
 */

import { runCli } from "../../../src/cli/run.ts";
import { FakeSession, type FakeTorrent } from "./fake_session.ts";
import { FakeShell, type FakeShellOptions } from "./fake_shell.ts";
import { torrentBytes } from "./torrents.ts";

/** The files there are unless a test has its own: three torrents, one that is none, a list. */
export const FILES: Readonly<Record<string, Uint8Array>> = {
  "a.torrent": torrentBytes({ name: "a" }),
  "b.torrent": torrentBytes({ name: "b" }),
  "set.torrent": torrentBytes({
    name: "set",
    files: { "x.csv": 1000, "y.txt": 2000, "z/y.csv": 5 },
  }),
  "bad.torrent": new TextEncoder().encode("not bencode"),
  "list": new TextEncoder().encode("a.torrent\nb.torrent\n"),
};

/** What differs from a run in which everything completes at once. */
export interface FakeRunOptions extends Omit<FakeShellOptions, "args"> {
  /** Called for every torrent that is added, in the place of its end. */
  readonly onAdd?: (torrent: FakeTorrent) => void;
  /** What opening the session fails with. */
  readonly failure?: Error;
}

/** A command that runs. */
export interface FakeRun {
  readonly shell: FakeShell;
  readonly session: FakeSession;
  readonly exitCode: Promise<number>;
}

/** Starts a command, its words parted by single spaces. */
export function start(line: string, options: FakeRunOptions = {}): FakeRun {
  const shell = new FakeShell({ files: FILES, ...options, args: line.split(" ") });
  const session = new FakeSession();
  if (options.onAdd) session.onAdd = options.onAdd;
  session.failure = options.failure;
  return { shell, session, exitCode: runCli(shell, session.parts(shell)) };
}

/** Runs a command to its end. */
export async function run(
  line: string,
  options?: FakeRunOptions,
): Promise<FakeRun & { readonly code: number }> {
  const running = start(line, options);
  return { ...running, code: await running.exitCode };
}
