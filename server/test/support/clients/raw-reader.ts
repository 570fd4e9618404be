/**
 * One client on a bare WebSocket that can stop reading, as a laptop that was shut does: from then on nothing is taken from the
 * kernel's receive buffer, not even a ping or the end. Cheap: a tick that nobody asked for is not parsed.
 */
import { WebSocket } from 'ws';
import type { Tick } from '../../../protocol/index.ts';

/** Where it connects, and to what it subscribes; without `onTick` no tick is parsed. */
export interface RawReaderOptions {
  url: string;
  symbols: readonly string[];
  onTick?: (tick: Tick) => void;
}

/** A client whose end is seen by `isOpen` alone; while it does not read, it takes even that for open. */
export interface RawReader {
  /** Messages that came, of any kind. */
  messages(): number;
  isOpen(): boolean;
  stopReading(): void;
  readOn(): void;
  close(): void;
}

/** Connects and subscribes at once. */
export function createRawReader({ url, symbols, onTick }: RawReaderOptions): RawReader {
  const base = url.replace(/^http/, 'ws').replace(/\/$/, '');
  const socket = new WebSocket(`${base}/socket.io/?EIO=4&transport=websocket`, { perMessageDeflate: false });
  let messages = 0;

  socket.on('message', (data: Buffer) => {
    messages += 1;
    const text = data.toString('latin1', 0, 11);
    if (text.startsWith('42["tick",')) {
      if (onTick !== undefined) onTick((JSON.parse(data.toString().slice(2)) as [string, Tick])[1]);
    } else if (text.startsWith('0')) socket.send('40');
    else if (text.startsWith('40')) socket.send(`42${JSON.stringify(['subscribe', symbols])}`);
    else if (text === '2') socket.send('3');
  });
  // `close` follows.
  socket.on('error', () => {});

  return {
    messages: () => messages,
    isOpen: () => socket.readyState === WebSocket.OPEN,
    stopReading: () => socket.pause(),
    readOn: () => socket.resume(),
    close: () => socket.terminate(),
  };
}
