/**
 * One try at one connection, as the stream needs it, and its making from socket.io-client. A link never comes back:
 * each try gets a new one, so nothing of an old connection can speak for its successor.
 */
import { io, type Socket } from 'socket.io-client';
import { takeToken, type TokenSource } from './token.ts';

/** What a link tells. Never called before `openLink` returned, nor after `close`. */
export interface LinkListener {
  /** A sign of life before any event: the server answered the handshake. */
  onOpen(): void;
  /** An event with its first argument. */
  onEvent(name: string, payload: unknown): void;
  /** The connection is gone or was refused; `reason` is the refused handshake's `err.data`. Fires once. */
  onClose(reason: unknown): void;
}

/** The stream's end of one try. `close` may come twice, and no `onClose` follows it. */
export interface Link {
  /** Sends an event; `onAnswer` gets the acknowledgement, or is never called. */
  send(name: string, payload: unknown, onAnswer?: (answer: unknown) => void): void;
  close(): void;
}

/** Begins one try, with `cid` as `?cid=`. That it failed is told by the listener's `onClose`. */
export type OpenLink = (cid: string, listener: LinkListener) => Link;

/** The transports of Socket.IO that the stream can take; WebTransport is none of them. */
export type TransportName = 'polling' | 'websocket';

interface SocketIoLinkOptions {
  /** The server's address; the page's own where it is absent. */
  url?: string;
  /** In the order of trying. */
  transports: TransportName[];
  token?: TokenSource;
}

/** Gives the way to open links over Socket.IO. Its own reconnection stays off: the stream decides when and with which cid. */
export function socketIoLinks({ url, transports, token }: SocketIoLinkOptions): OpenLink {
  return (cid, listener) => {
    const options = {
      forceNew: true,
      reconnection: false,
      transports,
      query: { cid },
      // Without a token it cannot join: that is one more try that failed.
      ...(token !== undefined && {
        auth: (show: (auth: object) => void) =>
          void takeToken(token).then(
            (taken) => show({ token: taken }),
            () => end(undefined),
          ),
      }),
    };
    const socket: Socket = url === undefined ? io(options) : io(url, options);
    let closed = false;

    function end(reason: unknown): void {
      if (closed) return;
      close();
      listener.onClose(reason);
    }

    function close(): void {
      closed = true;
      socket.disconnect();
    }

    socket.io.on('open', () => {
      if (!closed) listener.onOpen();
    });
    socket.onAny((name: string, payload: unknown) => {
      if (!closed) listener.onEvent(name, payload);
    });
    socket.on('connect_error', (error) => end('data' in error ? error.data : undefined));
    socket.on('disconnect', () => end(undefined));

    return {
      send: (name, payload, onAnswer) => {
        if (onAnswer === undefined) socket.emit(name, payload);
        else socket.emit(name, payload, (answer: unknown) => closed || onAnswer(answer));
      },
      close,
    };
  };
}
