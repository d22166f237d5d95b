/**
 * "Did you mean": the known words nearest to a mistyped one.
 *
 * @module
 */

/**
 * The words near `typed`, best first, at most `limit`. Near is a few edits (a letter missing, added, changed
 * or swapped with its neighbour; one for every three letters), or a beginning of three letters at least.
 */
export function suggest(typed: string, words: Iterable<string>, limit: number = 3): string[] {
  const text = typed.toLowerCase();
  const allowed = Math.max(1, Math.floor(text.length / 3));
  const found: { word: string; cost: number }[] = [];
  for (const word of new Set(words)) {
    const other = word.toLowerCase();
    const isBeginning = text.length >= 3 && other.startsWith(text);
    const cost = isBeginning ? 0.5 : distance(text, other, allowed);
    if (cost <= allowed) found.push({ word, cost });
  }
  // The sort is stable, so words of one cost stay in the order of the table.
  return found.sort((a, b) => a.cost - b.cost).slice(0, limit).map((f) => f.word);
}

/**
 * Edits between two words, a swap of neighbours counting as one (optimal string alignment); anything above
 * `limit` may come back as `limit + 1`.
 */
export function distance(a: string, b: string, limit: number = Infinity): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let before: number[] = [];
  let above: number[] = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      let cost = Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + (isSame ? 0 : 1));
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwap) cost = Math.min(cost, before[j - 2]! + 1);
      row.push(cost);
    }
    [before, above] = [above, row];
  }
  return above[b.length]!;
}
