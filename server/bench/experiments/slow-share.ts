/** How many of ours' writes went a client's own way, because it was behind, and not its basket's: from the replica's own metrics. */
import type { Bench, Server } from './bench.ts';

/**
 * Writes of a replica since it began: `fast` are those of a whole basket, `slow` those to one client that was behind.
 */
export interface Writes {
  fast: number;
  slow: number;
}

/** The writes of a replica so far. */
export async function writesOf({ port }: Server): Promise<Writes> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const figure = (path: keyof Writes): number => {
    const found = new RegExp(String.raw`^tickwire_writes_total\{[^}]*path="${path}"[^}]*\} (\S+)$`, 'm').exec(
      text,
    );
    if (found === null) throw new Error(`the replica tells no ${path} writes`);
    return Number(found[1]);
  };
  return { fast: figure('fast'), slow: figure('slow') };
}

/** Tells what share of the writes since then was slow: above none, the figure beside it is not the fast path's. */
export function noteSlowShare(bench: Pick<Bench, 'note'>, what: string, before: Writes, after: Writes): void {
  const slow = after.slow - before.slow;
  const all = slow + after.fast - before.fast;
  bench.note(
    `${what}: ${((100 * slow) / all).toFixed(1)} % of ${all} writes were to a client that was behind`,
  );
}
