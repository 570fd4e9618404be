/** Calls that send messages and quotes. */
import { expect } from 'vitest';
import type { Delivered, MessageAck } from '../../protocol/index.ts';
import type { Recorder } from '../support/clients/recorder.ts';
import { apiKey } from './cluster-under-test.ts';

/** Longer than an unresponsive replica is waited for, and much less than Socket.IO would wait. */
export const answeredWithinMs = 1_500;

export function post(
  path: 'message' | 'quote',
  url: string,
  body: object,
  headers: Record<string, string> = { 'X-API-Key': apiKey },
): Promise<Response> {
  return fetch(new URL(`/api/${path}`, url), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(5_000),
  });
}

/** Sends and returns the answer with the milliseconds that it took. */
export async function message(url: string, body: object): Promise<Delivered & { tookMs: number }> {
  const before = performance.now();
  const answer = await post('message', url, body);
  expect(answer.status).toBe(200);
  const delivered = (await answer.json()) as Delivered;
  return { ...delivered, tookMs: performance.now() - before };
}

export const send = (from: Recorder, recipient: string, content: string): Promise<MessageAck> =>
  from.call('send_message', { recipient, content });

export function three<T>([first, second, third]: readonly T[]): [T, T, T] {
  if (first === undefined || second === undefined || third === undefined)
    throw new Error('Fewer than three.');
  return [first, second, third];
}
