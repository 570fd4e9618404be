/**
 * `GET /api/symbols`: what is listed, which source it comes from and whether that is live, and what was retired. Knows neither the
 * list nor a source.
 */
import { z } from 'zod';
import type { FeedState } from '../../protocol/index.ts';
import { symbolForm } from './forms.ts';
import type { Vitals } from './health.ts';
import { operation, type Operation } from './operation.ts';
import { Refused } from './problem.ts';

/** What is read at each call; none of it waits for anything. */
export interface SymbolsOptions {
  /** The sources and their symbols as they are now. */
  feed: () => FeedState;
  /** Those that were retired and are remembered as such; none of them is listed. */
  retired: () => Iterable<string>;
  /** Called for each question; must not wait for anything. */
  vitals: () => Vitals;
}

const listedSymbolForm = z.object({
  symbol: symbolForm,
  feed: z.string().meta({ description: 'the source of its prices' }),
  state: z.enum(['live', 'stale']).meta({ description: 'whether its price may be believed to be fresh' }),
});

/** Tells a user what its token permits. Refuses until this replica has read how the list was changed. */
export function createSymbolOperation({ feed, retired, vitals }: SymbolsOptions): Operation {
  return operation({
    id: 'listSymbols',
    method: 'get',
    path: '/api/symbols',
    summary: 'The symbols that are listed, and those that are no longer',
    access: 'reader',
    answers: {
      200: {
        description: 'every symbol that the caller may have',
        schema: z.object({
          symbols: z.array(listedSymbolForm),
          retired: z.array(symbolForm).meta({
            description:
              'symbols that were listed once and are refused with `retired`, by name; not all for ever',
          }),
        }),
      },
    },
    refusals: ['store_unavailable'],
    handle: ({ caller }) => {
      // That of the settings may lack what was added, and have what was retired.
      if (!vitals().arePricesKnown)
        throw new Refused(
          'store_unavailable',
          'this replica has not read the list of symbols yet; try again',
        );
      const maySee = (symbol: string): boolean => caller.by === 'key' || caller.identity.maySee(symbol);
      const { state, sources } = feed();
      const symbols = sources.flatMap((source) =>
        source.symbols.filter(maySee).map((symbol) => ({
          symbol,
          feed: source.name,
          state: state === 'stale' ? ('stale' as const) : source.state,
        })),
      );
      return { status: 200, body: { symbols, retired: [...retired()].filter(maySee).toSorted() } };
    },
  });
}
