/** The peer `ws`: a plain WebSocket server with a list of clients per symbol and one send per tick and client. */
import type { WebSocket } from 'ws';
import { tickMessage } from '../script.ts';
import { startBareServer } from './bare-server.ts';
import { someGen, type Peer, type PeerOptions } from './peer.ts';

/** Listens on a free port. Ticks of a symbol that is not among these go to nobody. */
export async function createWsPeer({ symbols }: PeerOptions): Promise<Peer> {
  const listeners = new Map<string, Set<WebSocket>>(symbols.map((symbol) => [symbol, new Set()]));
  const port = await startBareServer({
    onSubscribed: ({ ws, symbols: wanted }) => {
      for (const symbol of wanted) listeners.get(symbol)?.add(ws);
      ws.on('close', () => {
        for (const symbol of wanted) listeners.get(symbol)?.delete(ws);
      });
    },
  });
  return {
    port,
    gen: someGen,
    turn: (ticks) => {
      for (const tick of ticks) {
        const message = tickMessage(tick);
        for (const ws of listeners.get(tick.symbol) ?? []) ws.send(message);
      }
    },
  };
}
