/** Each figure under what moves it, on two real replicas: it says then what its help says, and nothing where nothing happened. */
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { startCluster, type Cluster } from '../support/processes/start-cluster.ts';
import { codes, type Tick } from '../../protocol/index.ts';
import { createRawReader } from '../support/clients/raw-reader.ts';
import { createRecorder, type Recorder } from '../support/clients/recorder.ts';
import { startTcpProxy, type TcpProxy } from '../support/stand-ins/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { seriesOf, tell, type Told } from './tell.ts';

const apiKey = 'dummy-key-1';
/** Appends within `RECOVERY_SECONDS` at one per `APPEND_MS`, and more. */
const beyondWindow = 400;

let cluster: Cluster;
let leader: Cluster['replicas'][number];
let follower: Cluster['replicas'][number];
const proxies = new Map<string, TcpProxy>();

type Figures = Told['sum'];
type Replica = Cluster['replicas'][number];

const read = async ({ url }: Replica): Promise<Figures> => (await tell(url)).sum;

/** Waits until they say so, and gives them. A failure shows the figures that were asked for. */
function become(replica: Replica, fits: (sum: Figures) => boolean): Promise<Figures> {
  const seen = new Map<string, number>();
  return until(
    async () => {
      const sum = await read(replica);
      const noted: Figures = (name, labels) => {
        seen.set(name, sum(name, labels));
        return sum(name, labels);
      };
      return fits(noted) ? sum : null;
    },
    { withinMs: 20_000, saw: () => [...seen] },
  );
}

function connect({ url }: Replica, options: Parameters<typeof createRecorder>[1] = {}): Recorder {
  const client = createRecorder(url, { transports: ['websocket'], reconnection: false, ...options });
  onTestFinished(() => client.close());
  return client;
}

function call(replica: Replica, path: string, method = 'GET'): Promise<Response> {
  return fetch(`${replica.url}${path}`, { method, headers: { 'X-API-Key': apiKey } });
}

beforeAll(async () => {
  cluster = await startCluster({
    replicas: 2,
    env: {
      FEEDS: 'simulator,push:DEMO',
      UPDATE_INTERVAL: '50',
      API_KEYS: apiKey,
      API_CALLS_PER_SECOND: '20',
      SLOW_CLIENT_MS: '1500',
      RECOVERY_SECONDS: '1',
      MAX_CONNECTIONS_PER_USER: '1',
      DRAIN_MS: '2000',
    },
    launchOf: async (node, redisUrl) => {
      const proxy = await startTcpProxy({ to: Number(new URL(redisUrl).port) });
      proxies.set(node, proxy);
      return { env: { REDIS_URL: `redis://127.0.0.1:${proxy.port}` } };
    },
  });
  leader = await until(
    async () => {
      for (const one of cluster.replicas) if ((await read(one))('tickwire_leading') === 1) return one;
      return null;
    },
    { withinMs: 10_000 },
  );
  const other = cluster.replicas.find((one) => one !== leader);
  if (other === undefined) throw new Error('fewer than two replicas');
  follower = other;
});

afterAll(async () => {
  await cluster.stop();
  for (const proxy of proxies.values()) await proxy.close();
});

it('clients that come and go: how many there are falls again, how many came does not', async () => {
  const before = await read(follower);
  expect([before('socket_connections_active'), before('tickwire_users_active')]).toEqual([0, 0]);
  const clients = [
    connect(follower, { auth: { userId: 'ann' } }),
    connect(follower),
    connect(follower, { transports: ['polling'] }),
  ];
  for (const client of clients) await client.seen('feed');
  const during = await read(follower);
  expect([during('socket_connections_active'), during('tickwire_users_active')]).toEqual([3, 1]);
  // From each: connect; to each: connect, hello and feed at least.
  expect(during('socket_messages_received_total')).toBe(3);
  expect(during('socket_messages_sent_total')).toBeGreaterThanOrEqual(9);
  for (const client of clients) client.close();
  const after = await become(follower, (sum) => sum('socket_connections_active') === 0);
  expect(after('tickwire_users_active')).toBe(0);
  expect(after('socket_connections_total') - before('socket_connections_total')).toBe(3);
  expect((await read(leader))('socket_connections_total')).toBe(0);
});

it('ticks: in at the leader alone, out wherever somebody listens, and each hop has its age', async () => {
  const [atFollower, atLeader] = [connect(follower), connect(leader)];
  const before = await read(follower);
  expect([before('tickwire_deliveries_total'), before('tickwire_symbols_served')]).toEqual([0, 0]);
  await atFollower.subscribe(['BTC-USD', 'ETH-USD']);
  await atLeader.subscribe(['BTC-USD']);
  await atFollower.seen('tick', 20);
  await atLeader.seen('tick', 5);
  const [first, second] = [await read(leader), await read(follower)];
  const hops = (sum: Figures) =>
    ['source', 'append', 'replica', 'write'].map(
      (hop) => sum('tickwire_tick_age_seconds_count', { hop }) > 0,
    );
  expect([hops(first), hops(second)]).toEqual([
    [true, true, true, true],
    [false, false, true, true],
  ]);
  expect(first('tickwire_backplane_round_trip_seconds_count')).toBeGreaterThan(0);
  for (const name of ['appends_total', 'appended_ticks_total', 'append_seconds_count', 'takeovers_total'])
    expect([name, first(`tickwire_${name}`) > 0, second(`tickwire_${name}`)]).toEqual([name, true, 0]);
  expect([first('tickwire_symbols_served'), second('tickwire_symbols_served')]).toEqual([1, 2]);
  expect([first('tickwire_leading'), second('tickwire_leading')]).toEqual([1, 0]);
  const polling = connect(follower, { transports: ['polling'] });
  await polling.subscribe(['BTC-USD']);
  await polling.seen('tick', 5);
  for (const client of [atFollower, polling]) await client.call('unsubscribe');
  const written = await read(follower);
  const seen = atFollower.ticks().length + polling.ticks().length;
  expect(written('tickwire_deliveries_total')).toBe(seen);
  expect(written('tickwire_write_ticks_sum')).toBe(written('tickwire_deliveries_total'));
  expect(written('tickwire_write_ticks_count')).toBe(written('tickwire_writes_total'));
  expect(written('tickwire_flushes_total')).toBeGreaterThan(0);
  const merged = polling.ticks().reduce((sum, tick) => sum + (tick.merged ?? 0), 0);
  expect(written('tickwire_conflated_ticks_total')).toBe(merged);
  for (const client of [atFollower, polling]) client.close();
  // Nobody listens there any more; after a while nothing is kept ready either.
  await become(follower, (sum) => sum('tickwire_symbols_served') === 0);
});

it('a client that stops reading: behind, its ticks merged, then cut as slow', async () => {
  const before = await read(follower);
  expect(before('tickwire_connections_cut_total')).toBe(0);
  const { symbols } = (await (await call(follower, '/api/symbols')).json()) as {
    symbols: { symbol: string }[];
  };
  const reader = createRawReader({ url: follower.url, symbols: symbols.map(({ symbol }) => symbol) });
  onTestFinished(() => reader.close());
  await until(() => reader.messages() > 10);
  reader.stopReading();
  await become(follower, (sum) => sum('tickwire_connections_behind') === 1);
  const after = await become(
    follower,
    (sum) => sum('tickwire_connections_cut_total', { reason: 'slow' }) === 1,
  );
  expect(after('tickwire_conflated_ticks_total')).toBeGreaterThan(0);
  expect(after('tickwire_writes_total', { path: 'slow' })).toBeGreaterThan(
    before('tickwire_writes_total', { path: 'slow' }),
  );
  expect(after('tickwire_connections_cut_total')).toBe(1);
  await become(follower, (sum) => sum('tickwire_connections_behind') === 0);
});

it('a client that comes back: recovered with what it missed, or not', async () => {
  const client = connect(follower);
  await client.subscribe(['BTC-USD']);
  await client.seen('tick', 10);
  const last = client.ticks().at(-1) as Tick;
  const before = await read(follower);
  expect(before('tickwire_recoveries_total')).toBe(0);
  await client.call('unsubscribe');
  const answer = await client.subscribe({
    symbols: ['BTC-USD'],
    since: { 'BTC-USD': [last.gen, last.seq - 5] },
  });
  const result = answer.ok ? answer.results['BTC-USD'] : undefined;
  if (result?.ok !== true) throw new Error(JSON.stringify(answer));
  expect(result.recovered).toBe(true);
  await client.subscribe({ symbols: ['BTC-USD'], since: { 'BTC-USD': ['xxxxxx', 1] } });
  const after = await read(follower);
  expect(after('tickwire_recoveries_total', { recovered: 'true' })).toBe(1);
  expect(after('tickwire_recoveries_total', { recovered: 'false' })).toBe(1);
  expect(after('tickwire_replayed_ticks_total')).toBe(result.replayed);
});

it('a replica without Redis: down, stale, publishes lost, one outage; and the holes are mended, or a snapshot stands for them', async () => {
  const client = connect(follower);
  await client.subscribe(['BTC-USD']);
  await client.seen('tick', 3);
  const proxy = proxies.get(follower.node);
  const before = await read(follower);
  expect(before('tickwire_backplane_outages_total')).toBe(0);
  /** Loses Redis until the leader has gone on by so many ticks. */
  async function lose(ticks: number): Promise<void> {
    proxy?.accept(false);
    proxy?.cut('rst');
    const from = (await read(leader))('tickwire_appends_total');
    await become(follower, (sum) => sum('tickwire_backplane_up') === 0 && sum('tickwire_stale') === 1);
    await become(leader, (sum) => sum('tickwire_appends_total') > from + ticks);
    proxy?.heal();
    await become(follower, (sum) => sum('tickwire_backplane_up') === 1 && sum('tickwire_stale') === 0);
  }
  await lose(1);
  const once = await become(
    follower,
    (sum) => sum('tickwire_repairs_total') > before('tickwire_repairs_total'),
  );
  // For longer than the log keeps ticks.
  await lose(beyondWindow);
  const twice = await become(
    follower,
    (sum) =>
      sum('tickwire_repairs_total', { how: 'snapshot' }) >
      once('tickwire_repairs_total', { how: 'snapshot' }),
  );
  expect(twice('tickwire_backplane_outages_total')).toBe(2);
  expect(twice('tickwire_stale_seconds_total')).toBeGreaterThan(before('tickwire_stale_seconds_total'));
  expect(twice('tickwire_backplane_lost_publishes_total')).toBeGreaterThan(
    before('tickwire_backplane_lost_publishes_total'),
  );
  expect(client.faults()).toEqual([]);
  const other = await read(leader);
  expect([other('tickwire_backplane_outages_total'), other('tickwire_repairs_total')]).toEqual([0, 0]);
});

it('what is refused, by its reason: a handshake, a seat, a call of a client, and one call too many of a key', async () => {
  const before = await read(follower);
  const rise = async (name: string, labels: Record<string, string>): Promise<number> =>
    (await read(follower))(name, labels) - before(name, labels);
  const page = await fetch(`${follower.url}/socket.io/?EIO=4&transport=polling`, {
    headers: { Origin: 'https://other.example' },
  });
  expect(page.status).toBe(403);
  const ann = connect(follower, { auth: { userId: 'ann' } });
  await ann.seen('feed');
  await connect(follower, { auth: { userId: 'ann' } }).seen('refused');
  await ann.call('nonsense');
  expect(await rise('tickwire_handshakes_refused_total', { reason: 'origin_not_allowed' })).toBe(1);
  expect(await rise('tickwire_seats_refused_total', { reason: 'full' })).toBe(1);
  expect(await rise('tickwire_client_refusals_total', { name: 'too_many_connections' })).toBe(1);
  expect(await rise('socket_errors_total', { kind: 'handshake' })).toBe(1);
  expect(await rise('socket_errors_total', { kind: 'refused' })).toBe(2);
  expect(await rise('socket_errors_total', { kind: 'internal' })).toBe(0);
  const statuses: number[] = [];
  await until(async () => {
    // More at once than the key may make in a second.
    const answers = await Promise.all(Array.from({ length: 40 }, () => call(follower, '/api/status')));
    statuses.push(...answers.map(({ status }) => status));
    return statuses.includes(429);
  });
  const refused = statuses.filter((status) => status === 429).length;
  expect(await rise('tickwire_api_answers_total', { code: '429' })).toBe(refused);
  expect(await rise('tickwire_api_answers_total', { code: '5xx' })).toBe(0);
});

it('counts the answers of the API by their kind, and no answer of the health checks', async () => {
  const counts = async (): Promise<number[]> => {
    const sum = await read(leader);
    return ['2xx', '4xx', '429', '5xx'].map((code) => sum('tickwire_api_answers_total', { code }));
  };
  expect(await counts()).toEqual([0, 0, 0, 0]);
  for (const path of ['/api/ticks?symbols=BTC-USD', '/api/nothing', '/health'])
    await fetch(leader.url + path);
  await fetch(`${leader.url}/api/message`, { method: 'POST' });
  await until(async () => (await counts()).join(' ') === '1 2 0 0', { saw: counts });
});

it('no word of a client or a caller is in a figure, and there are no more series for what they do', async () => {
  const before = seriesOf((await tell(follower.url)).text);
  const word = (n: number): string => `Dummy${n}`;
  const clients = Array.from({ length: 20 }, (_, n) =>
    connect(follower, { auth: { userId: word(n) }, query: { cid: word(n), [word(n)]: word(n) } }),
  );
  for (const [n, client] of clients.entries()) {
    await client.seen('feed', 1, 10_000);
    await client.call(word(n), { [word(n)]: word(n) });
    await client.call('subscribe', [word(n), `${word(n)}-USD`]);
    await client.call('watch', [word(n)]);
    await client.call('send_message', { recipient: word(n + 1), content: word(n) });
    const headers = { 'X-API-Key': word(n), 'X-Request-Id': word(n), Origin: `https://${word(n)}.example` };
    for (const path of [
      `/${word(n)}`,
      `/api/${word(n)}`,
      `/api/ticks?symbols=${word(n)}`,
      `/socket.io/?EIO=${word(n)}`,
    ])
      await fetch(follower.url + path, { headers });
  }
  const { text } = await tell(follower.url);
  expect(text.toLowerCase()).not.toContain('dummy');
  const added = [...seriesOf(text).keys()].filter((key) => !before.has(key) && !key.startsWith('nodejs_'));
  // Names of refusals that nobody got before; not one of them is of a client's making.
  const names = added.map((key) => /^tickwire_client_refusals_total\{name="(\w+)",/.exec(key)?.[1] ?? key);
  expect(names.filter((name) => !Object.hasOwn(codes, name))).toEqual([]);
});

it('a replica that leaves says so, and whom it sent away; the next leader says in which epoch it leads', async () => {
  const clients = [connect(leader), connect(leader)];
  for (const client of clients) await client.seen('feed');
  const before = await read(follower);
  expect([before('tickwire_takeovers_total'), before('tickwire_epoch')]).toEqual([0, 0]);
  const epoch = (await read(leader))('tickwire_epoch');
  await until(async () => (await call(leader, `/api/nodes/${leader.node}/drain`, 'POST')).status === 202);
  const leaving = await become(leader, (sum) => sum('tickwire_drained_connections_total') >= 1);
  expect(leaving('tickwire_draining')).toBe(1);
  expect(leaving('tickwire_drained_connections_total', { how: 'ignored' })).toBe(0);
  expect(leaving('tickwire_leading')).toBe(0);
  const after = await become(follower, (sum) => sum('tickwire_leading') === 1);
  expect(after('tickwire_takeovers_total')).toBe(1);
  expect(after('tickwire_epoch')).toBe(epoch + 1);
  expect(after('tickwire_draining')).toBe(0);
});
