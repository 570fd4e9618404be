/** Bad bytes on a WebSocket: each gets one answer, and a client beside it notices nothing. */
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  earlyRows,
  frameRows,
  maxMessageBytes,
  packetRows,
  unknownRows,
} from '../security/catalogue/wire-rows.ts';
import { frame, joinRaw, openRawWebSocket, type RawWebSocket } from '../support/clients/raw-web-socket.ts';
import { until } from '../support/until.ts';
import { shareBystander, shareReplica, startReplica } from './replica-under-test.ts';

const replica = shareReplica({
  MAX_MESSAGE_BYTES: String(maxMessageBytes),
  // Longer than any wait here: this limit must not be what closes a connection.
  CONNECT_TIMEOUT_MS: '60000',
});
const { unharmed } = shareBystander(replica);

async function kept(opening: Promise<RawWebSocket>): Promise<RawWebSocket> {
  const socket = await opening;
  onTestFinished(() => socket.close());
  return socket;
}
const joined = (): Promise<RawWebSocket> => kept(joinRaw(replica.port));
const opened = (query?: string): Promise<RawWebSocket> =>
  kept(openRawWebSocket(replica.port, query === undefined ? {} : { query }));

describe('handshakes', () => {
  it.each([
    ['a page of another origin', { headers: { Origin: 'https://evil.example' } }, 'origin_not_allowed'],
    ['an origin that is no URL', { headers: { Origin: 'null' } }, 'origin_not_allowed'],
    ['another path', { path: '/socket.io/admin/' }, 'not_found'],
    ['an unknown transport', { query: 'EIO=4&transport=pigeon' }, 'Transport unknown'],
    ['a transport named like a prototype', { query: 'EIO=4&transport=constructor' }, 'Transport unknown'],
    ['an unknown session', { query: 'EIO=4&transport=websocket&sid=nobody' }, 'Session ID unknown'],
    [
      'a session named like a prototype',
      { query: 'EIO=4&transport=websocket&sid=__proto__' },
      'Session ID unknown',
    ],
    ['protocol 3', { query: 'EIO=3&transport=websocket' }, 'Unsupported protocol version'],
    ['no protocol', { query: 'transport=websocket' }, 'Unsupported protocol version'],
  ])('[CN1] rejects %s on a WebSocket', async (_, options, reason) => {
    await expect(openRawWebSocket(replica.port, options)).rejects.toThrow(reason);
  });

  it('[CN1] closes a WebSocket whose handshake says polling', async () => {
    expect(await (await opened('EIO=4&transport=polling')).ended()).toBe(1_005);
  });
});

describe('frames', () => {
  it.each(frameRows)('[C4] closes a connection after %s, with its status', async (_, bytes, status) => {
    const socket = await joined();
    socket.tcp.write(bytes);
    expect(await socket.ended()).toBe(status);
  });

  it('[C4] accepts a message of the largest size, and a fragment that nothing follows', async () => {
    const socket = await joined();
    const [start, end] = ['421["nothing","', '"]'];
    socket.send(`${start.padEnd(maxMessageBytes - end.length, 'x')}${end}`);
    expect(await socket.said('431')).toContain('unknown_event');
    socket.tcp.write(frame('4', { fin: false }));
    await unharmed();
    expect(socket.closeCode()).toBeNull();
  });
});

describe('packets', () => {
  it.each(packetRows)('[C4] closes a connection after packets %s', async (_, sent) => {
    const socket = await joined();
    if (Buffer.isBuffer(sent)) socket.tcp.write(sent);
    else socket.send(...[sent].flat());
    expect(await socket.ended()).toBe(1_005);
  });

  it.each(earlyRows)('[C4] closes a connection after %s before CONNECT', async (_, sent) => {
    const socket = await opened();
    socket.send(sent);
    expect(await socket.ended()).toBe(1_005);
    expect(socket.texts.filter((text) => text.startsWith('4'))).toEqual([]);
  });

  it('[CN2] closes a connection that has not joined within CONNECT_TIMEOUT_MS', async () => {
    const { port } = await startReplica({ CONNECT_TIMEOUT_MS: '200' });
    expect(await (await kept(openRawWebSocket(port))).ended(10_000)).toBe(1_005);
  });

  it.each([
    ['has not joined', () => opened()],
    ['has joined', joined],
  ])(
    '[CN4] closes a connection that %s after its close packet, and answers no later call',
    async (_, open) => {
      const socket = await open();
      socket.send('1', '421["subscribe",["AAPL"]]');
      expect(await socket.ended(10_000)).toBe(1_005);
      expect(socket.texts.filter((text) => text.startsWith('431'))).toEqual([]);
    },
  );

  it('[C4] rejects an unknown namespace', async () => {
    const socket = await opened();
    socket.send('40/unknown,');
    expect(await socket.said('44/unknown,')).toBe('44/unknown,{"message":"Invalid namespace"}');
  });

  it('[LM3] disconnects a client that sends CONNECT twice at once', async () => {
    const socket = await opened();
    socket.send('40', '40');
    expect(await socket.said('42["refused"')).toContain('joined_twice');
    // Without waiting for the peer's own Close.
    await until(() => socket.isGone());
  });

  it.each(unknownRows)('[C3] answers %s as unknown', async (_, sent, answer) => {
    const socket = await joined();
    socket.send(sent);
    expect(await socket.said(answer)).toContain('"name":"unknown_event"');
  });

  it('[C4] rejects JSON 8,000 levels deep, with and without attachments', async () => {
    const { port, url } = await startReplica();
    const deep = `${'['.repeat(8_000)}${']'.repeat(8_000)}`;
    const socket = await kept(joinRaw(port));
    socket.send(`427["subscribe",${deep}]`);
    expect(await socket.said('437')).toContain('"name":"bad_payload"');
    socket.send(`451-8["subscribe",${deep}]`, 'bAA==');
    await Promise.race([socket.said('438'), socket.ended()]);
    expect((await fetch(`${url}/health`)).status).toBe(200);
  });
});
