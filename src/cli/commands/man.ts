/**
 * `starling man`: the manual page, for `man -l -` or a file `starling.1`.
 *
 * @module
 */

import type { Context, Ending } from "../context.ts";
import { manPage } from "../man_page.ts";

/** Prints the page. */
export function runMan({ shell }: Context): Ending {
  shell.stdout.write(manPage());
  return { exitCode: 0 };
}
