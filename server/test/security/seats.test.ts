/** Who names itself wrongly, wants more seats than there are, or comes as many users at once; from the whole cluster through Nginx. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { codes, type Hello, type Refusal } from '../../protocol/index.ts';
import { createRecorder, type Recorder } from '../support/recorder.ts';
import { until } from '../support/until.ts';
import { badUserIds } from './catalogue/user-ids.ts';
import { startWatchedCluster, type WatchedCluster } from './watched-cluster.ts';

const maxPerUser = 3;
/** Values of `cid` that are none: each stands for the connection alone, and takes nobody's seat. */
const badCids: readonly [string, string][] = [
  ['of nothing', ''],
  ['of 65 letters', 'c'.repeat(65)],
  ['of 5,000 letters', 'c'.repeat(5_000)],
  ['with a blank', 'a b'],
  ['with a separator', 'a:b'],
  ['with a glob', '*'],
  ['of markup', '<b>'],
  ['with a line break', 'a\r\nb'],
  ['with a zero byte', 'a\0b'],
];

let cluster: WatchedCluster;

/** A stock client that comes once. */
function come(auth: object, query: Record<string, string> = {}): Recorder {
  const client = createRecorder(cluster.url, {
    transports: ['websocket'],
    reconnection: false,
    auth: { ...auth },
    query,
  });
  onTestFinished(() => client.close());
  return client;
}

/** `hello`, or why there is none. */
function answerTo(client: Recorder): Promise<Hello | Refusal> {
  let denied: Refusal | null = null;
  client.socket.on('connect_error', (error) => (denied = (error as Error & { data: Refusal }).data));
  return until(() => client.hellos()[0] ?? client.of<Refusal>('refused')[0] ?? denied, {
    withinMs: 10_000,
    saw: () => client.events,
  });
}

const isHello = (answer: Hello | Refusal): answer is Hello => 'node' in answer;

describe('seats', () => {
  beforeAll(async () => {
    cluster = await startWatchedCluster({ env: { MAX_CONNECTIONS_PER_USER: String(maxPerUser) } });
  });
  afterAll(() => cluster.stop());

  for (const [name, userId] of badUserIds)
    it(`[SI1] a user id ${name}`, async () => {
      const { code, retry } = codes.bad_user_id;
      const client = come({ userId });
      expect(await answerTo(client)).toMatchObject({ code, name: 'bad_user_id', retry });
      expect(client.hellos()).toEqual([]);
      await cluster.unharmed();
    });

  for (const [name, cid] of badCids)
    it(`[ST2] a cid ${name} takes no seat over`, async () => {
      const userId = `cid-${badCids.findIndex(([other]) => other === name)}`;
      const seated = [];
      for (let n = 0; n < maxPerUser; n++) seated.push(await answerTo(come({ userId }, { cid })));
      expect(seated.every(isHello)).toBe(true);
      expect(await answerTo(come({ userId }, { cid }))).toMatchObject({ name: 'too_many_connections' });
      await cluster.unharmed();
    });

  it('[ST1] sixty connections of one user at once: three are let in, on whatever replica', async () => {
    const clients = Array.from({ length: 60 }, () => come({ userId: 'crowd' }));
    const answers = await Promise.all(clients.map(answerTo));
    expect(answers.filter(isHello)).toHaveLength(maxPerUser);
    const { code, retry } = codes.too_many_connections;
    for (const answer of answers.filter((one) => !isHello(one)))
      expect(answer).toMatchObject({ code, name: 'too_many_connections', retry });
    await cluster.unharmed();
  });

  it('[ST2] one cid that twenty connections of a user bring is one seat', async () => {
    const clients = Array.from({ length: 20 }, () => come({ userId: 'twins' }, { cid: 'the-same' }));
    // Some are in already when the next one comes, others still at the door: those are told by the handshake's error.
    const denied: Refusal[] = [];
    for (const { socket } of clients)
      socket.on('connect_error', (error) => void denied.push((error as Error & { data: Refusal }).data));
    const losses = (): Refusal[] => [
      ...denied,
      ...clients.flatMap((client) => client.of<Refusal>('refused')),
    ];
    const isIn = ({ socket }: Recorder): boolean => socket.connected;
    await until(() => losses().length === clients.length - 1 && clients.filter(isIn).length === 1, {
      withinMs: 10_000,
      saw: () => clients.map(({ socket, events }) => [socket.connected, events.at(-1)?.event]),
    });
    for (const loss of losses()) expect(loss).toMatchObject({ name: 'seat_taken_over', retry: 'never' });
    await cluster.unharmed();
  });

  it('[ST2] a cid of another user takes nothing over', async () => {
    const [ann, bob] = [
      come({ userId: 'owner' }, { cid: 'wanted' }),
      come({ userId: 'thief' }, { cid: 'wanted' }),
    ];
    expect((await Promise.all([ann, bob].map(answerTo))).every(isHello)).toBe(true);
    await cluster.unharmed();
    expect([ann.socket.connected, bob.socket.connected]).toEqual([true, true]);
    expect([ann.of('refused'), bob.of('refused')]).toEqual([[], []]);
  });

  it('[ST1] three hundred users at once are all let in, and their seats are free again', async () => {
    const users = Array.from({ length: 300 }, (_, n) => ({ userId: `user-${n}` }));
    for (let round = 0; round < 2; round++) {
      const clients = users.map((user) => come(user));
      const answers = await Promise.all(clients.map(answerTo));
      expect(answers.filter(isHello)).toHaveLength(users.length);
      for (const client of clients) client.close();
    }
    await cluster.unharmed();
  });

  it('[ST3] a user who comes and goes sixty times has its seats', async () => {
    for (let n = 0; n < 60; n++) {
      const client = come({ userId: 'restless' });
      expect(isHello(await answerTo(client))).toBe(true);
      client.close();
    }
    await cluster.unharmed();
  });

  it('no secret is in any log, and nothing crashed', async () => {
    expect(await cluster.endAndFindLeaks()).toEqual([]);
  });
});
