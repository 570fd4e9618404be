/**
 * A server with the fan-out on a ws that has lost `Sender.prototype.sendFrame`, as another version may. Prints its address,
 * and what it warned of; runs scripts by their names. stock-fallback.test.ts drives it.
 */
import process from 'node:process';
import { Adapter } from 'socket.io-adapter';
import * as ws from 'ws';
import { createLog } from '../../src/support/log.ts';
import { openDeliveryNode } from './delivery-node.ts';
import type { ScriptName } from './delivery-scripts.ts';

/** What the program says. */
export type FallbackReport =
  | { type: 'listening'; url: string; warnings: unknown[] }
  | { type: 'ran'; notes: unknown[] };

const { Sender } = ws as unknown as { Sender: { prototype: Record<string, unknown> } };
// ws itself writes by it: under another name, as in another version.
Sender.prototype['write'] = Sender.prototype['sendFrame'];
Sender.prototype['sendFrame'] = undefined;
for (const method of ['close', 'ping', 'pong', 'send', 'dispatch', 'getBlobData']) {
  const own = Sender.prototype[method];
  if (typeof own !== 'function') continue;
  Sender.prototype[method] = function (this: Record<string, unknown>, ...args: unknown[]): unknown {
    const isFirst = this['sendFrame'] === undefined;
    if (isFirst) this['sendFrame'] = Sender.prototype['write'];
    try {
      return own.apply(this, args);
    } finally {
      if (isFirst) delete this['sendFrame'];
    }
  };
}

const lines: unknown[] = [];
const node = await openDeliveryNode({
  isCoalesced: true,
  log: createLog({
    level: 'warn',
    node: 'fallback',
    destination: { write: (line) => void lines.push(JSON.parse(line)) },
  }),
  adapter: (wrap) => {
    const Wrapped = wrap(Adapter);
    return function createAdapter(nsp) {
      return new Wrapped(nsp as never);
    };
  },
});

function report(message: FallbackReport): void {
  process.send?.(message);
}

process.on('message', (script: ScriptName) => {
  void node.run(script).then(async () => report({ type: 'ran', notes: await node.notes() }));
});
process.once('disconnect', () => process.exit(0));
report({ type: 'listening', url: node.url, warnings: lines });
