/** Frames and packets that a WebSocket may carry and that are not taken. Tuples: a name, what is sent, and what comes of it. */
import { frame } from '../../support/clients/raw-web-socket.ts';

/** The default of MAX_MESSAGE_BYTES. */
export const maxMessageBytes = 131_072;

const close = (code: number, reason: string | Buffer = ''): Buffer => {
  const status = Buffer.alloc(2);
  status.writeUInt16BE(code);
  return frame(Buffer.concat([status, Buffer.from(reason)]), { opcode: 8 });
};
const broken = Buffer.from([0x34, 0x32, 0xc3, 0x28]);

/** Frames, and the status with which they close the connection. */
export const frameRows: readonly [string, Buffer, number][] = [
  ['not masked', frame('2', { masked: false }), 1_002],
  ['the first reserved bit', frame('2', { rsv: 4 }), 1_002],
  ['the other reserved bits', frame('2', { rsv: 3 }), 1_002],
  ['a data opcode that is none', frame('2', { opcode: 3 }), 1_002],
  ['a control opcode that is none', frame('2', { opcode: 11 }), 1_002],
  ['a fragment without a start', frame('2', { opcode: 0 }), 1_002],
  [
    'a start within a fragmented message',
    Buffer.concat([frame('4', { fin: false }), frame('2', { fin: false })]),
    1_002,
  ],
  ['a ping in fragments', frame('', { opcode: 9, fin: false }), 1_002],
  ['a ping of 126 bytes', frame('x'.repeat(126), { opcode: 9 }), 1_002],
  ['text that is no UTF-8', frame(broken), 1_007],
  ['a reason that is no UTF-8', close(1_000, broken), 1_007],
  ['a close code for nobody', close(1_005), 1_002],
  ['a close code below all', close(999), 1_002],
  ['half a close code', frame(Buffer.from([3]), { opcode: 8 }), 1_002],
  ['one byte too many', frame('4'.padEnd(maxMessageBytes + 1, 'x')), 1_009],
  [
    'fragments of one byte too many',
    Buffer.concat([frame('4'.padEnd(maxMessageBytes, 'x'), { fin: false }), frame('x', { opcode: 0 })]),
    1_009,
  ],
  ['2^63 bytes declared', frame('2', { declared: 2n ** 63n }), 1_009],
  ['2^53 bytes declared', frame('2', { declared: 2n ** 53n }), 1_009],
  [
    'more empty fragments than a message may have',
    Buffer.concat([
      frame('4', { fin: false }),
      ...Array.from({ length: 16_384 }, () => frame('', { opcode: 0, fin: false })),
    ]),
    1_008,
  ],
];

/** Packets that close the connection of who has joined. */
export const packetRows: readonly [string, string | string[] | Buffer][] = [
  ['of no Engine.IO type', '9'],
  ['that are empty', ''],
  ['that ping a server', '2probe'],
  ['of no Socket.IO type', '4abc'],
  ['of the type after the last', '47'],
  ['an event that is an object', '42{}'],
  ['an event without an end', '42["subscribe",["A"]'],
  ['an event that is no JSON', '42[undefined]'],
  ['an event whose name is an object', '42[{}]'],
  ['an event whose list is empty', '42[]'],
  ...['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener'].map(
    (event): [string, string] => [`a reserved event, ${event}`, `42["${event}"]`],
  ),
  ['a negative acknowledgement', '42-1["subscribe",["A"]]'],
  ['an acknowledgement that is an object', '431{}'],
  ['a second CONNECT', '40'],
  ['a refusal of CONNECT, which only a server sends', '44{"message":"x"}'],
  ['attachments promised and not sent', ['451-["x",{"_placeholder":true,"num":0}]', '42["x"]']],
  ['attachments without a number', '45-["x"]'],
  ['too many attachments', '45999-["x"]'],
  ['a placeholder for nothing', ['451-["x",{"_placeholder":true,"num":7}]', 'bAA==']],
  ['stray binary', frame(Buffer.from([1, 2, 3]), { opcode: 2 })],
];

/** Packets that close the connection of who has not. */
export const earlyRows: readonly [string, string][] = [
  ['an event', '42["subscribe",["BTC-USD"]]'],
  ['a CONNECT with a number', '40[1]'],
  ['a CONNECT with a text', '40"x"'],
  ['a CONNECT with broken JSON', '40{'],
  ['a DISCONNECT', '41'],
];

/** Events that are answered as unknown, and what the answer begins with. */
export const unknownRows: readonly [string, string, string][] = [
  ['an event without a name', '427', '437'],
  ['an event whose name is a number', '427[1]', '437'],
  ['a name of a prototype', '427["__proto__"]', '437'],
  ['another name of a prototype', '427["constructor",1]', '437'],
  ['an event called error', '427["error"]', '437'],
  ['an acknowledgement of 22 digits', '421000000000000000000000["nothing"]', '431e+21'],
];
