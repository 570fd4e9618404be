/**
 * The peer `floor`: what no server on Node can go below. One `write` of `node:net` per client and turn, of the very bytes
 * that the others send, made before the clock runs.
 */
import type { Socket } from 'node:net';
import type { Tick } from '../../protocol/index.ts';
import { serverText } from '../driver/frame-parser.ts';
import { tickMessage } from '../script.ts';
import { startBareServer } from './bare-server.ts';
import { someGen, type Peer } from './peer.ts';

interface Group {
  symbols: ReadonlySet<string>;
  sockets: Set<Socket>;
}

/** Listens on a free port. A turn sends what `prepare` made of it for each group. */
export async function createFloorPeer(): Promise<Peer> {
  const groups = new Map<string, Group>();
  let prepared: Map<Group, Buffer>[] = [];
  const port = await startBareServer({
    onSubscribed: ({ socket, symbols }) => {
      const key = symbols.toSorted().join();
      const group = groups.get(key) ?? { symbols: new Set(symbols), sockets: new Set() };
      groups.set(key, group);
      group.sockets.add(socket);
      socket.on('close', () => group.sockets.delete(socket));
    },
  });

  function buffersOf(ticks: readonly Tick[]): Map<Group, Buffer> {
    const frames = ticks.map((tick) => ({ symbol: tick.symbol, frame: serverText(tickMessage(tick)) }));
    return new Map(
      [...groups.values()].map((group) => [
        group,
        Buffer.concat(frames.flatMap(({ symbol, frame }) => (group.symbols.has(symbol) ? [frame] : []))),
      ]),
    );
  }

  return {
    port,
    gen: someGen,
    prepare: (turns) => {
      prepared = turns.map(buffersOf);
    },
    turn: () => {
      for (const [{ sockets }, bytes] of prepared.shift() ?? [])
        if (bytes.length > 0) for (const socket of sockets) socket.write(bytes);
    },
  };
}
