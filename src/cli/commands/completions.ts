/**
 * `starling completions bash|zsh|fish`: a completion script. The scripts ask `completions files TORRENT` for
 * the paths inside a torrent.
 *
 * @module
 */

import { bashCompletion } from "../completion_bash.ts";
import { fishCompletion } from "../completion_fish.ts";
import { type CompletedVerb, completedVerbs } from "../completion_model.ts";
import { zshCompletion } from "../completion_zsh.ts";
import type { Context, Ending } from "../context.ts";
import { forTerminal } from "../escape.ts";
import { openTorrent } from "../torrent_source.ts";
import { UsageError } from "../usage_error.ts";

const SHELLS: Readonly<Record<string, (verbs: readonly CompletedVerb[]) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

/** Prints a script. @throws {UsageError} for a shell that is not known. */
export async function runCompletions(context: Context): Promise<Ending> {
  const { shell, invocation } = context;
  const [word, torrent] = invocation.operands;
  if (word === "files" && torrent !== undefined) return await listInside(context, torrent);
  const script = Object.hasOwn(SHELLS, word!) && torrent === undefined ? SHELLS[word!] : undefined;
  if (script === undefined) {
    throw new UsageError(`Cannot make completions for "${word}": there are none for that shell`, {
      hint: "there are for bash, zsh and fish",
    });
  }
  shell.stdout.write(script(completedVerbs()));
  return { exitCode: 0 };
}

/** The paths that `--include` sees, a line each; those that would garble a terminal are left out. */
async function listInside(context: Context, torrent: string): Promise<Ending> {
  const { metainfo } = await openTorrent(context, torrent);
  for (const { displayPath, isPad } of metainfo.files) {
    if (isPad || forTerminal(displayPath) !== displayPath) continue;
    context.shell.stdout.write(`${displayPath}\n`);
  }
  return { exitCode: 0 };
}
