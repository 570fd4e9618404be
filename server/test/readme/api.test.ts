/** The README's section of the HTTP API: its table is the document's, and its calls are made. */
import { expect, it, onTestFinished } from 'vitest';
import { startChild } from '../support/start-child.ts';
import { readApiDocument } from '../support/api-document.ts';
import { startEmbeddedCluster } from '../support/embedded-cluster.ts';
import { createRecorder } from '../support/recorder.ts';
import { until } from '../support/until.ts';
import { example, ownAddress, readme } from './examples.ts';

it('names every call of the API, and shows some by curl', async () => {
  const cluster = await startEmbeddedCluster({ API_KEYS: 'my-own-secret-key' });
  onTestFinished(() => cluster.close());
  const { operations } = await readApiDocument(cluster.url);
  const section = readme.slice(readme.indexOf('## HTTP API'), readme.indexOf('## Bridge'));
  const named = [...section.matchAll(/`((?:GET|PUT|POST|DELETE) [^`]+)`/g)].map(([, call = '']) => call);
  expect(named.toSorted()).toEqual(operations.map(({ method, path }) => `${method} ${path}`).toSorted());

  const ann = createRecorder(cluster.url, { auth: { userId: 'ann' } });
  onTestFinished(() => ann.close());
  await ann.seen('feed', 1, 10_000);
  await until(
    async () => JSON.stringify(await (await fetch(`${cluster.url}health`)).json()).includes('"ok"'),
    {
      withinMs: 10_000,
    },
  );
  const commands = example('sh', 'feed/pause').replaceAll(ownAddress, cluster.url.replace(/\/$/, ''));
  const child = await startChild({ name: 'curl', command: 'sh', args: ['-c', commands] });
  await child.ended;
  const answers = child.logs().map((line): unknown => JSON.parse(line));
  expect(answers).toEqual([
    expect.objectContaining({ users: [{ user: 'ann', connections: 1 }] }),
    { feed: 'paused', changed: true },
    { feed: 'running', changed: true },
    { disconnected: 1 },
  ]);
  await ann.seen('refused');
  expect(ann.of('refused')).toMatchObject([{ name: 'disconnected' }]);
});
