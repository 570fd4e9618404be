/** How many of ours' writes were for one client that was behind, and not for its group: from the replica's own metrics. */
import type { Bench, Server } from './bench.ts';

/**
 * Writes of a replica since it began: `fast` are those of a whole group, `slow` those to one client that was behind.
 */
export interface Writes {
  fast: number;
  slow: number;
}

/** The writes of a replica so far. */
export async function writesOf({ port }: Server): Promise<Writes> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const count = (path: keyof Writes): number => {
    const found = new RegExp(String.raw`^tickwire_writes_total\{[^}]*path="${path}"[^}]*\} (\S+)$`, 'm').exec(
      text,
    );
    if (found === null) throw new Error(`the replica has no metric of ${path} writes`);
    return Number(found[1]);
  };
  return { fast: count('fast'), slow: count('slow') };
}

/** Notes what share of the writes since then was slow: above none, the result is not that of the fast path. */
export function noteSlowShare(bench: Pick<Bench, 'note'>, what: string, before: Writes, after: Writes): void {
  const slow = after.slow - before.slow;
  const all = slow + after.fast - before.fast;
  bench.note(
    `${what}: ${((100 * slow) / all).toFixed(1)} % of ${all} writes were to a client that was behind`,
  );
}
