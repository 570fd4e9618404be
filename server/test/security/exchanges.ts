/** Rows of requests over HTTP as tests, and what any answer must be like beside what its row says. */
import { expect, it } from 'vitest';
import type { HttpRow } from './catalogue/http-row.ts';
import { exchange, type Exchange } from './raw-http.ts';
import type { WatchedCluster } from './watched-cluster.ts';

const alive = expect.objectContaining({ status: 200, body: '{"status":"live"}' }) as unknown;
/** What is the sender's own, and what is only ours to know. */
const secret = /dummy|node_modules|\n\s+at .*:\d+/;
/** Smuggled in, and what no page of another origin may have. */
const foreign = ['x-injected', 'access-control-allow-origin'];

/** Matches the answer of the row and no other, on a connection that lives behind it or is closed, as the row says. */
function exchangeOf({ status, body = /^/, headers = {}, closes = false }: HttpRow['expect']): object {
  const matching = Object.entries(headers).map(([name, value]) => [
    name,
    expect.stringMatching(value) as unknown,
  ]);
  return {
    answer: {
      status,
      body: expect.stringMatching(body) as unknown,
      headers: { ...Object.fromEntries(matching), server: 'nginx' } as object,
    },
    next: closes ? null : alive,
    more: [],
  };
}

/** What the answer has that no answer may have. */
function leaksIn({ answer }: Exchange): string[] {
  return [
    ...foreign.filter((name) => Object.hasOwn(answer?.headers ?? {}, name)),
    ...(secret.exec(answer?.body ?? '') ?? []),
  ];
}

/** A test for each row of each group: its answer, which has nothing that is not the sender's, and that nobody else noticed. */
export function testExchanges(
  cluster: () => WatchedCluster,
  groups: Readonly<Record<string, readonly HttpRow[]>>,
): void {
  for (const [group, rows] of Object.entries(groups))
    for (const { name, send, expect: expected } of rows)
      it(`${group}: ${name}`, async () => {
        const seen = await exchange(cluster().port, send);
        expect(seen).toMatchObject(exchangeOf(expected));
        expect(leaksIn(seen)).toEqual([]);
        await cluster().unharmed();
      });
}
