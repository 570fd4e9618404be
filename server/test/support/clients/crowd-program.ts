/** A crowd of watched clients in a process of its own, which crowd.ts calls over IPC. Ends with its parent. */
import process from 'node:process';
import { createBirpc } from 'birpc';
import type { LinkListener, OpenLink, Link } from '../../../../client/src/stream/index.ts';
import type { ClientReport, CrowdCalls, CrowdClient } from './crowd-messages.ts';
import { createPayloadBook } from '../checks/payload-book.ts';
import { rawLinks } from './raw-links.ts';
import { createWatch, type Watch } from './watch.ts';

const book = createPayloadBook();
const watches: { watch: Watch; kind: CrowdClient['kind']; everyMs: number }[] = [];
const current = new Map<string, { link: Link; listener: LinkListener }>();
const lagEveryMs = 50;
let lagMs = 0;

let expectedAt = performance.now() + lagEveryMs;
setInterval(() => {
  const now = performance.now();
  lagMs = Math.max(lagMs, now - expectedAt);
  expectedAt = now + lagEveryMs;
}, lagEveryMs);

/** Remembers each client's link, so that it can be cut. */
function cuttable(name: string, open: OpenLink): OpenLink {
  return (cid, listener) => {
    const link = open(cid, listener);
    current.set(name, { link, listener });
    return link;
  };
}

function add({ name, url, kind, symbols, everyMs = 0 }: CrowdClient): void {
  const watch = createWatch({
    name,
    url,
    symbols,
    everyMs,
    book,
    keepTimes: false,
    kind: kind === 'stock' ? 'stock' : 'stream',
    ...(kind === 'raw' ? { openLink: cuttable(name, rawLinks(url)) } : {}),
  });
  watches.push({ watch, kind, everyMs });
}

async function addAll(clients: readonly CrowdClient[], perSecond: number): Promise<void> {
  const sliceMs = 20;
  let owed = 0;
  for (const client of clients) {
    while (owed < 1) {
      await new Promise((resolve) => setTimeout(resolve, sliceMs));
      owed += (perSecond * sliceMs) / 1_000;
    }
    owed -= 1;
    add(client);
  }
}

function reportOf({ watch, kind, everyMs }: (typeof watches)[number]): ClientReport {
  const { name, symbols, check, outages, nodes } = watch;
  const epoch = (at: number): number => performance.timeOrigin + at;
  return {
    name,
    kind,
    everyMs,
    isLive: watch.isLive(),
    heads: Object.fromEntries(
      symbols.flatMap((symbol) => {
        const head = check.head(symbol);
        return head === undefined ? [] : [[symbol, head]];
      }),
    ),
    counts: { ...check.counts() },
    faults: check.faults(),
    outages: outages.map(({ lostAt, backAt, recovered }) => ({
      lostAt: epoch(lostAt),
      backAt: backAt === null ? null : epoch(backAt),
      recovered,
    })),
    connections: nodes.length,
  };
}

const calls: CrowdCalls = {
  add: (clients, perSecond) => void addAll(clients, perSecond),
  cut: () => {
    for (const { link, listener } of current.values()) {
      link.close();
      listener.onClose(undefined);
    }
  },
  report: () => {
    const report = {
      clients: watches.map(reportOf),
      entries: book.drain(),
      conflicts: book.conflicts(),
      lagMs,
    };
    lagMs = 0;
    return report;
  },
};
createBirpc<object, CrowdCalls>(calls, {
  post: (message) => void process.send?.(message),
  on: (receive) => void process.on('message', receive),
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
