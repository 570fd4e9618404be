/** Who is there in an embedded cluster. */
import type { EmbeddedCluster } from './embedded-cluster.ts';
import { until } from './until.ts';

/** Resolves when so many replicas of it know each other, by an API key that it was given. */
export async function untilAllThere({ url }: EmbeddedCluster, count: number, apiKey: string): Promise<void> {
  await until(
    async () => {
      const answer = await fetch(`${url}api/nodes`, { headers: { 'X-API-Key': apiKey } });
      return ((await answer.json()) as { nodes: unknown[] }).nodes.length === count;
    },
    { withinMs: 20_000 },
  );
}
