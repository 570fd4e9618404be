import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startTcpProxy, type TcpProxyOptions } from './tcp-proxy.ts';
import { until } from '../until.ts';

/** A socket with what came out of it and how it ended. */
function heard(socket: Socket) {
  const seen = { text: '', bytes: 0, ended: false, error: '' };
  socket.on('data', (data) => {
    seen.bytes += data.length;
    seen.text = (seen.text + String(data)).slice(-1_000);
  });
  socket.on('end', () => void (seen.ended = true));
  socket.on('error', (error) => void (seen.error = (error as NodeJS.ErrnoException).code ?? ''));
  return Object.assign(socket, { seen });
}

/** A server that keeps its sockets, a proxy before it and a client through it. */
async function setUp(options: Partial<TcpProxyOptions> = {}) {
  const accepted: ReturnType<typeof heard>[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => void accepted.push(heard(socket)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = await startTcpProxy({ to: (server.address() as AddressInfo).port, ...options });
  onTestFinished(async () => {
    await proxy.close();
    for (const socket of accepted) socket.destroy();
    server.close();
  });
  const join = async () => {
    const count = accepted.length;
    const client = heard(connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true }));
    onTestFinished(() => void client.destroy());
    const far = await until(() => accepted[count]);
    return { client, far };
  };
  return { proxy, join };
}

describe('the TCP proxy', () => {
  it('hands on both ways, with the end of each, and counts', async () => {
    const { proxy, join } = await setUp();
    const { client, far } = await join();
    client.write('question');
    await until(() => far.seen.text === 'question');
    client.end();
    await until(() => far.seen.ended);
    far.end('answer!');
    await until(() => client.seen.ended);
    expect(client.seen.text).toBe('answer!');
    expect(proxy.counts()).toMatchObject({ accepted: 1, up: 8, down: 7, swallowed: 0 });
    await until(() => proxy.connections().length === 0);
  });

  it.each(['rst', 'fin'] as const)('cuts all with %s, and new connections work', async (how) => {
    const { proxy, join } = await setUp();
    const { client, far } = await join();
    proxy.cut(how);
    for (const { seen } of [client, far])
      await until(() => (how === 'rst' ? seen.error === 'ECONNRESET' : seen.ended && seen.error === ''));
    const next = await join();
    next.client.write('again');
    await until(() => next.far.seen.text === 'again');
    expect(proxy.counts()).toMatchObject({ accepted: 2, cut: 1 });
  });

  it('delays each way and keeps the order', async () => {
    const { proxy, join } = await setUp();
    proxy.suffer('up', { delayMs: 150 });
    const { client, far } = await join();
    const sentAt = performance.now();
    for (let i = 0; i < 100; i++) client.write(`${i},`);
    await until(() => far.seen.text.endsWith('99,'));
    expect(performance.now() - sentAt).toBeGreaterThan(140);
    expect(far.seen.text).toBe(Array.from({ length: 100 }, (_, i) => `${i},`).join(''));
    far.write('back');
    const backAt = performance.now();
    await until(() => client.seen.text === 'back');
    expect(performance.now() - backAt).toBeLessThan(100);
  });

  it('holds one way only, and lets all of it through when healed', async () => {
    const { proxy, join } = await setUp();
    const { client, far } = await join();
    proxy.suffer('down', { passing: 'hold' });
    far.write('held');
    client.write('passes');
    await until(() => far.seen.text === 'passes');
    expect(client.seen.text).toBe('');
    proxy.heal();
    await until(() => client.seen.text === 'held');
  });

  it('holds a sender back instead of buffering without bound', async () => {
    const { proxy, join } = await setUp();
    proxy.suffer('up', { passing: 'hold' });
    const { client, far } = await join();
    const bytes = 32 * 1_048_576;
    client.write(Buffer.alloc(bytes));
    await until(() => client.writableLength > 0);
    expect(proxy.counts().up).toBe(0);
    proxy.heal();
    await until(() => far.seen.bytes === bytes, { withinMs: 10_000 });
  });

  it('swallows one way while the connection lives, and for good', async () => {
    const { proxy, join } = await setUp();
    const { client, far } = await join();
    proxy.suffer('down', { passing: 'swallow' });
    far.write('lost');
    await until(() => proxy.counts().swallowed === 4);
    proxy.heal();
    far.write('kept');
    await until(() => client.seen.text !== '');
    expect(client.seen.text).toBe('kept');
  });

  it('starves one way: only what is as small as the answer to a ping comes', async () => {
    const { proxy, join } = await setUp();
    const { client, far } = await join();
    proxy.suffer('down', { passing: 'starve' });
    far.write('x'.repeat(100));
    await until(() => proxy.counts().swallowed === 100);
    far.write('+PONG');
    await until(() => client.seen.text === '+PONG');
  });

  it('throttles to bytes a second', async () => {
    const { proxy, join } = await setUp();
    const { client, far } = await join();
    proxy.suffer('up', { bytesPerSecond: 50_000 });
    const startedAt = performance.now();
    client.write(Buffer.alloc(25_000));
    await until(() => far.seen.bytes === 25_000);
    const tookMs = performance.now() - startedAt;
    expect(tookMs).toBeGreaterThan(400);
    expect(tookMs).toBeLessThan(1_000);
  });

  it('treats one connection apart from the others', async () => {
    const { proxy, join } = await setUp({ mark: /SUBSCRIBE/ });
    const one = await join();
    const other = await join();
    one.client.write('SUBSCRIBE to something');
    other.client.write('something else');
    await until(() => one.far.seen.text !== '' && other.far.seen.text !== '');
    const marked = proxy.connections().filter((connection) => connection.marked);
    expect(marked.map(({ id }) => id)).toEqual([1]);
    marked[0]?.cut('rst');
    await until(() => one.client.seen.error === 'ECONNRESET');
    other.client.write('!');
    await until(() => other.far.seen.text === 'something else!');
  });

  it('resets new connections while it does not accept', async () => {
    const { proxy, join } = await setUp();
    proxy.accept(false);
    const client = heard(connect({ port: proxy.port, host: '127.0.0.1' }));
    await until(() => client.seen.error === 'ECONNRESET');
    proxy.heal();
    await join();
  });
});
