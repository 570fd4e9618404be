/**
 * `POST /api/feed/pause` and `/resume`: the whole cluster takes no prices, or takes them again, for operators with an API key.
 * Knows no leader. Keeps SPEC.md [FP1] to [FP3].
 */
import { z } from 'zod';
import type { Refusal } from '../../protocol/index.ts';
import { operation, type Operation } from './operation.ts';
import { Refused } from './problem.ts';

/** What both operations hand their work to, wherever the leader is. */
export interface FeedOptions {
  /** Asks the leader; settles when everyone is told, or nothing was changed. */
  pauseFeed: (
    isPaused: boolean,
  ) => Promise<{ ok: true; isChange: boolean } | { ok: false; refusal: Refusal }>;
}

/** Gives both. To pause what is paused is no error, and to call again after `pause_unconfirmed` is safe. */
export function createFeedOperations({ pauseFeed }: FeedOptions): Operation[] {
  const one = (verb: 'pause' | 'resume', summary: string, description: string): Operation =>
    operation({
      id: `${verb}Feed`,
      method: 'post',
      path: `/api/feed/${verb}`,
      summary,
      description,
      access: 'key',
      answers: {
        200: {
          description: 'it is so now',
          schema: z.object({
            feed: z.enum(['paused', 'running']),
            changed: z.boolean().meta({ description: 'false where it was so before' }),
          }),
        },
      },
      refusals: ['no_leader', 'pause_unconfirmed'],
      handle: async () => {
        const outcome = await pauseFeed(verb === 'pause');
        if (!outcome.ok) throw new Refused(outcome.refusal);
        const feed = verb === 'pause' ? 'paused' : 'running';
        return { status: 200, body: { feed, changed: outcome.isChange } };
      },
    });

  return [
    one(
      'pause',
      'Pause the feed of the whole cluster',
      'Every source is stopped and pushes are refused with `feed_paused`; prices stay as they are and are told as stale, over changes of the leader too.',
    ),
    one('resume', 'Take prices again', 'The sources go on from the last prices.'),
  ];
}
