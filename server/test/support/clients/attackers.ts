/** Clients that send as fast as the network takes it, over raw WebSockets and over polling, until they are cut. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { joinRaw, openRawWebSocket, type HandshakeOptions, type RawWebSocket } from './raw-web-socket.ts';

/** How an attack ended; one that was not cut lost its patience. */
export interface Attack {
  /** Whether it was cut, and after how many milliseconds. */
  isCut: boolean;
  afterMs: number;
}

/** How long an attacker that nobody cuts goes on, in milliseconds. */
const patienceMs = 4_000;

/** What one attacker sends on a raw WebSocket, and whether it takes what comes back. */
export interface WebSocketAttackOptions {
  /** What is sent over and over. */
  flood: Buffer;
  /** Whether it is a member of the namespace before it begins. */
  joins?: boolean;
  reads: boolean;
  handshake?: HandshakeOptions;
}

/** Resolves when it was cut, or has lost its patience. */
export async function floodWebSocket(port: number, options: WebSocketAttackOptions): Promise<Attack> {
  const { flood, joins = false, reads, handshake } = options;
  const socket = joins ? await joinRaw(port) : await openRawWebSocket(port, handshake);
  if (!reads) socket.tcp.pause();
  // Large writes cost the attacker little.
  const chunk = Buffer.concat(Array.from({ length: Math.ceil(65_536 / flood.length) }, () => flood));
  const startedAt = performance.now();
  const patience = AbortSignal.timeout(patienceMs);
  while (!isOver(socket) && !patience.aborted)
    if (!socket.tcp.write(chunk))
      await Promise.race([
        once(socket.tcp, 'drain', { signal: patience }),
        once(socket.tcp, 'close', { signal: patience }),
      ]).catch(() => {});
  const attack = { isCut: isOver(socket), afterMs: performance.now() - startedAt };
  socket.close();
  return attack;
}

function isOver({ tcp, isGone }: RawWebSocket): boolean {
  return isGone() || tcp.destroyed || !tcp.writable || hasPeerEnded(tcp);
}

/** Whether the other end has closed its side, as Nginx does first: who does not read is not told so by Node. */
function hasPeerEnded({ localPort = 0 }: Socket): boolean {
  const closeWait = new RegExp(`: \\w+:${localPort.toString(16).toUpperCase().padStart(4, '0')} \\S+ 08 `);
  return closeWait.test(readFileSync('/proc/net/tcp', 'utf8'));
}

/** A polling session of its own, which posts and, where it does not poll, reads nothing. */
export async function openPolling(url: string): Promise<PollingAttacker> {
  const ended = new AbortController();
  const ask = async (query: string, init: RequestInit = {}): Promise<{ status: number; text: string }> => {
    const path = `/socket.io/?EIO=4&transport=polling${query}`;
    try {
      const answer = await fetch(url + path, { signal: ended.signal, ...init });
      return { status: answer.status, text: await answer.text() };
    } catch {
      return { status: 0, text: '' };
    }
  };
  const { text } = await ask('');
  const { sid } = JSON.parse(text.slice(1)) as { sid: string };
  return {
    sid,
    post: async (...packets) =>
      (await ask(`&sid=${sid}`, { method: 'POST', body: packets.join('\x1e') })).status,
    poll: async () => (await ask(`&sid=${sid}`)).text,
    close: () => ended.abort(),
  };
}

/** A session of HTTP long-polling in a test's hands. It never throws for what the server answers. */
export interface PollingAttacker {
  readonly sid: string;
  /** Gives the HTTP status; 0 where the connection was cut. */
  post(...packets: string[]): Promise<number>;
  poll(): Promise<string>;
  close(): void;
}

/** Posts the packets over and over, as soon as the last post was answered, until its session is gone. */
export async function floodPolling(
  url: string,
  { flood, reads }: { flood: string[]; reads: boolean },
): Promise<Attack> {
  const attacker = await openPolling(url);
  await attacker.post('40');
  const startedAt = performance.now();
  let isCut = false;
  const polling = reads
    ? (async () => {
        while (!isCut && performance.now() - startedAt < patienceMs) await attacker.poll();
      })()
    : Promise.resolve();
  while (!isCut && performance.now() - startedAt < patienceMs)
    isCut = (await attacker.post(...flood)) !== 200;
  const afterMs = performance.now() - startedAt;
  await polling;
  attacker.close();
  return { isCut, afterMs };
}
