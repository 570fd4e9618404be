/** Finds the word that was meant where one was written with a slip of the finger. */

/** Letters to add, drop or change until it is the other word. */
const maxSlips = 2;
/** Shorter words are near to too many. */
const minLength = 5;

/** The first known word that the text nearly is; null where it is one of them, or near to none. */
export function nearMiss(text: string, known: readonly string[]): string | null {
  if (known.includes(text)) return null;
  return known.find((word) => word.length >= minLength && distance(text, word) <= maxSlips) ?? null;
}

/** Levenshtein's distance: the fewest such changes (V. Levenshtein, 1966). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      next.push(Math.min((row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1, (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
