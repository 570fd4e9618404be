/** Each bad thing on the wire gets its one answer, and a client beside it notices nothing. */
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  earlyRows,
  frameRows,
  maxMessageBytes,
  packetRows,
  unknownRows,
} from '../security/catalogue/wire-rows.ts';
import { frame, joinRaw, openRawWebSocket, type RawWebSocket } from '../support/raw-web-socket.ts';
import { until } from '../support/until.ts';
import { startReplicaProcess, type ReplicaProcess } from './replica-process.ts';

let replica: ReplicaProcess;

beforeAll(async () => {
  replica = await startReplicaProcess({
    MAX_MESSAGE_BYTES: String(maxMessageBytes),
    // Longer than any wait here: it is not what ends who has not joined.
    CONNECT_TIMEOUT_MS: '60000',
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
  it.each(frameRows)('%s closes the connection with its status', async (_, bytes, status) => {
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
  it.each(packetRows)('%s close the connection', async (_, sent) => {
    const socket = await joined();
    if (Buffer.isBuffer(sent)) socket.tcp.write(sent);
    else socket.send(...[sent].flat());
    expect(await socket.ended()).toBe(1_005);
  });

  it.each(earlyRows)('%s before CONNECT closes the connection', async (_, sent) => {
    const socket = await opened();
    socket.send(sent);
    expect(await socket.ended()).toBe(1_005);
    expect(socket.texts.filter((text) => text.startsWith('4'))).toEqual([]);
  });

  it('who never joins is closed after CONNECT_TIMEOUT_MS', async () => {
    const hurried = await startReplicaProcess({ CONNECT_TIMEOUT_MS: '500' });
    onTestFinished(() => hurried.stop());
    const socket = await openRawWebSocket(hurried.port);
    onTestFinished(() => socket.close());
    expect(await socket.ended(10_000)).toBe(1_005);
  });

  it('[CN4] who says that it closes is closed, whether it has joined or not', async () => {
    for (const open of [opened, joined]) {
      const socket = await open();
      socket.send('1', '421["subscribe",["AAPL"]]');
      expect(await socket.ended(10_000)).toBe(1_005);
      expect(socket.texts.filter((text) => text.startsWith('431'))).toEqual([]);
    }
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

  it.each(unknownRows)('%s is answered as unknown', async (_, sent, answer) => {
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
