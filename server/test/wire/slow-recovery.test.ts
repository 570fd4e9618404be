/** A client that recovers many symbols over a slow line while ticks go on. */
import { expect, it, onTestFinished } from 'vitest';
import type { Position, Snapshot, Tick } from '../../protocol/index.ts';
import { createOrderCheck } from '../support/checks/order.ts';
import { createRecorder } from '../support/clients/recorder.ts';
import { startTcpProxy } from '../support/stand-ins/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { resultOf, startReplica } from './replica-under-test.ts';

const symbols = Array.from({ length: 300 }, (_, index) => `R${index + 1}`);
const missedPerSymbol = 100;
/** The replay takes about five seconds. These are 20 s by the replica's own timers. */
const bytesPerSecond = 600_000;
const speed = 4;

it('[RC1][RC2] a long replay leaves no hole in any symbol while ticks go on', async () => {
  const replica = await startReplica({ FEEDS: `push:${symbols.join()}` }, { speed });
  let round = 1;
  /** Pushes the next tick of every symbol. */
  const pushRound = async (): Promise<void> => {
    round += 1;
    const price = String(round);
    expect(await replica.push(symbols.map((symbol) => ({ symbol, price })))).toBe(200);
  };
  await replica.price(Object.fromEntries(symbols.map((symbol) => [symbol, '1'])));
  const { gen } = resultOf(await replica.connect().subscribe(['R1']), 'R1');
  while (round <= missedPerSymbol) await pushRound();

  const line = await startTcpProxy({ to: replica.port });
  onTestFinished(() => line.close());
  line.suffer('down', { bytesPerSecond });
  const client = createRecorder(`http://127.0.0.1:${line.port}`, { transports: ['websocket'] });
  onTestFinished(() => client.close());
  await client.seen('feed');
  const since = Object.fromEntries(symbols.map((symbol): [string, Position] => [symbol, [gen, 1]]));
  const answer = await client.subscribe({ symbols, since });
  for (const symbol of symbols)
    expect(resultOf(answer, symbol)).toMatchObject({ recovered: true, replayed: missedPerSymbol });

  // Rounds go on until the replay is over, each when the client has read part of the replay.
  const total = symbols.length * missedPerSymbol;
  for (let read = 0; read < total; read += 1_500) {
    await pushRound();
    await client.seen('tick', read, 20_000);
  }
  await pushRound();
  await client.seen('tick', total, 20_000);
  await pushRound();

  const faults = (): string[] => {
    const order = createOrderCheck();
    order.placed(symbols.map((symbol) => ({ symbol, gen, seq: 1 })));
    for (const { event, payload } of client.events) {
      if (event === 'tick') order.arrived(payload as Tick);
      if (event === 'snapshot') order.placed((payload as Snapshot).quotes);
    }
    return order.faults();
  };
  const areCurrent = (): boolean => {
    const prices = new Map(client.ticks().map(({ symbol, price }) => [symbol, price]));
    return symbols.every((symbol) => prices.get(symbol) === String(round));
  };
  await until(() => areCurrent() || faults().length > 0, { saw: () => client.ticks().length });
  expect(faults()).toEqual([]);
}, 60_000);
