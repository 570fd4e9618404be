/**
 * Links over a bare WebSocket that speak just enough of Engine.IO and Socket.IO, for a process that plays a thousand
 * clients. They fit under our stream library.
 */
import { WebSocket } from 'ws';
import type { OpenLink } from '../../../../client/src/stream/index.ts';

/** Gives the way to open them at that address. */
export function rawLinks(url: string): OpenLink {
  const base = url.replace(/^http/, 'ws').replace(/\/$/, '');
  return (cid, listener) => {
    const query = `EIO=4&transport=websocket&cid=${encodeURIComponent(cid)}`;
    const socket = new WebSocket(`${base}/socket.io/?${query}`, { perMessageDeflate: false });
    const answers = new Map<number, (answer: unknown) => void>();
    let lastId = 0;
    let closed = false;

    function end(reason: unknown): void {
      if (closed) return;
      close();
      listener.onClose(reason);
    }

    function close(): void {
      closed = true;
      socket.terminate();
    }

    function receive(text: string): void {
      const [kind, packet] = [text[0], text[1]];
      if (kind === '0') {
        listener.onOpen();
        socket.send('40');
      } else if (kind === '2') socket.send('3');
      else if (kind === '4' && packet === '2') {
        const [name, payload] = JSON.parse(text.slice(2)) as [string, unknown];
        listener.onEvent(name, payload);
      } else if (kind === '4' && packet === '3') {
        const from = text.indexOf('[');
        const id = Number(text.slice(2, from));
        const [answer] = JSON.parse(text.slice(from)) as unknown[];
        answers.get(id)?.(answer);
        answers.delete(id);
      } else if (kind === '4' && packet === '4') end((JSON.parse(text.slice(2)) as { data?: unknown }).data);
      else if (kind === '1' || (kind === '4' && packet === '1')) end(undefined);
    }

    socket.on('message', (data: Buffer) => closed || receive(data.toString()));
    socket.on('close', () => end(undefined));
    // `close` follows.
    socket.on('error', () => {});

    return {
      send: (name, payload, onAnswer) => {
        if (socket.readyState !== WebSocket.OPEN) return;
        if (onAnswer === undefined) socket.send(`42${JSON.stringify([name, payload])}`);
        else {
          answers.set(++lastId, onAnswer);
          socket.send(`42${lastId}${JSON.stringify([name, payload])}`);
        }
      },
      close,
    };
  };
}
