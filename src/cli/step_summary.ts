/**
 * The step summary of GitHub Actions: how a run ended, in a line of Markdown.
 *
 * @module
 */

import type { Shell } from "../ports/shell.ts";
import type { Ending } from "./context.ts";
import { forTerminal } from "./escape.ts";
import { formatBytes, formatSeconds } from "./units.ts";

/** Appends the line to the file that GitHub Actions names; elsewhere, and where it cannot, nothing. */
export async function writeStepSummary(shell: Shell, ending: Ending): Promise<void> {
  const path = shell.env("GITHUB_STEP_SUMMARY");
  if (shell.env("GITHUB_ACTIONS") !== "true" || path === undefined || path === "") return;
  try {
    await using file = await shell.openLines(path);
    file.write(summaryLine(ending));
  } catch {
    // The summary is a courtesy; the exit code and the error line say it all.
  }
}

/** `* starling: done, 954 MiB in 10s (data.torrent)` */
export function summaryLine({ exitCode, failure, complaint, facts }: Ending): string {
  const source = facts?.source === undefined ? "" : ` (${quote(facts.source)})`;
  const message = failure?.message ?? complaint;
  if (message !== undefined) return `* starling: exit ${exitCode}, ${quote(message)}${source}`;
  const { bytesTotal = 0, seconds = 0 } = facts ?? {};
  return `* starling: done, ${formatBytes(bytesTotal)} in ${formatSeconds(seconds)}${source}`;
}

/** Text of strangers as code, which Markdown does not read. */
function quote(text: string): string {
  return `\`${forTerminal(text).replaceAll("`", "'")}\``;
}
