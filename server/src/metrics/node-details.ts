/**
 * A replica over the last second, for those who watch the cluster with an API key. Looks at counters that are there anyway; what
 * takes longer is done when somebody asks. SPEC.md [CS5].
 */
import { symbolOfRoom, tierOfRoom, type NodeDetails } from '../../protocol/index.ts';
import type { Clock } from '../support/clock.ts';
import type { LoadMark, ProcessLoad } from '../support/process-load.ts';

/** The counters that are looked at. */
export interface NodeDetailsOptions {
  clock: Clock;
  load: ProcessLoad;
  /** Messages since the start. */
  traffic: { readonly sent: number; readonly received: number };
  fanout: {
    /** Since the start; but for `behind`, the clients for which ticks wait now. */
    counters(): { arrived: number; deliveries: number; conflated: number; direct: number; behind: number };
    /** How many clients are in each tick room that has any. */
    clientsByRoom(): ReadonlyMap<string, number>;
  };
  /** What is as it is now. */
  now: () => Pick<NodeDetails, 'plain' | 'backplane' | 'feed'>;
}

type Rates = NodeDetails['perSecond'];

/** What this replica is and does at the moment. */
export interface NodeDetailsSource {
  read(): NodeDetails;
  close(): void;
}

/** Looked at this often, in milliseconds, and measured over so many looks. */
const lookMs = 250;
const looks = 4;

/** Looks from now on. */
export function createNodeDetails({
  clock,
  load,
  traffic,
  fanout,
  now,
}: NodeDetailsOptions): NodeDetailsSource {
  interface Look {
    at: number;
    counts: Rates;
    mark: LoadMark;
    lateMs: number;
  }
  function counts(): Rates {
    const { arrived, deliveries, conflated, direct } = fanout.counters();
    const messages = { messagesIn: traffic.received, messagesOut: traffic.sent + direct };
    return { ticksIn: arrived, ticksOut: deliveries, merged: conflated, ...messages };
  }
  const look = (lateMs: number): Look => ({
    at: clock.monotonic(),
    counts: counts(),
    mark: load.mark(),
    lateMs,
  });
  let last = look(0);
  let seen = [last];
  const stop = clock.every(lookMs, () => {
    last = look(Math.max(0, clock.monotonic() - last.at - lookMs));
    seen = [...seen.slice(-looks), last];
  });

  return {
    read: () => {
      const [first = last] = seen;
      const current = look(0);
      const seconds = Math.max(lookMs, current.at - first.at) / 1_000;
      const rate = (of: keyof Rates): number => Math.round((current.counts[of] - first.counts[of]) / seconds);
      return {
        ...now(),
        symbols: bySymbol(fanout.clientsByRoom()),
        slowClients: fanout.counters().behind,
        perSecond: {
          ticksIn: rate('ticksIn'),
          ticksOut: rate('ticksOut'),
          merged: rate('merged'),
          messagesIn: rate('messagesIn'),
          messagesOut: rate('messagesOut'),
        },
        memory: load.memory(),
        eventLoop: {
          lagMs: Math.round(Math.max(...seen.map(({ lateMs }) => lateMs))),
          busy: Math.round(load.busySince(first.mark) * 1_000) / 1_000,
        },
      };
    },
    close: stop,
  };
}

function bySymbol(byRoom: ReadonlyMap<string, number>): NodeDetails['symbols'] {
  const symbols: NodeDetails['symbols'] = {};
  for (const [room, count] of byRoom) {
    const symbol = symbolOfRoom(room);
    const everyMs = tierOfRoom(room);
    // Symbols are upper case: none is a name on a prototype.
    if (symbol !== null && everyMs !== null) (symbols[symbol] ??= {})[everyMs] = count;
  }
  return symbols;
}
