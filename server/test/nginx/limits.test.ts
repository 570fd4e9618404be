/** Limits per address: generous, none for trusted networks, and an honest answer beyond. */
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { startNginx, type NginxServer } from '../support/processes/start-nginx.ts';
import { codes, type CodeName } from '../../protocol/index.ts';
import { parseConfig } from '../../src/config.ts';
import { until } from '../support/until.ts';
import { ask, openSocket, type Answer } from './ask.ts';
import { createScriptedUpstream, type ScriptedUpstream } from './scripted-upstream.ts';

const insider = '127.0.0.8';
/** Each test has an address of its own, because Nginx counts by address. */
let outsider: string;
let tests = 0;
beforeEach(() => {
  tests += 1;
  outsider = `127.0.1.${tests}`;
});

let replica: ScriptedUpstream;
let nginx: NginxServer;
/** Its body stands still from the start of the file, because Nginx waits ten seconds for it. */
let idle: SlowBody;

beforeAll(async () => {
  replica = await createScriptedUpstream('r1');
  nginx = await startNginx({
    replicas: [replica],
    trusted: [`${insider}/32`],
    connectionsPerAddress: 3,
    handshakesPerSecond: 1,
    callsPerSecond: 1,
    openCallsPerAddress: 2,
    // As people write lists.
    corsOrigins: [' https://shop.example ', ' https://friend.example'],
  });
  idle = await slowBody('/api/quote', '127.0.2.1');
});

afterAll(async () => {
  idle?.socket.destroy();
  await nginx?.stop();
  await replica.close();
});

/** Asserts that Nginx itself refused, with the code of that name. */
function expectRefused({ headers, body }: Answer, name: CodeName): void {
  const { status, code, retry } = codes[name];
  expect(headers['content-type']).toBe('application/problem+json');
  expect(headers['retry-after']).toBe(status === 429 ? '1' : undefined);
  expect(JSON.parse(body)).toMatchObject({ status, code, name, retry });
}

const inTurn = async (count: number, path: string, from: string) => {
  const statuses: number[] = [];
  for (let i = 0; i < count; i += 1) statuses.push((await ask(nginx.port, path, { from })).status);
  return statuses;
};

test('handshakes beyond the burst are 429 with Retry-After, requests of a session are not counted', async () => {
  const statuses = await inTurn(10, '/socket.io/?EIO=4&transport=polling', outsider);
  expect(statuses.slice(0, 6)).toEqual([200, 200, 200, 200, 200, 200]);
  expect(statuses.slice(7)).toContain(429);
  const refused = await ask(nginx.port, '/socket.io/?EIO=4&transport=polling', { from: outsider });
  expectRefused(refused, 'too_many_handshakes');
  expect(await inTurn(10, '/socket.io/?EIO=4&transport=polling&sid=s1', outsider)).not.toContain(429);
});

test('a plain stream cannot pass for a session', async () => {
  const statuses = await inTurn(10, '/stream/BTC-USD?sid=made-up', outsider);
  expect(statuses).toContain(429);
});

test('API calls beyond the burst are 429', async () => {
  const statuses = await inTurn(8, '/api/ticks', outsider);
  expect(statuses.slice(0, 3)).toEqual([200, 200, 200]);
  expect(statuses.slice(4)).toContain(429);
  expectRefused(await ask(nginx.port, '/api/ticks', { from: outsider }), 'too_many_calls');
});

test('open sockets beyond the limit are 429', async () => {
  const path = '/stream/BTC-USD';
  const open = await Promise.all([1, 2, 3].map(() => openSocket(nginx.port, path, { from: outsider })));
  expect(open.map(({ status }) => status)).toEqual([101, 101, 101]);
  expect((await openSocket(nginx.port, path, { from: outsider })).status).toBe(429);
  expectRefused(await ask(nginx.port, path, { from: outsider }), 'too_many_connections_from_address');
  for (const { socket } of open) socket?.destroy();
});

/** A call whose body has begun and then stands still. */
interface SlowBody {
  socket: Socket;
  said: () => string;
}

async function slowBody(path: string, from: string): Promise<SlowBody> {
  const socket = connect({ port: nginx.port, host: '127.0.0.1', localAddress: from });
  let said = '';
  socket.on('data', (bytes: Buffer) => void (said += bytes.toString()));
  socket.on('error', () => {});
  const head = `POST ${path} HTTP/1.1\r\nHost: any\r\nContent-Type: application/json\r\nContent-Length: 100\r\n`;
  // A body is there to be read when this is answered.
  socket.write(`${head}Expect: 100-continue\r\n\r\n`);
  await until(() => said.startsWith('HTTP/1.1 '));
  socket.write('{');
  return { socket, said: () => said };
}

test.each(['/api/message', '/api/ticks', '/', '/health'])(
  'slow bodies to %s beyond the limit are 429, and harm nobody else',
  async (path) => {
    const seenBefore = replica.seen.length;
    const slow = [await slowBody(path, outsider), await slowBody(path, outsider)];
    onTestFinished(() => slow.forEach(({ socket }) => void socket.destroy()));
    for (const { said } of slow) expect(said()).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    expectRefused(await ask(nginx.port, path, { from: outsider }), 'too_many_connections_from_address');

    // Whoever is trusted has no limit, and another address its own.
    for (let i = 0; i < 4; i++) slow.push(await slowBody(path, insider));
    for (const from of [insider, `127.0.3.${tests}`])
      expect(await ask(nginx.port, path, { from, method: 'POST', body: '{}' })).toMatchObject({
        status: 200,
      });
    // No body that is not whole has reached a replica.
    expect(replica.seen).toHaveLength(seenBefore + 2);
    for (const { socket } of slow) socket.destroy();
    await until(async () => (await ask(nginx.port, path, { from: outsider })).status === 200);
  },
);

/** What pages of that origin are allowed to read of an answer of Nginx's own. */
async function corsHeaders(port: number, origin: string): Promise<(string | undefined)[]> {
  const { headers } = await ask(port, '/metrics', { headers: { origin } });
  return ['access-control-allow-origin', 'access-control-expose-headers', 'vary'].map(
    (name) => headers[name] as string | undefined,
  );
}
const none = [undefined, undefined, undefined];

test('a page of an origin that is allowed can read what Nginx says, and no other', async () => {
  const friends = ['https://shop.example', 'https://friend.example'];
  for (const friend of friends)
    expect(await corsHeaders(nginx.port, friend)).toEqual([friend, 'Retry-After, X-Request-Id', 'Origin']);
  for (const other of [
    'https://other.example',
    'https://friend.example.other.example',
    'https://friend',
    'friend.example',
    'null',
    '*',
    friends.join(','),
    `https://other.example|${friends[0]}`,
    `,${friends[0]},|${friends[0]}`,
  ])
    expect([other, ...(await corsHeaders(nginx.port, other))]).toEqual([other, ...none]);
});

test('pages of every origin can read what Nginx says where all are allowed, and none where none is', async () => {
  const page = 'https://any.example';
  for (const [corsOrigins, allowed] of [
    [['*'], [page, 'Retry-After, X-Request-Id', 'Origin']],
    [[' * '], [page, 'Retry-After, X-Request-Id', 'Origin']],
    [[], none],
  ] as const) {
    const other = await startNginx({ replicas: [replica], corsOrigins });
    onTestFinished(() => other.stop());
    expect(await corsHeaders(other.port, page)).toEqual(allowed);
    expect(await corsHeaders(other.port, '')).toEqual(none);
  }
});

test('the longest list of origins that a replica takes is one that Nginx takes', async () => {
  const last = `https://${'z'.repeat(184)}.example`;
  const longest = 'https://a.example, '.repeat(200) + last;
  const isTaken = (text: string): boolean => parseConfig({ CORS_ORIGIN: text }, 'r1').ok;
  expect([longest.length, isTaken(longest), isTaken(`${longest}s`)]).toEqual([4_000, true, false]);
  const other = await startNginx({ replicas: [replica], corsOrigins: [longest] });
  onTestFinished(() => other.stop());
  expect(await corsHeaders(other.port, last)).toEqual([last, 'Retry-After, X-Request-Id', 'Origin']);
});

test('[SI6] a token in the address is refused, and reaches no replica', async () => {
  const token = 'dummy-token-0123456789';
  const seenBefore = replica.seen.length;
  for (const name of ['token', 'access_token', 'id_token', 'jwt', 'Token']) {
    for (const path of ['/socket.io/?EIO=4&transport=polling&', '/api/ticks?', '/stream/BTC-USD?', '/?']) {
      const refused = await ask(nginx.port, `${path}${name}=${token}`, { from: outsider });
      expect([path, refused.status]).toEqual([path, 401]);
      expect(refused.body).toContain('never in the address');
      expectRefused(refused, 'token_invalid');
    }
  }
  expect(replica.seen).toHaveLength(seenBefore);
});

test('a trusted network has no limits', async () => {
  expect(await inTurn(20, '/api/ticks', insider)).not.toContain(429);
  expect(await inTurn(20, '/socket.io/?EIO=4&transport=polling', insider)).not.toContain(429);
  const open = await Promise.all(
    Array.from({ length: 6 }, () => openSocket(nginx.port, '/stream/BTC-USD', { from: insider })),
  );
  expect(new Set(open.map(({ status }) => status))).toEqual(new Set([101]));
  for (const { socket } of open) socket?.destroy();
});

test('Nginx ends a request whose body stands still, and sends it to no replica', async () => {
  await until(() => idle.socket.destroyed, { withinMs: 20_000 });
  expect(replica.seen.map(({ url }) => url)).not.toContain('/api/quote');
});
