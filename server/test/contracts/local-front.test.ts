/** Connections to the one port of the local cluster: each reaches a ready worker or ends, whatever happens to workers. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { localProgram } from './local-processes.ts';
import { body, request, type Outcome } from './local-requests.ts';

const { startPort: start } = localProgram();

describe('the port of the local cluster', () => {
  it('spreads connections over the workers and carries requests with a body', async () => {
    const { processes, port } = await start();
    await processes.readyCount(2);
    const outcomes: Outcome[] = [];
    for (let count = 0; count < 10; count++) outcomes.push(await request(port, 'get', 5_000));
    const bodies = outcomes.map((each) =>
      each.at === 'answered' ? each.text.split('\r\n\r\n')[1] : each.at,
    );
    expect(bodies.filter((text) => text?.includes('local-1'))).toHaveLength(5);
    expect(bodies.filter((text) => text?.includes('local-2'))).toHaveLength(5);
    expect(await request(port, 'post', 5_000)).toMatchObject({
      status: 200,
      text: expect.stringContaining(`"length":${body.length}`) as string,
    });
  });

  it('refuses an upgrade with a body, which it can answer only when all comes at once', async () => {
    const { port } = await start({ workers: 1 });
    for (const [header, how, expected] of [
      ['Content-Length: 0', 'at once', /^HTTP\/1\.1 400 /],
      ['content-length: 5', 'at once', /^HTTP\/1\.1 400 /],
      ['Transfer-Encoding: chunked', 'at once', /^HTTP\/1\.1 400 /],
      ['Content-Length: 0', 'in two pieces', /^$/],
    ] as const) {
      const socket = connect(port, '127.0.0.1').setEncoding('utf8');
      let text = '';
      socket.on('data', (chunk: string) => void (text += chunk));
      const first = `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\n${header}\r\n`;
      const second =
        'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
      if (how === 'at once') socket.write(first + second);
      else {
        socket.write(first);
        // The answer to another connection shows that the first piece was read by itself.
        await request(port, 'get', 5_000);
        socket.write(second);
      }
      await once(socket, 'close', { signal: AbortSignal.timeout(5_000) });
      expect([header, how, text]).toEqual([header, how, expect.stringMatching(expected)]);
    }
  });

  it('ends a carried connection that leaves its answers unread', async () => {
    const { processes, port } = await start({ workers: 1 });
    const memory = (): number =>
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${processes.primary.pid}/status`, 'utf8'))?.[1]);
    const before = memory();
    const socket = connect(port, '127.0.0.1').pause();
    socket.on('error', () => {});
    // The answer comes in many pieces, 64 MB in all.
    socket.write('GET /long HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n');
    await once(socket, 'ready');
    await vi.waitFor(() => expect(processes.output()).toContain('a long answer was cut'), {
      timeout: 10_000,
      interval: 10,
    });
    expect(memory() - before).toBeLessThan(32 * 1024);
    socket.destroy();
    expect(await request(port, 'post', 5_000)).toMatchObject({ status: 200 });
  });

  /** Workers of which the first was killed and loads again for two seconds. */
  async function startReloading(workers: number) {
    const { processes, port, kill } = await start({ workers, loadMs: 2_000 });
    await processes.readyCount(workers);
    kill('local-1', 'SIGKILL');
    await vi.waitFor(() => expect(processes.output().match(/local-1 loads/g)).toHaveLength(2), {
      timeout: 10_000,
      interval: 10,
    });
    return { processes, port };
  }

  it('gives a worker that still loads no connection', async () => {
    const { processes, port } = await startReloading(2);
    const during = await Promise.all(Array.from({ length: 20 }, () => request(port, 'get', 1_800)));
    expect(processes.ready).toHaveLength(2);
    expect(during.map((each) => each.at === 'answered' && each.text.includes('local-2'))).not.toContain(
      false,
    );
  });

  it('answers 503 at once while no worker is ready', async () => {
    const { processes, port } = await startReloading(1);
    expect(await request(port, 'get', 1_500)).toMatchObject({ status: 503 });
    expect(await request(port, 'post', 1_500)).toMatchObject({ status: 503 });
    await processes.readyCount(2);
    expect(await request(port, 'get', 5_000)).toMatchObject({ status: 200 });
  });

  it('ends a request whose headers do not come to an end', async () => {
    const { port } = await start({ workers: 1 });
    const socket = connect(port, '127.0.0.1').resume();
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n');
    const before = performance.now();
    await once(socket, 'close');
    expect(performance.now() - before).toBeGreaterThan(400);
  });
});
