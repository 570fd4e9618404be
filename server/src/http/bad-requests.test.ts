/** Bad requests to every operation of the document, through a true server. `npm run test:security` sends them through Nginx. */
import PQueue from 'p-queue';
import { afterAll, expect, it } from 'vitest';
import { key, type HttpRow } from '../../test/security/catalogue/http-row.ts';
import { documentForm, operationRows } from '../../test/security/catalogue/operation-rows.ts';
import { compare } from '../../test/security/exchanges.ts';
import { serveApp } from '../../test/support/stand-ins/serve-app.ts';

let changes = 0;
const change = <Outcome>(outcome: Outcome) => {
  changes++;
  return Promise.resolve(outcome);
};
const app = await serveApp({
  apiKeys: [{ name: 'desk', key }],
  pauseFeed: () => change({ ok: true, isChange: true }),
  changeList: () => change({ ok: true, isChange: true, feed: 'push' }),
  disconnectUser: () => change({ ok: true, disconnected: 0 }),
  sendMessage: () => change({ ok: true, delivered: 0 }),
  sendQuote: () => change({ ok: true, delivered: 0 }),
  drainNode: () => change('told'),
});
afterAll(() => app.close());

const document = documentForm.parse(await (await app.get('/api/openapi.json')).json());
const port = Number(new URL(app.url).port);

it('[AP2][AP6] each gets the answer of its row, and nothing is done', async () => {
  const queue = new PQueue({ concurrency: 50 });
  const check = async (row: HttpRow): Promise<void> => {
    const { seen, expected } = await compare(port, row);
    expect({ ...seen, row: row[0] }).toMatchObject({ ...expected, row: row[0] });
  };
  await queue.addAll(operationRows(document).map((row) => () => check(row)));
  expect([changes, app.pushes]).toEqual([0, []]);
});
