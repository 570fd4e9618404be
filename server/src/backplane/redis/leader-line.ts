/**
 * Calls to the leader over Redis channels: the request goes to the channel of its epoch, the answer to the caller's
 * own. Redis says how many listen, so that a leader who is gone is known at once. Knows nothing of what is asked.
 */
import { createBirpc } from 'birpc';
import { z } from 'zod';
import type { Log } from '../../support/log.ts';
import { BackplaneUnavailable, type LeaderLine, NoLeader } from '../contract.ts';
import type { Commands } from './commands.ts';
import type { Keys } from './keys.ts';
import type { Subscriptions } from './subscriptions.ts';

/** An error travels as its name and text. */
type Outcome = { ok: true; answer: unknown } | { ok: false; name: string; message: string };

interface LeaderCalls {
  call(epoch: number, request: unknown): Promise<Outcome>;
}

/** What birpc made of a call or an answer: it rejects unhandled at anything else. */
const callSchema = z.object({ replyTo: z.string(), message: z.looseObject({ t: z.literal('q') }) });
const answerSchema = z.looseObject({ t: z.literal('s') });

/** How long the leader may take to answer. */
const callDeadlineMs = 2_000;

/** What the line is made of. */
export interface RedisLeaderLineOptions {
  /** Unique to this process, also among restarts of one node. */
  caller: string;
  keys: Keys;
  commands: Commands;
  subscriptions: Subscriptions;
  log: Log;
}

/** `close` rejects the calls that still wait. */
export function createRedisLeaderLine(options: RedisLeaderLineOptions): LeaderLine & { close(): void } {
  const { caller, keys, commands, subscriptions, log } = options;
  const replyTo = keys.replyChannel(caller);

  let stopWaiting: () => void = () => {};
  const closed = new Promise<void>((resolve) => (stopWaiting = resolve));

  const line = createBirpc<LeaderCalls>(
    {},
    {
      post: async (message: { a: [epoch: number, request: unknown] }) => {
        const text = JSON.stringify({ replyTo, message });
        const sent = commands.run(['PUBLISH', keys.leaderChannel(message.a[0]), text]);
        // birpc listens to a call's end when it was sent: one that ends before would be an unhandled rejection.
        const listening = await Promise.race([sent, closed]);
        if (listening === 0) throw new NoLeader(`nobody leads in epoch ${message.a[0]}`);
      },
      on: (receive) => {
        subscriptions.add('channel', replyTo, (text) => {
          receive(answerSchema.parse(JSON.parse(text.toString())));
        });
      },
      timeout: callDeadlineMs,
      onTimeoutError: () => {
        throw new BackplaneUnavailable(`the leader did not answer within ${callDeadlineMs} ms`);
      },
    },
  );

  return {
    serve(epoch, answer) {
      let stopListening: (() => void) | null = null;
      const server = createBirpc<Record<string, never>, LeaderCalls>(
        { call: (_epoch, request) => outcomeOf(answer, request) },
        {
          on: (receive) => {
            stopListening = subscriptions.add('channel', keys.leaderChannel(epoch), (text) => {
              const call = callSchema.parse(JSON.parse(text.toString()));
              receive(call.message, call.replyTo);
            });
          },
          off: () => stopListening?.(),
          post: (message: unknown, to: string) => commands.run(['PUBLISH', to, JSON.stringify(message)]),
          onGeneralError: (error) => {
            // The caller's own deadline tells it.
            log.warn({ err: error, epoch }, 'an answer to a replica was lost');
            return true;
          },
        },
      );
      return () => server.$close();
    },

    async call(epoch, request) {
      let outcome: Outcome;
      try {
        outcome = await line.call(epoch, request);
      } catch (error) {
        if (error instanceof NoLeader || error instanceof BackplaneUnavailable) throw error;
        throw new BackplaneUnavailable('the call to the leader was not sent', { cause: error });
      }
      if (outcome.ok) return outcome.answer;
      throw revive(outcome);
    },

    close: () => {
      stopWaiting();
      line.$close(new BackplaneUnavailable('closed'));
    },
  };
}

async function outcomeOf(answer: (request: unknown) => Promise<unknown>, request: unknown): Promise<Outcome> {
  try {
    return { ok: true, answer: await answer(request) };
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    return { ok: false, name, message };
  }
}

function revive({ name, message }: { name: string; message: string }): Error {
  if (name === 'BackplaneUnavailable') return new BackplaneUnavailable(message);
  if (name === 'NoLeader') return new NoLeader(message);
  return Object.assign(new Error(message), { name });
}
