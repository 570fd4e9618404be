import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { refusal } from '../../protocol/index.ts';
import { createManualClock } from '../../test/support/stand-ins/manual-clock.ts';
import { PlainConnection } from './plain-connection.ts';

/** A WebSocket that keeps what it was told, each write of TCP by itself, and takes it when `take` is called. */
function setUp() {
  const clock = createManualClock();
  const log: string[] = [];
  let waiting: (() => void)[] = [];
  const note = (what: string, done?: () => void): void => {
    log.push(what);
    if (done !== undefined) waiting.push(done);
  };
  const raw = Object.assign(new EventEmitter(), {
    readyState: 1,
    bufferedAmount: 0,
    send: (text: string, done?: () => void) => note(text, done),
    close: (code: number, reason: string) => note(`close ${code} ${reason}`),
    ping: () => note('ping'),
    terminate: () => note('terminate'),
    _socket: { cork: () => note('['), uncork: () => note(']') },
    _sender: {
      sendFrame: ([piece]: Buffer[], done?: () => void) => note(`piece ${piece?.toString()}`, done),
    },
  });
  const connection = new PlainConnection(raw as unknown as WebSocket, () => clock.monotonic());
  const events: string[] = [];
  for (const name of ['flush', 'drain', 'close']) connection.on(name, () => void events.push(name));
  const said = (): string => log.splice(0).join(' ');
  const take = (): void => {
    const due = waiting;
    waiting = [];
    for (const done of due) done();
  };
  return { clock, raw, connection, events, said, take };
}

const step = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe('PlainConnection', () => {
  it('[F3] what one step writes leaves together, frames among texts in their order', async () => {
    const { connection, said } = setUp();
    connection.write('one');
    connection.write('', { wsPreEncodedFrame: [Buffer.from('two')] });
    connection.write('three');
    expect(said()).toBe('');
    await step();
    expect(said()).toBe('[ one piece two three ]');
  });

  it('[LM5] hands nothing on before the last of it was taken, and says when all was', async () => {
    const { connection, said, take, events } = setUp();
    connection.write('one');
    await step();
    connection.write('two');
    await step();
    expect(said()).toBe('[ one ]');
    expect(connection.writeBuffer).toHaveLength(1);
    take();
    expect(said()).toBe('[ two ]');
    expect(events).toEqual(['flush', 'flush']);
    take();
    expect(events).toEqual(['flush', 'flush', 'drain']);
  });

  it('[PW7][DR4] closes behind what was written, once, and writes nothing more', async () => {
    const { connection, said, take, events } = setUp();
    connection.write('last');
    connection.close();
    connection.close();
    connection.write('too late');
    expect(connection.readyState).toBe('closing');
    await step();
    take();
    expect(said()).toBe('[ last ] close 1001 ');
    expect([connection.readyState, ...events]).toEqual(['closed', 'flush', 'close']);
    connection.write('too late');
    await step();
    expect(said()).toBe('');
  });

  it('[PW7] closes at once where nothing waits, and without a word where that is of no use', () => {
    const [first, second] = [setUp(), setUp()];
    first.connection.close(false, 1008, 'why');
    expect([first.said(), first.connection.readyState]).toEqual(['close 1008 why', 'closed']);
    second.connection.close(true);
    expect([second.said(), second.connection.readyState]).toEqual(['', 'closed']);
  });

  it.each([
    ['bad_symbol', 1008],
    ['slow_client', 1013],
    ['draining', 1013],
  ] as const)('[PW7] a refusal as %s closes with %i and the name', (name, code) => {
    const { connection, said } = setUp();
    connection.refuse(refusal(name));
    const why = { type: 'refused', ...refusal(name) };
    expect(said()).toBe(`${JSON.stringify(why)} close ${code} ${name}`);
  });

  it('[PW6] asks a silent peer, spares one that is heard, and cuts one that does not answer', async () => {
    const times = { pingIntervalMs: 1_000, pingTimeoutMs: 500 };
    const { connection, raw, clock, said, events } = setUp();
    const watchAfter = async (ms: number): Promise<void> => {
      await clock.advance(ms);
      connection.watch(times);
    };
    await watchAfter(900);
    raw.emit('message', Buffer.from('x'), false);
    await watchAfter(900);
    expect(said()).toBe('');
    await watchAfter(100);
    expect(said()).toBe('ping');
    await clock.advance(400);
    raw.emit('pong', Buffer.alloc(0));
    await watchAfter(900);
    expect(said()).toBe('');
    await watchAfter(100);
    await watchAfter(500);
    expect(said()).toBe('ping terminate');
    expect([connection.readyState, ...events]).toEqual(['closed', 'close']);
  });
});
