/**
 * What is wanted, where each symbol stands, and the asking: one `subscribe` in flight at a time, for new symbols, after
 * a reconnect and for holes alike, each with the positions that the server needs to fill them. Knows no transport.
 */
import {
  limits,
  parseSymbol,
  refusal,
  type Position,
  type Quote,
  type Refusal,
  type SubscribeRequest,
  type SubscribeResult,
  type Snapshot,
  type SymbolsChange,
  type Tick,
} from '../../../server/protocol/index.ts';
import type { Clock } from './clock.ts';
import type { Counters } from './counters.ts';
import { placeOf } from './positions.ts';
import { isSubscribeAck } from './wire.ts';

interface SubscriptionsOptions {
  clock: Clock;
  random: () => number;
  /** Counted in place. */
  counters: Counters;
  send: (name: 'subscribe' | 'unsubscribe', payload: unknown, onAnswer?: (answer: unknown) => void) => void;
  /** Fires with each answer, with the symbols that are still wanted. */
  onResults: (results: Record<string, SubscribeResult>) => void;
}

/**
 * What one stream wants, and where it is. Told of its connection by `connected` and `disconnected`, of which the latter
 * may come more than once.
 */
export interface Subscriptions {
  /** At that rate, also symbols that are wanted already at another. */
  subscribe(symbols: readonly string[], everyMs: number): void;
  unsubscribe(symbols: readonly string[]): void;
  /** The whole wanted set. */
  symbols(): string[];
  /** A connection is live: everything wanted is asked for again, from where it was. */
  connected(): void;
  disconnected(): void;
  /** True when the tick is wanted and follows; then the position has moved. */
  accept(tick: Tick): boolean;
  /** The server lists other symbols: what is wanted and came back is asked for again, from where it was. */
  listChanged(change: SymbolsChange): void;
  /** Moves positions to the snapshot's, and gives the wanted quotes. */
  place(snapshot: Snapshot): Quote[];
}

/** Fits a message limit of 32 KB with the longest symbols and their positions. */
const maxSymbolsPerAsk = 250;
/** Holes wait this long after the last answer, so that a server in trouble is not asked with each tick. */
const holePauseMs = 250;
/** An ask that failed, and each symbol that was refused for now, is repeated after between one and two of these. */
const failurePauseMs = 1_000;

/** Sends nothing before `connected`. A text that is no symbol is told by `onResults` at once, within `subscribe`. */
export function createSubscriptions(options: SubscriptionsOptions): Subscriptions {
  const { clock, random, counters, send, onResults } = options;
  /** Each with its rate in milliseconds. */
  const wanted = new Map<string, number>();
  const positions = new Map<string, Position>();
  /** Wanted, and to be asked for with the next subscribe. */
  const due = new Set<string>();
  /** Wanted, refused for now, and due when the pause is over. */
  const putOff = new Set<string>();
  /** Wanted at another rate than before: what the change skips is no hole, and a snapshot begins it. */
  const moved = new Set<string>();
  /** Gaps that were counted and are not answered yet. */
  const gaps = new Set<string>();
  /** The symbols of the subscribe in flight, with the positions that it named. */
  let asked: Map<string, Position | null> | null = null;
  let isLive = false;
  let answeredAt = -Infinity;
  let cancelAsk: (() => void) | null = null;
  let cancelAnswer: (() => void) | null = null;
  let cancelPause: (() => void) | null = null;

  function askAfter(ms: number): void {
    if (!isLive || asked !== null || cancelAsk !== null) return;
    cancelAsk = clock.after(ms, ask);
  }

  function ask(): void {
    cancelAsk = null;
    const batch = new Map<string, Position | null>();
    const since: Record<string, Position> = {};
    let everyMs: number | null = null;
    for (const symbol of due) {
      if (batch.size === maxSymbolsPerAsk) break;
      const rate = wanted.get(symbol) ?? 0;
      // One ask has one rate; the others follow its answer.
      everyMs ??= rate;
      if (rate !== everyMs) continue;
      const position = moved.has(symbol) ? undefined : positions.get(symbol);
      if (position !== undefined) since[symbol] = [...position];
      batch.set(symbol, since[symbol] ?? null);
    }
    if (everyMs === null) return;
    for (const symbol of batch.keys()) {
      due.delete(symbol);
      putOff.delete(symbol);
      moved.delete(symbol);
    }
    asked = batch;
    const request: SubscribeRequest = { symbols: [...batch.keys()] };
    if (everyMs !== 0) request.everyMs = everyMs;
    if (Object.keys(since).length > 0) request.since = since;
    cancelAnswer = clock.after(limits.maxSilenceMs, () => answered(batch, undefined));
    send('subscribe', request, (answer) => answered(batch, answer));
  }

  function answered(batch: Map<string, Position | null>, answer: unknown): void {
    if (asked !== batch) return;
    asked = null;
    cancelAnswer?.();
    answeredAt = clock.monotonic();
    const symbols = [...batch.keys()].filter((symbol) => wanted.has(symbol));
    const results: Record<string, SubscribeResult> = {};
    if (!isSubscribeAck(answer) || (!answer.ok && answer.retry !== 'never')) {
      for (const symbol of symbols) due.add(symbol);
      askAfter(failurePause());
      return;
    }
    for (const symbol of symbols) {
      const result = answer.ok ? answer.results[symbol] : refusedAs(answer);
      if (result === undefined) continue;
      results[symbol] = result;
      settle(symbol, batch.get(symbol) ?? null, result);
      if (!result.ok && result.retry !== 'never') putOff.add(symbol);
    }
    if (putOff.size > 0) cancelPause ??= clock.after(failurePause(), endPause);
    onResults(results);
    if (due.size > 0) askAfter(0);
  }

  function failurePause(): number {
    return failurePauseMs * (1 + random());
  }

  function endPause(): void {
    cancelPause = null;
    for (const symbol of putOff) due.add(symbol);
    putOff.clear();
    askAfter(0);
  }

  /** Counts what the answer says about the ticks between where we were and where it leads. */
  function settle(symbol: string, since: Position | null, result: SubscribeResult): void {
    const wasCounted = gaps.delete(symbol);
    if (!result.ok || since === null || result.gen !== since[0]) return;
    // The snapshot that comes where nothing was recovered stands for the last tick.
    const isBehind = result.seq > since[1] + (result.recovered ? 0 : 1);
    if (isBehind && !wasCounted) counters.gaps += 1;
    if (result.recovered && (isBehind || wasCounted)) counters.recovered += 1;
  }

  function missing(symbol: string): void {
    if (due.has(symbol) || asked?.has(symbol) === true) return;
    due.add(symbol);
    askAfter(Math.max(0, answeredAt + holePauseMs - clock.monotonic()));
  }

  return {
    subscribe: (symbols, everyMs) => {
      const bad: Record<string, SubscribeResult> = {};
      for (const text of symbols) {
        const symbol = parseSymbol(text);
        if (symbol === null) bad[text] = { ok: false, ...refusal('bad_symbol') };
        else if (wanted.get(symbol) !== everyMs) {
          if (wanted.has(symbol)) moved.add(symbol);
          wanted.set(symbol, everyMs);
          due.add(symbol);
        }
      }
      if (Object.keys(bad).length > 0) onResults(bad);
      cancelAsk?.();
      cancelAsk = null;
      if (due.size > 0) askAfter(0);
    },

    unsubscribe: (symbols) => {
      const left = symbols
        .map((text) => parseSymbol(text))
        .filter((symbol) => symbol !== null && wanted.delete(symbol));
      for (const symbol of left) {
        if (symbol === null) continue;
        positions.delete(symbol);
        due.delete(symbol);
        putOff.delete(symbol);
        moved.delete(symbol);
        gaps.delete(symbol);
        asked?.delete(symbol);
      }
      if (isLive && left.length > 0) send('unsubscribe', left);
    },

    symbols: () => [...wanted.keys()],

    connected: () => {
      isLive = true;
      due.clear();
      moved.clear();
      for (const symbol of wanted.keys()) due.add(symbol);
      ask();
    },

    disconnected: () => {
      isLive = false;
      asked = null;
      cancelAsk?.();
      cancelAsk = null;
      cancelAnswer?.();
      cancelPause?.();
      cancelPause = null;
      putOff.clear();
    },

    accept: (tick) => {
      const { symbol } = tick;
      if (!wanted.has(symbol)) return false;
      const position = positions.get(symbol);
      const place = placeOf(position, tick);
      if (place === 'next') {
        if (position === undefined) positions.set(symbol, [tick.gen, tick.seq]);
        else position[1] = tick.seq;
        counters.ticks += 1;
        counters.merged += tick.merged ?? 0;
        return true;
      }
      if (place === 'passed') counters.duplicates += 1;
      else {
        if (place === 'gap' && !gaps.has(symbol)) {
          counters.gaps += 1;
          gaps.add(symbol);
        }
        missing(symbol);
      }
      return false;
    },

    listChanged: ({ added, retired }) => {
      const gone: Record<string, SubscribeResult> = {};
      for (const symbol of retired) {
        if (!wanted.has(symbol)) continue;
        gone[symbol] = { ok: false, ...refusal('retired') };
        due.delete(symbol);
        putOff.delete(symbol);
        gaps.delete(symbol);
      }
      if (Object.keys(gone).length > 0) onResults(gone);
      for (const symbol of added) if (wanted.has(symbol)) due.add(symbol);
      if (due.size > 0) askAfter(0);
    },

    place: ({ quotes, reason }) => {
      const placed = quotes.filter(({ symbol }) => wanted.has(symbol));
      for (const { symbol, gen, seq } of placed) {
        const [lastGen, lastSeq] = positions.get(symbol) ?? [gen, seq];
        const isGap = reason === 'gap' && gen === lastGen && seq > lastSeq + 1;
        if (isGap && !gaps.has(symbol)) counters.gaps += 1;
        positions.set(symbol, [gen, seq]);
      }
      return placed;
    },
  };
}

/** What a refusal of the whole call says of each of its symbols. */
function refusedAs({ code, name, message, retry }: Refusal): SubscribeResult {
  const why: Refusal = { code, name, message, retry };
  return { ok: false, ...why };
}
