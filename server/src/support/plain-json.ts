/** Tells what JSON can hold, and how deep it is, of values that somebody sent. */

/** Whether the value is JSON without binary, with at most so many lists and objects within each other. */
export function isPlainJson(value: unknown, maxDepth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return false;
  return maxDepth > 0 && Object.values(value).every((one) => isPlainJson(one, maxDepth - 1));
}
