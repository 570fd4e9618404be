/**
 * The list of symbols changed while running, for operators with an API key: `PUT /api/symbols/{symbol}` adds one,
 * `DELETE` retires one. Knows neither the list nor the leader. SPEC.md [LS1], [LS6].
 */
import { z } from 'zod';
import type { Refusal } from '../../protocol/index.ts';
import { parsedSymbol, symbolForm, symbolText } from './forms.ts';
import { jsonBody, operation, type Operation } from './operation.ts';
import { Refused } from './problem.ts';

/** What both operations hand their work to, wherever the leader is. */
export interface SymbolChangesOptions {
  /** Asks the leader; settles when everyone is told, or nothing was changed. */
  changeList: (
    request: { act: 'add'; symbol: string; feed?: string } | { act: 'retire'; symbol: string },
  ) => Promise<{ ok: true; isChange: boolean; feed: string | null } | { ok: false; refusal: Refusal }>;
}

const maxBodyBytes = 1_024;
const params = z.object({ symbol: symbolText });
const listed = z.object({
  symbol: symbolForm,
  state: z.literal('listed'),
  feed: z.string().meta({ description: 'the source of its prices' }),
});
const body = z
  .strictObject({
    feed: z.string({ error: 'must be the name of a source' }).optional().meta({
      description:
        'the source of its prices: that of the settings where it is absent, else `push` where there is one',
    }),
  })
  .optional();

/** Gives both operations. */
export function createSymbolChangeOperations({ changeList }: SymbolChangesOptions): Operation[] {
  return [
    operation({
      id: 'addSymbol',
      method: 'put',
      path: '/api/symbols/{symbol}',
      summary: 'Add a symbol',
      description:
        'Every replica lists it from now on, and every client is told. One that was retired goes on with its next seq.',
      access: 'key',
      params,
      body: jsonBody(body, maxBodyBytes),
      answers: {
        200: { description: 'it was listed already', schema: listed },
        201: { description: 'it is listed now', schema: listed },
      },
      refusals: [
        'bad_symbol',
        'unknown_feed',
        'symbol_of_other_source',
        'symbol_list_full',
        'no_leader',
        'list_unconfirmed',
      ],
      handle: async ({ params: { symbol: text }, body: asked }) => {
        const symbol = parsedSymbol(text);
        const feed = asked?.feed;
        const outcome = await changeList({ act: 'add', symbol, ...(feed !== undefined && { feed }) });
        if (!outcome.ok) throw new Refused(outcome.refusal);
        return {
          status: outcome.isChange ? 201 : 200,
          body: { symbol, state: 'listed', feed: outcome.feed ?? '' },
        };
      },
    }),
    operation({
      id: 'retireSymbol',
      method: 'delete',
      path: '/api/symbols/{symbol}',
      summary: 'Retire a symbol',
      description: 'Its last tick goes out, every client is told, and nobody gets it any more.',
      access: 'key',
      params,
      answers: {
        200: {
          description: 'it is retired now, or was already',
          schema: z.object({ symbol: symbolForm, state: z.literal('retired') }),
        },
      },
      refusals: ['bad_symbol', 'unknown_symbol', 'no_leader', 'list_unconfirmed'],
      handle: async ({ params: { symbol: text } }) => {
        const symbol = parsedSymbol(text);
        const outcome = await changeList({ act: 'retire', symbol });
        if (!outcome.ok) throw new Refused(outcome.refusal);
        return { status: 200, body: { symbol, state: 'retired' } };
      },
    }),
  ];
}
