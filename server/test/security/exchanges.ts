/** Rows of requests over HTTP as tests. */
import { expect, it } from 'vitest';
import { refused, type HttpAnswer, type HttpRow } from './catalogue/http-row.ts';
import { exchange } from './raw-http.ts';
import type { WatchedCluster } from './watched-cluster.ts';

const alive = expect.objectContaining({ status: 200, body: '{"status":"live"}' }) as unknown;
/** Secrets of the sender or of the server. */
const secret = /dummy|node_modules|\n\s+at .*:\d+/;
/** An attacker's header, and a right that no page of another origin has. */
const foreign = ['x-injected', 'access-control-allow-origin'];

/** Sends a row. Its answer must match what is expected: nothing in it is secret or foreign. */
export async function compare(port: number, [, bytes, answer]: HttpRow) {
  const { status, body, headers = {}, closes = false } = fullAnswer(answer);
  const matching = Object.entries(headers).map(([name, value]) => [
    name,
    expect.stringMatching(value) as unknown,
  ]);
  const seen = await exchange(port, bytes);
  const leaks = [
    ...foreign.filter((name) => Object.hasOwn(seen.answer?.headers ?? {}, name)),
    ...(secret.exec(seen.answer?.body ?? '') ?? []),
  ];
  return {
    seen: { ...seen, leaks },
    expected: {
      answer: {
        status,
        body: expect.stringMatching(body ?? /^/) as unknown,
        headers: Object.fromEntries(matching) as object,
      },
      next: closes ? null : alive,
      more: [],
      leaks: [],
    },
  };
}

function fullAnswer(answer: HttpRow[2]): HttpAnswer {
  if (typeof answer === 'string') return refused(answer);
  return typeof answer === 'number' ? { status: answer } : answer;
}

/** A test for each row of each group, through Nginx. No honest client notices. */
export function testExchanges(
  cluster: () => WatchedCluster,
  groups: Readonly<Record<string, readonly HttpRow[]>>,
): void {
  for (const [group, rows] of Object.entries(groups))
    for (const row of rows)
      it(`${group}: ${row[0]}`, async () => {
        const { seen, expected } = await compare(cluster().port, row);
        expect(seen).toMatchObject(expected);
        await cluster().unharmed();
      });
}
