/**
 * `starling version`, `starling --version`.
 *
 * @module
 */

import { VERSION } from "../../base/version.ts";
import type { Context, Ending } from "../context.ts";

/** Prints the version: one line, the number last. */
export function runVersion({ shell }: Context): Ending {
  shell.stdout.write(`starling ${VERSION}\n`);
  return { exitCode: 0 };
}
