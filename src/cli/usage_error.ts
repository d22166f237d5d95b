/**
 * A mistake in how the program was called.
 *
 * @module
 */

import { OptionsError } from "../base/errors.ts";
import type { VerbName } from "./verbs.ts";

/** A mistake in how the program was called: exit 2. */
export class UsageError extends OptionsError {
  override name = "UsageError";
  /** Whose short help follows the error, where what is missing is not just a detail. */
  readonly shortHelp: VerbName | "program" | undefined;
  constructor(
    message: string,
    options: { hint?: string | undefined; shortHelp?: VerbName | "program" } = {},
  ) {
    super(message, options.hint === undefined ? {} : { hint: options.hint });
    this.shortHelp = options.shortHelp;
  }
}
