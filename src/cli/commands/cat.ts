/**
 * `starling cat SOURCE [FILE]`: the bytes of one file, verified and in order, on standard output.
 *
 * @module
 */

import type { Context, Ending } from "../context.ts";
import { asGuest, planOf, pouring } from "../plan.ts";
import { runDownloads } from "./get.ts";

/** Streams. Nothing is written to the disk, nor looked for there. */
export function runCat(context: Context): Promise<Ending> {
  const { shell, invocation } = context;
  const [source, file] = invocation.operands;
  const plan = pouring(asGuest(planOf(invocation.options, shell)), invocation, file);
  return runDownloads(context, [source!], plan);
}
