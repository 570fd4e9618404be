/** What any answer over HTTP must be like, beside what its row says. */
import { expect } from 'vitest';
import type { HttpRow } from './catalogue/http-row.ts';
import type { Exchange } from './raw-http.ts';

const alive = expect.objectContaining({ status: 200, body: '{"status":"live"}' }) as unknown;
/** What is the sender's own, and what is only ours to know. */
const secret = /dummy|node_modules|\n\s+at .*:\d+/;
/** Smuggled in, and what no page of another origin may have. */
const foreign = ['x-injected', 'access-control-allow-origin'];

/** Matches the answer of the row and no other, on a connection that lives behind it or is closed, as the row says. */
export function exchangeOf({ status, body = /^/, headers = {}, closes = false }: HttpRow['expect']): object {
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
export function leaksIn({ answer }: Exchange): string[] {
  return [
    ...foreign.filter((name) => Object.hasOwn(answer?.headers ?? {}, name)),
    ...(secret.exec(answer?.body ?? '') ?? []),
  ];
}
