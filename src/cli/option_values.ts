/**
 * The values of options, asked by name and kind.
 *
 * @module
 */

import { optionNamed } from "./options.ts";
import type { OptionValue } from "./values.ts";

/** The values of options, by their names in the table. An option that was not given has none. */
export class OptionValues {
  readonly #values: ReadonlyMap<string, readonly (readonly OptionValue[])[]>;

  /** @param values of each option the values, in the groups in which they were given. */
  constructor(values: ReadonlyMap<string, readonly (readonly OptionValue[])[]>) {
    this.#values = values;
  }

  /** Whether it was given at all. */
  has(name: string): boolean {
    return this.#all(name).length > 0;
  }

  /** A flag; false where not given. */
  flag(name: string): boolean {
    return this.#all(name).at(-1) === true;
  }

  /** A number: milliseconds, bytes, a count. */
  number(name: string): number | undefined {
    return this.#all(name).at(-1) as number | undefined;
  }

  /** A text. */
  text(name: string): string | undefined {
    return this.#all(name).at(-1) as string | undefined;
  }

  /** Every value of a repeatable text. */
  texts(name: string): readonly string[] {
    return this.#all(name) as readonly string[];
  }

  /** The same in the groups in which they were given: URLs with only commas between them are one. */
  groups(name: string): readonly (readonly string[])[] {
    return this.#groups(name) as readonly (readonly string[])[];
  }

  /** The numbers of a list: ports, or pairs of file numbers. */
  numbers(name: string): readonly number[] {
    return (this.#all(name) as readonly (readonly number[])[]).flat();
  }

  #all(name: string): readonly OptionValue[] {
    return this.#groups(name).flat();
  }

  #groups(name: string): readonly (readonly OptionValue[])[] {
    return this.#values.get(optionNamed(name).name) ?? [];
  }
}
