/** Each bad thing on the wire gets its one answer, and a client beside it notices nothing. */
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { frame, joinRaw, openRawWebSocket, type RawWebSocket } from '../support/raw-web-socket.ts';
import { until } from '../support/until.ts';
import { startReplicaProcess, type ReplicaProcess } from './replica-process.ts';

const maxMessageBytes = 4_096;
let replica: ReplicaProcess;

beforeAll(async () => {
  replica = await startReplicaProcess({
    MAX_MESSAGE_BYTES: String(maxMessageBytes),
    CONNECT_TIMEOUT_MS: '500',
  });
});
afterEach(() => replica.unharmed());
afterAll(() => replica.stop());

async function joined(): Promise<RawWebSocket> {
  const socket = await joinRaw(replica.port);
  onTestFinished(() => socket.close());
  return socket;
}

async function opened(): Promise<RawWebSocket> {
  const socket = await openRawWebSocket(replica.port);
  onTestFinished(() => socket.close());
  return socket;
}

const close = (code: number, reason: string | Buffer = ''): Buffer => {
  const status = Buffer.alloc(2);
  status.writeUInt16BE(code);
  return frame(Buffer.concat([status, Buffer.from(reason)]), { opcode: 8 });
};
const broken = Buffer.from([0x34, 0x32, 0xc3, 0x28]);

describe('handshakes [CN1]', () => {
  it.each([
    ['a page of another origin', { headers: { Origin: 'https://evil.example' } }, 'origin_not_allowed'],
    ['an origin that is no address', { headers: { Origin: 'null' } }, 'origin_not_allowed'],
    ['another path', { path: '/socket.io/admin/' }, 'not_found'],
    ['an unknown transport', { query: 'EIO=4&transport=pigeon' }, 'Transport unknown'],
    ['a transport of a prototype', { query: 'EIO=4&transport=constructor' }, 'Transport unknown'],
    ['an unknown session', { query: 'EIO=4&transport=websocket&sid=nobody' }, 'Session ID unknown'],
    ['a session of a prototype', { query: 'EIO=4&transport=websocket&sid=__proto__' }, 'Session ID unknown'],
    ['protocol 3', { query: 'EIO=3&transport=websocket' }, 'Unsupported protocol version'],
    ['no protocol', { query: 'transport=websocket' }, 'Unsupported protocol version'],
  ])('%s is refused as a WebSocket', async (_, options, reason) => {
    await expect(openRawWebSocket(replica.port, options)).rejects.toThrow(reason);
  });

  it('a WebSocket that says it polls is closed', async () => {
    const socket = await openRawWebSocket(replica.port, { query: 'EIO=4&transport=polling' });
    onTestFinished(() => socket.close());
    expect(await socket.ended()).toBe(1_005);
  });
});

describe('frames [C4]', () => {
  it.each<[string, Buffer, number]>([
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
  ])('%s closes the connection with its status', async (_, bytes, status) => {
    const socket = await joined();
    socket.tcp.write(bytes);
    expect(await socket.ended()).toBe(status);
  });

  it('fragments that are never ended, and a message as long as may be, are no fault', async () => {
    const socket = await joined();
    const [start, end] = ['421["nothing","', '"]'];
    socket.send(`${start.padEnd(maxMessageBytes - end.length, 'x')}${end}`);
    expect(await socket.said('431')).toContain('unknown_event');
    socket.tcp.write(frame('4', { fin: false }));
    await replica.unharmed();
    expect(socket.closeCode()).toBeNull();
  });
});

describe('packets [C4]', () => {
  it.each<[string, string | string[] | Buffer]>([
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
    ['a reserved event, connect', '42["connect"]'],
    ['a reserved event, connect_error', '42["connect_error"]'],
    ['a reserved event, disconnect', '42["disconnect"]'],
    ['a reserved event, disconnecting', '42["disconnecting"]'],
    ['a reserved event, newListener', '42["newListener"]'],
    ['a negative acknowledgement', '42-1["subscribe",["A"]]'],
    ['an acknowledgement that is an object', '431{}'],
    ['a second CONNECT', '40'],
    ['a refusal of CONNECT, which only a server sends', '44{"message":"x"}'],
    ['attachments promised and not sent', ['451-["x",{"_placeholder":true,"num":0}]', '42["x"]']],
    ['attachments without a number', '45-["x"]'],
    ['too many attachments', '45999-["x"]'],
    ['a placeholder for nothing', ['451-["x",{"_placeholder":true,"num":7}]', 'bAA==']],
    ['stray binary', frame(Buffer.from([1, 2, 3]), { opcode: 2 })],
  ])('%s close the connection', async (_, sent) => {
    const socket = await joined();
    if (Buffer.isBuffer(sent)) socket.tcp.write(sent);
    else socket.send(...[sent].flat());
    expect(await socket.ended()).toBe(1_005);
  });

  it.each([
    ['an event', '42["subscribe",["BTC-USD"]]'],
    ['a CONNECT with a number', '40[1]'],
    ['a CONNECT with a text', '40"x"'],
    ['a CONNECT with broken JSON', '40{'],
    ['a DISCONNECT', '41'],
  ])('%s before CONNECT closes the connection', async (_, sent) => {
    const socket = await opened();
    socket.send(sent);
    expect(await socket.ended()).toBe(1_005);
    expect(socket.texts.filter((text) => text.startsWith('4'))).toEqual([]);
  });

  it('who never joins is closed after CONNECT_TIMEOUT_MS', async () => {
    const socket = await opened();
    expect(await socket.ended()).toBe(1_005);
  });

  it('a namespace that is not there is refused', async () => {
    const socket = await opened();
    socket.send('40/unknown,');
    expect(await socket.said('44/unknown,')).toBe('44/unknown,{"message":"Invalid namespace"}');
  });

  it('[LM3] two CONNECTs in one go are one too many', async () => {
    const socket = await opened();
    socket.send('40', '40');
    expect(await socket.said('42["refused"')).toContain('joined_twice');
    // Without waiting for the peer's own Close.
    await until(() => socket.isGone());
  });

  it.each([
    ['an event without a name', '427', '437'],
    ['an event whose name is a number', '427[1]', '437'],
    ['a name of a prototype', '427["__proto__"]', '437'],
    ['another name of a prototype', '427["constructor",1]', '437'],
    ['an event called error', '427["error"]', '437'],
    ['an acknowledgement of 22 digits', '421000000000000000000000["nothing"]', '431e+21'],
  ])('%s is answered as unknown', async (_, sent, answer) => {
    const socket = await joined();
    socket.send(sent);
    expect(await socket.said(answer)).toContain('"name":"unknown_event"');
  });

  it('JSON 8,000 deep is a payload of the wrong form, also where attachments are looked for in it', async () => {
    const wide = await startReplicaProcess();
    onTestFinished(() => wide.stop());
    const deep = `${'['.repeat(8_000)}${']'.repeat(8_000)}`;
    const socket = await joinRaw(wide.port);
    onTestFinished(() => socket.close());
    socket.send(`427["subscribe",${deep}]`);
    expect(await socket.said('437')).toContain('"name":"bad_payload"');
    socket.send(`451-8["subscribe",${deep}]`, 'bAA==');
    await Promise.race([socket.said('438'), socket.ended()]);
    await wide.unharmed();
  });
});
