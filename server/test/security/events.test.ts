/** Each bad event, packet and frame gets its one answer from the whole cluster through Nginx, and nobody else notices. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { codes } from '../../protocol/index.ts';
import { createRecorder } from '../support/recorder.ts';
import { joinRaw, openRawWebSocket } from '../support/raw-web-socket.ts';
import { eventRows } from './catalogue/event-rows.ts';
import { earlyRows, frameRows, packetRows, unknownRows } from './catalogue/wire-rows.ts';
import { startWatchedCluster, type WatchedCluster } from './watched-cluster.ts';

/** Some events are a user's alone. */
const asAnn = { auth: { userId: 'ann' } };

let cluster: WatchedCluster;

beforeAll(async () => {
  cluster = await startWatchedCluster();
});
afterAll(() => cluster.stop());

describe('events', () => {
  for (const [name, event, payload, refused = 'bad_payload'] of eventRows)
    it(`event: ${event}, ${name}`, async () => {
      const client = createRecorder(cluster.url, {
        ...asAnn,
        transports: ['websocket'],
        reconnection: false,
      });
      onTestFinished(() => client.close());
      expect(await client.subscribe(['AAPL'])).toMatchObject({ ok: true });
      const { code, retry } = codes[refused];
      expect(await client.call(event, ...payload)).toMatchObject({
        ok: false,
        code,
        name: refused,
        retry,
        symbols: ['AAPL'],
      });
      const seen = client.ticks('AAPL').length;
      await client.seen('tick', seen + 1);
      expect(client.faults()).toEqual([]);
      expect(client.of('message')).toEqual([]);
      expect(client.of('cluster')).toEqual([]);
      await cluster.unharmed();
    });

  it('event: a message of no user', async () => {
    const client = createRecorder(cluster.url, { transports: ['websocket'] });
    onTestFinished(() => client.close());
    const message = { recipient: 'ann', content: 'dummy-content' };
    expect(await client.call('send_message', message)).toMatchObject({ ok: false, name: 'user_required' });
    await cluster.unharmed();
  });

  it.each(['nobody', '__proto__', 'constructor', '...'])(
    'event: a message to %s, who is not there',
    async (recipient) => {
      const client = createRecorder(cluster.url, { ...asAnn, transports: ['websocket'] });
      onTestFinished(() => client.close());
      const message = { recipient, content: 'dummy-content' };
      expect(await client.call('send_message', message)).toEqual({ ok: true, delivered: 0 });
      await cluster.unharmed();
    },
  );
});

describe('wire', () => {
  for (const [name, bytes, status] of frameRows)
    it(`frame: ${name}`, async () => {
      const socket = await joinRaw(cluster.port);
      onTestFinished(() => socket.close());
      socket.tcp.write(bytes);
      expect(await socket.ended()).toBe(status);
      await cluster.unharmed();
    });

  for (const [name, sent] of packetRows)
    it(`packet: ${name}`, async () => {
      const socket = await joinRaw(cluster.port);
      onTestFinished(() => socket.close());
      if (Buffer.isBuffer(sent)) socket.tcp.write(sent);
      else socket.send(...[sent].flat());
      expect(await socket.ended()).toBe(1_005);
      await cluster.unharmed();
    });

  for (const [name, sent] of earlyRows)
    it(`packet before CONNECT: ${name}`, async () => {
      const socket = await openRawWebSocket(cluster.port);
      onTestFinished(() => socket.close());
      socket.send(sent);
      expect(await socket.ended()).toBe(1_005);
      await cluster.unharmed();
    });

  for (const [name, sent, answer] of unknownRows)
    it(`packet: ${name}`, async () => {
      const socket = await joinRaw(cluster.port);
      onTestFinished(() => socket.close());
      socket.send(sent);
      expect(await socket.said(answer)).toContain('"name":"unknown_event"');
      expect(socket.closeCode()).toBeNull();
      await cluster.unharmed();
    });

  it('no secret is in any log, and nothing crashed', async () => {
    expect(await cluster.endAndFindLeaks()).toEqual([]);
  });
});
