/**
 * Pushes ticks as an outside program does, each with an Idempotency-Key, again and again until it is accepted, and remembers what each
 * accepted one was called. One push per symbol is under way at a time, so that its order is the program's.
 */
import type { PayloadBook } from '../checks/payload-book.ts';

interface PusherOptions {
  /** Asked in turn. */
  urls: readonly string[];
  symbols: readonly string[];
  apiKey: string;
  /** Between two pushes of a symbol. */
  everyMs: number;
}

/** A program that pushes until `finish`, whatever becomes of the replicas that it asks. */
export interface Pusher {
  /** Accepted ones so far. */
  accepted(): number;
  /** Answers other than 200, by status; 0 for none. Those of 503 without Retry-After are counted as -503. */
  refused(): ReadonlyMap<number, number>;
  /** Waits until every push that was begun is accepted, at most so long, and pushes no more. */
  finish(withinMs: number): Promise<void>;
  /** Accepted ones that the book does not have under the name they were given, in words; and pushes that were never accepted. */
  faults(book: PayloadBook): string[];
}

const retryMs = 200;
const answerWithinMs = 8_000;

/** Begins at once. */
export function startPusher({ urls, symbols, apiKey, everyMs }: PusherOptions): Pusher {
  const names = new Map<string, string>();
  const refused = new Map<number, number>();
  const stop = new AbortController();
  const open = new Set<string>();
  let stopping = false;
  let turn = 0;
  let lastTs = 0;
  let count = 0;

  function refuse(status: number): void {
    refused.set(status, (refused.get(status) ?? 0) + 1);
  }

  /** Null where it is to be tried again. */
  async function send(key: string, tick: object): Promise<string | null> {
    const url = urls[turn++ % urls.length] ?? '';
    try {
      const response = await fetch(`${url}/api/ticks`, {
        method: 'PUT',
        headers: { 'X-API-Key': apiKey, 'Content-Type': 'application/json', 'Idempotency-Key': key },
        body: JSON.stringify([tick]),
        signal: AbortSignal.any([stop.signal, AbortSignal.timeout(answerWithinMs)]),
      });
      const answer = (await response.json()) as { ticks?: { symbol: string; gen: string; seq: number }[] };
      const [named] = answer.ticks ?? [];
      if (response.ok && named !== undefined) return `${named.gen} ${named.symbol} ${named.seq}`;
      const unsaid = response.status === 503 && response.headers.get('Retry-After') === null;
      refuse(unsaid ? -503 : response.status);
    } catch {
      refuse(0);
    }
    return null;
  }

  async function pushAll(symbol: string): Promise<void> {
    while (!stopping) {
      const startedAt = performance.now();
      lastTs = Math.max(lastTs + 1, Date.now());
      count += 1;
      const tick = { symbol, price: `${count}.5`, ts: lastTs };
      const key = `push-${process.pid}-${count}`;
      const payload = `${tick.price} at ${tick.ts}`;
      open.add(payload);
      let name = await send(key, tick);
      while (name === null && !stop.signal.aborted) {
        await new Promise((resolve) => setTimeout(resolve, retryMs));
        name = await send(key, tick);
      }
      if (name !== null) {
        names.set(payload, name);
        open.delete(payload);
      }
      const restMs = everyMs - (performance.now() - startedAt);
      if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs));
    }
  }

  const running = symbols.map(pushAll);

  return {
    accepted: () => names.size,
    refused: () => refused,
    finish: async (withinMs) => {
      stopping = true;
      const timer = setTimeout(() => stop.abort(), withinMs);
      await Promise.all(running);
      clearTimeout(timer);
    },
    faults: (book) => [
      ...[...names]
        .filter(([payload, name]) => book.payloadOf(name) !== payload)
        .map(
          ([payload, name]) =>
            `the push ${payload} was accepted as ${name}, which is ${book.payloadOf(name)}`,
        ),
      ...[...open].map((payload) => `the push ${payload} was never accepted`),
    ],
  };
}
