/**
 * From one room emit to many sockets: keeps a sequencer for each symbol that somebody on this replica listens to, and
 * hands every tick through it. Knows no clients, only rooms. Keeps SPEC.md [F1] to [F4].
 */
import type { Namespace } from 'socket.io';
import { tickRoom, type Quote, type SnapshotReason } from '../../protocol/index.ts';
import type { AdapterMixin, TickStore } from '../backplane/contract.ts';
import { assert } from '../support/assert.ts';
import { backoffMs } from '../support/backoff.ts';
import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import { createTickMixin } from './adapter-mixin.ts';
import { createQuoteReader } from './quote-reader.ts';
import { createSequencer, type Sequencer } from './sequencer.ts';

export interface FanoutOptions {
  tickStore: Pick<TickStore, 'quotes'>;
  clock: Clock;
  log: Log;
  /** Fires when everyone who listens to the symbol on this replica must start again from the quote. */
  onSnapshot: (quote: Quote, reason: Exclude<SnapshotReason, 'subscribe'>) => void;
}

export interface Fanout {
  /** Wraps the adapter that ticks arrive by. */
  readonly mixin: AdapterMixin;
  /** Joins the namespace whose adapter was wrapped. Once, before the first `open`. */
  attach(nsp: Namespace): void;
  /** The sequencer of the symbol, made when it is the first need for it. It is kept while the room has members. */
  open(symbol: string): Sequencer;
  /** When the symbol's last tick was let pass, on the monotonic clock; -Infinity where none was. */
  lastTickAt(symbol: string): number;
  /** Reads the store again for every symbol: the link was down and ticks may be missing. */
  resync(): void;
  close(): void;
}

/** The member that keeps a room alive on this replica: the Redis adapter drops packets for rooms without one undecoded. */
const phantom = '#sequencer';
/** A symbol that nobody has listened to for one to two of these is let go, in milliseconds. */
const idleSweepMs = 5_000;

export function createFanout({ tickStore, clock, log, onSnapshot }: FanoutOptions): Fanout {
  const sequencers = new Map<string, Sequencer>();
  const idle = new Set<string>();
  const readQuote = createQuoteReader(tickStore);
  let namespace: Namespace | null = null;

  const mixin = createTickMixin((tick, deliver) => {
    const sequencer = sequencers.get(tick.symbol);
    if (sequencer === undefined) deliver();
    else sequencer.accept(tick, deliver);
  });

  function open(symbol: string): Sequencer {
    idle.delete(symbol);
    const existing = sequencers.get(symbol);
    if (existing !== undefined) return existing;
    assert(namespace !== null, 'the fan-out is attached before the first symbol is opened');
    void namespace.adapter.addAll(phantom, new Set([tickRoom(symbol)]));
    const sequencer = createSequencer({
      symbol,
      clock,
      read: () => readQuote(symbol),
      onSnapshot,
      onReadError: (error) => log.debug({ err: error, symbol }, 'the store could not be read; trying again'),
      retryMs: (attempt) => backoffMs(attempt, { baseMs: 100, maxMs: 1_000 }),
    });
    sequencers.set(symbol, sequencer);
    return sequencer;
  }

  function sweep(): void {
    for (const [symbol, sequencer] of sequencers) {
      const members = namespace?.adapter.rooms.get(tickRoom(symbol))?.size ?? 0;
      if (members > 1) idle.delete(symbol);
      else if (!idle.has(symbol)) idle.add(symbol);
      else {
        idle.delete(symbol);
        sequencers.delete(symbol);
        sequencer.close();
        void namespace?.adapter.del(phantom, tickRoom(symbol));
      }
    }
  }
  const stopSweeping = clock.every(idleSweepMs, sweep);

  return {
    mixin,
    attach: (nsp) => {
      assert(namespace === null, 'the fan-out is attached once');
      namespace = nsp;
    },
    open,
    lastTickAt: (symbol) => sequencers.get(symbol)?.lastTickAt() ?? -Infinity,
    resync: () => {
      for (const sequencer of sequencers.values()) sequencer.resync();
    },
    close: () => {
      stopSweeping();
      for (const sequencer of sequencers.values()) sequencer.close();
      sequencers.clear();
    },
  };
}
