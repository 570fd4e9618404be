/** `/metrics` of a replica on a port of its own. observability/one-machine.test.ts has the port of one machine. */
import { expect, it } from 'vitest';
import { startClusterUnderTest } from './cluster-under-test.ts';

async function ask(url: string, init?: RequestInit): Promise<{ status: number; type: string; text: string }> {
  const answer = await fetch(url, init);
  return {
    status: answer.status,
    type: answer.headers.get('content-type') ?? '',
    text: await answer.text(),
  };
}

it('the figures of a replica have a port of their own, and neither its main port nor Nginx has them', async () => {
  const { replicas, url } = await startClusterUnderTest({
    replicas: 1,
    launchOf: () => ({ env: { METRICS_PORT: '0' } }),
  });
  const [replica] = replicas;
  const told = replica
    ?.logs()
    .map((line) => JSON.parse(line) as { msg?: string; port?: number })
    .find(({ msg }) => msg === 'figures are told');
  const own = `http://127.0.0.1:${told?.port}`;

  const figures = await ask(`${own}/metrics`);
  expect([figures.status, figures.type]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
  expect(figures.text).toContain('socket_connections_active{node="r1"} 0');
  expect((await ask(`${replica?.url}/metrics`)).status).toBe(404);
  expect((await ask(`${url}/metrics`)).status).toBe(404);

  for (const path of ['/', '/health', '/api/ticks', '/socket.io/?EIO=4&transport=polling'])
    expect(await ask(`${own}${path}`)).toMatchObject({
      status: 404,
      type: expect.stringContaining('application/problem+json'),
    });
  expect(await ask(`${own}/metrics`, { method: 'POST', body: 'x' })).toMatchObject({ status: 405 });
});
