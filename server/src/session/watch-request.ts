/** Parses what clients send with `watch` and `unwatch`. Pure. SPEC.md [CS1]. */
import { z } from 'zod';
import { refusal, watchTopics, type WatchTopic } from '../../protocol/index.ts';
import type { Parsed } from './subscribe-request.ts';

/** Nobody asks for more at once than there is. */
const maxTopics = 16;
const topicList = z.array(z.string()).min(1).max(maxTopics);

const isTopic = (text: string): text is WatchTopic => watchTopics.some((topic) => topic === text);

/** Takes `["cluster"]`; `unwatch` also nothing, which is all. */
export function parseTopics(
  event: 'watch' | 'unwatch',
  payload: readonly unknown[],
): Parsed<readonly WatchTopic[]> {
  const isNothing = payload.length === 0 || (payload.length === 1 && payload[0] === undefined);
  if (event === 'unwatch' && isNothing) return { ok: true, value: watchTopics };
  const parsed = topicList.safeParse(payload.length === 1 ? payload[0] : undefined);
  if (!parsed.success)
    return { ok: false, refusal: refusal('bad_payload', `${event} takes a list of topics: ["cluster"]`) };
  if (!parsed.data.every(isTopic))
    return {
      ok: false,
      refusal: refusal('unknown_topic', `what can be watched: ${watchTopics.join(', ')}`),
    };
  return { ok: true, value: parsed.data };
}
