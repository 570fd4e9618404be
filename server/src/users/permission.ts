/** Which symbols a user may have, as a token's `symbols` claim says. Pure. SPEC.md [SI4]. */
import { parseSymbol } from '../../protocol/index.ts';

/** Whether the symbol, in its one spelling, is permitted. */
export type Permission = (symbol: string) => boolean;

/** The longest beginning of a symbol that a pattern may state, as a symbol is at most. */
const beginning = /^[A-Z0-9]{0,16}$|^[A-Z0-9]{1,16}[-./][A-Z0-9]{0,16}$/;

/**
 * Takes a list of symbols such as `BTC-USD` and of beginnings such as `BTC-*`, in any case; no claim permits everything. Null
 * where it is not of that form: who made the token meant something, and we do not know what.
 */
export function parsePermission(claim: unknown): Permission | null {
  if (claim === undefined) return () => true;
  if (!Array.isArray(claim)) return null;
  const symbols = new Set<string>();
  const beginnings: string[] = [];
  for (const entry of claim as unknown[]) {
    if (typeof entry !== 'string') return null;
    const symbol = parseSymbol(entry);
    const start = entry.slice(0, -1).toUpperCase();
    if (symbol !== null) symbols.add(symbol);
    else if (entry.endsWith('*') && beginning.test(start)) beginnings.push(start);
    else return null;
  }
  return (symbol) => symbols.has(symbol) || beginnings.some((start) => symbol.startsWith(start));
}
