/**
 * Finds, among many paths, those that end like another one.
 *
 * The paths are sorted by their components from the last to the first. Paths that end alike are neighbours
 * then, and the more so the nearer they are: a look-up is a binary search and a few steps to both sides, as
 * many files of one length as there may be.
 *
 * @module
 */

/** Components of a path, at least one. */
type Path = readonly string[];

/** Paths, to be looked up by their ends. */
export class PathIndex {
  readonly #paths: readonly Path[];
  // Indices of paths, sorted.
  readonly #order: readonly number[];

  /** Takes the paths, and which of them count. */
  constructor(paths: readonly Path[], which: readonly number[]) {
    this.#paths = paths;
    this.#order = which.toSorted((a, b) => compare(paths[a]!, paths[b]!) || a - b);
  }

  /** Indices of at most `most` paths, those with the most components in common at the end first. */
  likeliest(path: Path, most: number): number[] {
    const found: number[] = [];
    let high = this.#placeOf(path);
    let low = high - 1;
    while (found.length < most) {
      const [below, above] = [this.#likeness(path, low), this.#likeness(path, high)];
      if (below < 0 && above < 0) break;
      found.push(this.#order[above >= below ? high++ : low--]!);
    }
    return found;
  }

  /** Where a path would be in the order, before its equals. */
  #placeOf(path: Path): number {
    let [low, high] = [0, this.#order.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(this.#paths[this.#order[middle]!]!, path) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** How many components a path has in common at its end with that at a place; -1 where none is. */
  #likeness(path: Path, place: number): number {
    const other = this.#paths[this.#order[place] ?? -1];
    return other === undefined ? -1 : common(path, other);
  }
}

function common(a: Path, b: Path): number {
  let n = 0;
  while (n < a.length && n < b.length && a[a.length - 1 - n] === b[b.length - 1 - n]) n++;
  return n;
}

function compare(a: Path, b: Path): number {
  const n = common(a, b);
  const [x, y] = [a[a.length - 1 - n], b[b.length - 1 - n]];
  if (x === undefined || y === undefined) return a.length - b.length;
  return x < y ? -1 : 1;
}
