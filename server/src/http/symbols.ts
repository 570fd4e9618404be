/** `GET /api/symbols`: what is listed, which source it comes from and whether that is live. Knows neither the list nor a source. */
import { z } from 'zod';
import type { FeedState } from '../../protocol/index.ts';
import { symbolForm } from './forms.ts';
import { operation, type Operation } from './operation.ts';

export interface SymbolsOptions {
  /** The sources and their symbols as they are now. */
  feed: () => FeedState;
}

const listedSymbolForm = z.object({
  symbol: symbolForm,
  feed: z.string().meta({ description: 'the source of its prices' }),
  state: z.enum(['live', 'stale']).meta({ description: 'whether its price may be believed to be fresh' }),
});

export function createSymbolOperation({ feed }: SymbolsOptions): Operation {
  return operation({
    id: 'listSymbols',
    method: 'get',
    path: '/api/symbols',
    summary: 'The symbols that are listed',
    access: 'reader',
    answers: {
      200: {
        description: 'every symbol that the caller may have',
        schema: z.object({ symbols: z.array(listedSymbolForm) }),
      },
    },
    refusals: [],
    handle: ({ caller }) => {
      const { state, sources } = feed();
      const symbols = sources.flatMap((source) =>
        source.symbols
          .filter((symbol) => caller.by === 'key' || caller.identity.maySee(symbol))
          .map((symbol) => ({
            symbol,
            feed: source.name,
            state: state === 'stale' ? ('stale' as const) : source.state,
          })),
      );
      return { status: 200, body: { symbols } };
    },
  });
}
