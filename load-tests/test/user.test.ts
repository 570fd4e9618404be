/** What fails a virtual user, seen on true sockets against a server that lies in one way each. */
import { io } from 'socket.io-client';
import { test, type TestContext } from 'vitest';
import { createUser, type Measure, type User, type UserSocket } from '../user.ts';
import { startScriptedServer, type Lie } from './scripted-server.ts';

const symbols = ['AAA-USD', 'BBB-USD', 'CCC-USD'];

async function userOf(
  { onTestFinished }: Pick<TestContext, 'onTestFinished'>,
  lie: Lie,
  measure: Measure = () => {},
): Promise<User> {
  const server = await startScriptedServer(lie);
  const socket: UserSocket = io(server.url, { transports: ['websocket'], reconnection: false });
  const user = await new Promise<User>((resolve, reject) => {
    socket.once('connect', () => resolve(createUser({ socket, measure })));
    socket.once('connect_error', reject);
  });
  onTestFinished(async () => {
    user.end();
    socket.disconnect();
    await server.close();
  });
  return user;
}

test.concurrent('an honest server keeps a user who stays, and everything is measured', async (context) => {
  const { expect } = context;
  const measured = new Map<string, number[]>();
  const user = await userOf(context, 'none', (name, ms) =>
    measured.set(name, [...(measured.get(name) ?? []), ms]),
  );
  await user.subscribe(symbols);
  await user.watch(1_000);
  await user.confirm();
  expect(user.counts).toMatchObject({ gaps: 0, repeats: 0, strays: 0 });
  expect(user.counts.ticks).toBeGreaterThan(symbols.length * 5);
  const times = Object.fromEntries([...measured].map(([name, values]) => [name, values.length]));
  expect(times).toEqual({ tick_age: user.counts.ticks, subscribe_ack: 1, snapshot: 1, first_tick: 1 });
});

test.concurrent('a user who leaves and comes back goes on without a gap', async (context) => {
  const { expect } = context;
  const user = await userOf(context, 'none');
  await user.subscribe(symbols);
  await user.watch(300);
  user.leave();
  await user.watch(300);
  await user.comeBack();
  await user.subscribe(symbols, { since: true });
  await user.watch(300);
  await user.confirm();
  expect(user.counts).toMatchObject({ gaps: 0, repeats: 0, strays: 0 });
});

test.concurrent.for([
  ['refuses', 'refused: draining'],
  ['never answers', 'no subscribe ack'],
  ['never ticks', 'no tick'],
  ['goes silent', 'silent'],
  ['forgets a symbol', 'a symbol stands still'],
  ['hangs up', 'ended early: transport close'],
] as const)('a server that %s fails the user: %s', async ([lie, reason], { expect, onTestFinished }) => {
  const user = await userOf({ onTestFinished }, lie);
  const stay = async (): Promise<void> => {
    await user.subscribe(symbols);
    await user.watch(lie === 'never ticks' ? 500 : 7_500);
    await user.confirm();
  };
  await expect(stay()).rejects.toThrow(reason);
});
