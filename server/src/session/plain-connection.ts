/**
 * A plain WebSocket as the stages see an Engine.IO connection: what one step writes leaves in one write, nothing is handed to
 * TCP before the last of it was taken, and a peer that is silent is asked and then cut. Knows no session. SPEC.md [PW5] to [PW7].
 */
import { EventEmitter } from 'node:events';
import process from 'node:process';
import type { WebSocket } from 'ws';
import type { Refusal, Retry } from '../../protocol/index.ts';
import { cut, type Connection } from './connection.ts';

/** What waits: a text, or frames that were made for many. */
interface Waiting {
  readonly type: 'message';
  readonly data?: string;
  readonly options: { readonly wsPreEncodedFrame?: readonly Buffer[] } | undefined;
}

/** What `ws` keeps beneath. */
interface Beneath {
  readonly _socket?: { cork(): void; uncork(): void } | null;
  readonly _sender?: { sendFrame(pieces: readonly Buffer[], done?: () => void): void };
}

/** Close codes: a replica that leaves, a refusal for good, one for now (RFC 6455 and its registry). */
export const closeCodes = { leaving: 1001, never: 1008, later: 1013 } as const;

/** Events: `packet` for each message, `flush` with what is written, `drain` when all of it was taken, `close` once. */
export class PlainConnection extends EventEmitter implements Connection {
  readyState: 'open' | 'closing' | 'closed' = 'open';
  readonly transport: {
    readonly name: 'websocket';
    readonly socket: WebSocket;
    writable: boolean;
    emit(): boolean;
  };
  readonly writeBuffer: Waiting[] = [];
  readonly #raw: WebSocket;
  #isWriting = false;
  /** How it is closed once everything is written. */
  #ending: { code: number; reason: string } | null = null;
  /** When the peer was last heard, and asked for a sign, on the monotonic clock. */
  #heardAt: number;
  #askedAt: number | null = null;
  readonly #now: () => number;

  constructor(raw: WebSocket, now: () => number) {
    super();
    this.#raw = raw;
    this.#now = now;
    this.#heardAt = now();
    // Nobody upgrades it, and nothing waits for its leave to write.
    this.transport = { name: 'websocket', socket: raw, writable: true, emit: () => false };
    raw.on('message', (data: Buffer, isBinary: boolean) => {
      this.#heard();
      this.emit('packet', { type: 'message', data, isBinary });
    });
    raw.on('ping', () => this.#heard());
    raw.on('pong', () => this.#heard());
    // ws itself closes what breaks its protocol, and says why.
    raw.on('error', () => {});
    raw.on('close', () => this.#gone());
  }

  /** Writes a text, or frames in its place, at the end of this step. */
  write(data: string, options?: Waiting['options'] | object): void {
    if (this.readyState !== 'open') return;
    if (this.writeBuffer.length === 0 && !this.#isWriting) process.nextTick(() => this.#flush());
    this.writeBuffer.push({ type: 'message', ...(data !== '' && { data }), options });
  }

  /** Closes it after what was written, or, where that is of no use, without a word. */
  close(discard = false, code: number = closeCodes.leaving, reason = ''): void {
    if (discard) {
      this.#gone();
      return;
    }
    if (this.readyState !== 'open') return;
    this.readyState = 'closing';
    this.#ending = { code, reason };
    if (this.writeBuffer.length === 0 && !this.#isWriting) this.#end();
  }

  /** Tells why past all that waits, and closes. */
  refuse(why: Refusal): void {
    this.#raw.send(JSON.stringify({ type: 'refused', ...why }));
    this.#raw.close(closeCodeOf(why.retry), why.name);
  }

  /** Asks a peer that was silent for so long; one that is silent still, so long later, is gone. */
  watch({ pingIntervalMs, pingTimeoutMs }: { pingIntervalMs: number; pingTimeoutMs: number }): void {
    const now = this.#now();
    if (this.#askedAt !== null) {
      if (now - this.#askedAt >= pingTimeoutMs) cut(this);
    } else if (now - this.#heardAt >= pingIntervalMs) {
      this.#askedAt = now;
      this.#raw.ping();
    }
  }

  #heard(): void {
    this.#heardAt = this.#now();
    this.#askedAt = null;
  }

  #flush(): void {
    if (this.#isWriting || this.writeBuffer.length === 0 || this.readyState === 'closed') return;
    const packets = this.writeBuffer.splice(0);
    this.#isWriting = true;
    this.emit('flush', packets);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- looked at before it is used; ws' types hide both
    const { _socket: tcp, _sender: sender } = this.#raw as unknown as Beneath;
    tcp?.cork();
    for (const [index, { data = '', options }] of packets.entries()) {
      const done = index === packets.length - 1 ? this.#written : undefined;
      const pieces = options?.wsPreEncodedFrame;
      if (pieces === undefined) this.#raw.send(data, done);
      else sender?.sendFrame(pieces, done);
    }
    tcp?.uncork();
  }

  readonly #written = (): void => {
    this.#isWriting = false;
    if (this.writeBuffer.length > 0) this.#flush();
    else if (this.#ending !== null) this.#end();
    else this.emit('drain');
  };

  #end(): void {
    if (this.readyState === 'closed') return;
    this.#raw.close(this.#ending?.code, this.#ending?.reason);
    this.#gone();
  }

  #gone(): void {
    if (this.readyState === 'closed') return;
    this.readyState = 'closed';
    this.emit('close');
  }
}

/** The code of a WebSocket's close that a client acts on as it does on the refusal. */
export function closeCodeOf(retry: Retry): number {
  return retry === 'never' ? closeCodes.never : closeCodes.later;
}
