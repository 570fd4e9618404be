/** What hostile clients do without end; each is to be cut. Tuples: what it does, and how. */
import type { WebSocketAttackOptions } from './attackers.ts';
import { frame } from './raw-web-socket.ts';

const call = frame('420["subscribe",["BTC-USD","AAPL"]]');
const unknown = frame('421["nothing"]');
const large = frame(`42["nothing","${'x'.repeat(131_000)}"]`);

/** Over Socket.IO's WebSocket, before and after the namespace is joined. */
export const webSocketAttacks: readonly [string, WebSocketAttackOptions][] = [
  ['pings and does not read', { flood: frame('x'.repeat(100), { opcode: 9 }), reads: false }],
  ['pings and reads', { flood: frame('', { opcode: 9 }), reads: true }],
  ['sends pongs that nobody asked for', { flood: frame('', { opcode: 10 }), reads: true }],
  ['connects to what is not there and does not read', { flood: frame('40/unknown,'), reads: false }],
  ['connects to what is not there and reads', { flood: frame('40/unknown,'), reads: true }],
  ['connects again and again', { flood: frame('40'), reads: true }],
  ['joins and leaves', { flood: Buffer.concat([frame('41'), frame('40')]), joins: true, reads: true }],
  ['calls and does not read', { flood: call, joins: true, reads: false }],
  ['calls and reads', { flood: call, joins: true, reads: true }],
  ['calls what is not there and does not read', { flood: unknown, joins: true, reads: false }],
  ['sends events without an acknowledgement', { flood: frame('42["x"]'), joins: true, reads: true }],
  ['acknowledges what nobody asked', { flood: frame('431[]'), joins: true, reads: true }],
  ['sends large messages', { flood: large, joins: true, reads: true }],
  ['answers pings that nobody sent', { flood: frame('3'), reads: true }],
  ['sends nothing as fast as it can', { flood: frame('6'), reads: true }],
  [
    'sends empty fragments',
    {
      flood: Buffer.concat([
        frame('6', { fin: false }),
        ...Array.from({ length: 9_000 }, () => frame('', { opcode: 0, fin: false })),
        frame('', { opcode: 0 }),
      ]),
      reads: true,
    },
  ],
];

const many = (packet: string): string[] => Array.from({ length: 400 }, () => packet);

/** Over Socket.IO's polling, where the packets of one post are sent together. */
export const pollingAttacks: readonly [string, { flood: string[]; reads: boolean }][] = [
  ['connects to what is not there and does not poll', { flood: many('40/unknown,'), reads: false }],
  ['calls and does not poll', { flood: many('421["subscribe",["BTC-USD","AAPL"]]'), reads: false }],
  ['calls and polls', { flood: many('421["subscribe",["BTC-USD","AAPL"]]'), reads: true }],
  ['calls what is not there', { flood: many('421["nothing"]'), reads: false }],
  ['sends large messages', { flood: [`42["x","${'x'.repeat(130_000)}"]`], reads: true }],
  ['answers pings that nobody sent', { flood: many('3'), reads: true }],
];

/** On a plain WebSocket, of `/stream`. */
export const streamAttacks: readonly [string, WebSocketAttackOptions][] = [
  ['sends messages and reads', { flood: frame('BTC-USD'), reads: true }],
  ['sends messages and does not read', { flood: frame('BTC-USD,AAPL,MSFT'), reads: false }],
  ['pings and does not read', { flood: frame('x'.repeat(100), { opcode: 9 }), reads: false }],
  ['sends pongs that nobody asked for', { flood: frame('', { opcode: 10 }), reads: true }],
  ['sends large messages', { flood: frame('A'.repeat(131_000)), reads: true }],
];
