import { describe, expect, it } from 'vitest';
import { tickRoom, type Tick } from '../../protocol/index.ts';
import {
  createFakeConnection,
  type FakeConnectionOptions,
} from '../../test/support/stand-ins/fake-connection.ts';
import { createManualClock } from '../../test/support/stand-ins/manual-clock.ts';
import { createCoalescer } from './coalescer.ts';
import { encodeEvent, encodeTick, type Dialect } from './tick-frames.ts';

function tick(symbol: string, seq: number): Tick {
  return { symbol, gen: 'gen001', seq, ts: 0, price: String(seq) };
}

const ticksOf = (symbol: string, count: number): Tick[] =>
  Array.from({ length: count }, (_, index) => tick(symbol, index + 1));

const framesOf = (ticks: readonly Tick[]) => ticks.map((one) => encodeTick(one));

const slowClientMs = 20_000;

function setUp(flushMs = 0) {
  const clock = createManualClock();
  const tooSlow: string[] = [];
  const written: string[] = [];
  const writes: string[] = [];
  const coalescer = createCoalescer({
    clock,
    flushWindow: { flushMs, maxFlushMs: flushMs },
    slowClientMs,
    onTooSlow: (id) => void tooSlow.push(id),
    onWrites: (ticks, count) => void writes.push(`${ticks} ticks in ${count}`),
    onWritten: ({ tick: oldest }) => void written.push(...seqs([oldest])),
  });
  const emit = (...ticks: Tick[]): void => {
    for (const one of ticks) coalescer.enqueue(tickRoom(one.symbol), encodeTick(one));
  };
  /** Emits ticks, and waits until the turn is over. */
  const send = async (...ticks: Tick[]): Promise<void> => {
    emit(...ticks);
    await turn();
  };
  /** A client in the rooms of these symbols. */
  const open = (id: string, symbols: string[], options: FakeConnectionOptions = {}, dialect?: Dialect) => {
    const client = createFakeConnection({ id, ...options });
    coalescer.opened(client.socket, dialect);
    for (const symbol of symbols) coalescer.joined(id, tickRoom(symbol));
    return client;
  };
  return { clock, coalescer, tooSlow, written, writes, emit, send, open };
}

const seqs = (ticks: readonly Tick[]): string[] => ticks.map(({ symbol, seq }) => `${symbol}${seq}`);
/** Everything that was queued by now for the end of this turn has run after it. */
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe('createCoalescer', () => {
  it('[F3] what one turn made leaves in one write for each client, and not before its end', async () => {
    const { coalescer, written, writes, emit, send, open } = setUp();
    const [both, alone] = [open('1', ['A', 'B']), open('2', ['B'])];
    emit(tick('A', 1), tick('B', 1));
    await Promise.resolve();
    emit(tick('A', 2), tick('C', 1));
    expect(both.writes).toEqual([]);
    await turn();
    await send(tick('B', 2));
    expect(both.writes.map(seqs)).toEqual([['A1', 'B1', 'A2'], ['B2']]);
    expect(alone.writes.map(seqs)).toEqual([['B1'], ['B2']]);
    // The oldest tick of each write: one for each set of rooms.
    expect(written).toEqual(['A1', 'B1', 'B2', 'B2']);
    expect(writes).toEqual(['3 ticks in 1', '1 ticks in 1', '1 ticks in 1', '1 ticks in 1']);
    expect(coalescer.counters()).toMatchObject({ flushes: 2, deliveries: 6, writes: 4, slowWrites: 0 });
  });

  it('[F3] clients with the same rooms get the same piece', async () => {
    const { send, open } = setUp();
    const clients = [open('1', ['A', 'B']), open('2', ['B', 'A'])];
    const pieces: unknown[] = [];
    for (const { socket } of clients) {
      const sender = socket.conn.transport.socket?._sender;
      if (sender !== undefined) sender.sendFrame = ([piece]) => void pieces.push(piece);
    }
    await send(tick('A', 1), tick('B', 1));
    expect(pieces).toHaveLength(2);
    expect(pieces[0]).toBe(pieces[1]);
  });

  it('[F3] a piece stays what it is while a write makes another flush, and memory is used again after it', async () => {
    const { coalescer, emit, send, open } = setUp();
    const got = new Map<string, Buffer[]>();
    /** Everything is taken at once. */
    const take = (id: string, symbols: string[], onPiece = (): void => {}): void => {
      const { transport } = open(id, symbols).socket.conn;
      const { socket: webSocket } = transport;
      if (webSocket?._sender === undefined) throw new Error('no WebSocket');
      Object.assign(webSocket, { _socket: { writableLength: 0 } });
      webSocket._sender.sendFrame = ([piece]) => {
        if (piece !== undefined) got.set(id, [...(got.get(id) ?? []), piece]);
        onPiece();
      };
    };
    let isFirst = true;
    take('1', ['A', 'B'], () => {
      if (!isFirst) return;
      isFirst = false;
      for (const seq of [1, 2]) {
        emit(tick('C', seq), tick('D', seq));
        coalescer.flush();
      }
    });
    const copies: string[] = [];
    take('2', ['A', 'B'], () => void copies.push(got.get('2')?.at(-1)?.toString('latin1') ?? ''));
    take('3', ['C', 'D']);
    const wanted = Buffer.concat([encodeTick(tick('A', 1)).frame, encodeTick(tick('B', 1)).frame]);
    await send(tick('A', 1), tick('B', 1));
    expect(copies).toEqual([wanted.toString('latin1')]);
    const first = got.get('2')?.[0];
    await send(tick('A', 2), tick('B', 2));
    const second = got.get('2')?.[1];
    expect([second?.buffer === first?.buffer, second?.byteOffset]).toEqual([true, first?.byteOffset]);
  });

  it('[F4] a flush writes at once; who joins after it gets what comes then, who leaves after it nothing', async () => {
    const { coalescer, emit, send, open } = setUp();
    const [leaver, joiner] = [open('1', ['A']), open('2', [])];
    emit(tick('A', 1));
    coalescer.flush();
    coalescer.left('1', tickRoom('A'));
    coalescer.joined('2', tickRoom('A'));
    await send(tick('A', 2));
    expect([seqs(leaver.ticks()), seqs(joiner.ticks())]).toEqual([['A1'], ['A2']]);
  });

  it('[SL2] what waits for a client is given out by the sweep when a poll came', async () => {
    const { clock, send, open } = setUp();
    const client = open('1', ['A'], { transport: 'polling' });
    for (const seq of [1, 2, 3]) {
      await send(tick('A', seq));
    }
    expect(seqs(client.ticks())).toEqual(['A1']);
    client.poll();
    await clock.advance(50);
    expect(client.ticks().at(-1)).toMatchObject({ seq: 3, merged: 1 });
  });

  it('[SL3] who takes nothing for too long is told of once, and gets nothing more; the others go on', async () => {
    const { clock, tooSlow, emit, send, open } = setUp();
    const [stuck, other] = [open('stuck', ['A']), open('other', ['A'])];
    let seq = 0;
    for (; seq < 1_000;) {
      await send(tick('A', ++seq));
      other.pong();
    }
    const got = stuck.ticks().length;
    await clock.advance(slowClientMs * 0.95 - 100);
    expect(tooSlow).toEqual([]);
    await clock.advance(200);
    expect(tooSlow).toEqual(['stuck']);
    emit(tick('A', ++seq));
    stuck.pong();
    await clock.advance(slowClientMs * 2);
    expect([tooSlow, stuck.ticks().length]).toEqual([['stuck'], got]);
    expect(seqs(other.ticks())).toEqual(seqs(ticksOf('A', seq)));
  });

  it('[F5] an upgrade is heard; on a connection of which a namespace is joined again nothing piles up', async () => {
    const { coalescer, send, open } = setUp();
    const client = open('1', ['A'], { transport: 'polling' });
    const { conn } = client.socket;
    /** The namespace is joined again and again, with ids up to `last`. */
    const rejoin = (first: number, last: number): void => {
      for (let id = first; id <= last; id++) {
        coalescer.gone(String(id - 1));
        coalescer.opened({ ...client.socket, id: String(id) });
      }
    };
    rejoin(2, 19);
    coalescer.joined('19', tickRoom('A'));
    expect(conn.listenerCount('upgrade')).toBe(1);
    client.upgrade();
    expect(conn.listenerCount('upgrade')).toBe(0);
    rejoin(20, 39);
    expect(conn.transport.socket?.listenerCount('pong')).toBe(1);
    coalescer.joined('39', tickRoom('A'));
    await send(tick('A', 1));
    expect(seqs(client.ticks())).toEqual(['A1']);
    coalescer.gone('39');
    expect(conn.transport.socket?.listenerCount('pong')).toBe(0);
  });

  it('[F5] a late end of a socket does not touch its successor on the same connection', () => {
    const { coalescer, emit, open } = setUp();
    const first = open('1', ['A']);
    coalescer.opened({ ...first.socket, id: '2' });
    coalescer.gone('1');
    coalescer.joined('2', tickRoom('A'));
    // What Socket.IO writes counts on the successor's window: it is full, and the next tick waits.
    coalescer.onEngineFlush(first.socket.conn, [{ type: 'message', data: 'x'.repeat(100_000) }]);
    emit(tick('A', 1));
    coalescer.flush();
    expect([first.ticks(), first.pings.length]).toEqual([[], 1]);
    first.pong();
    expect(seqs(first.ticks())).toEqual(['A1']);
  });

  it('[SL1] texts in one piece count as they would one by one, and ticks that were counted do not again', () => {
    for (const [options, expected] of [
      [{ frames: 3, uncounted: 100_000 }, []],
      [{ frames: 3 }, ['A1']],
    ] as const) {
      const { coalescer, emit, open } = setUp();
      const client = open('1', ['A']);
      coalescer.onEngineFlush(client.socket.conn, [{ type: 'message', options }]);
      emit(tick('A', 1));
      coalescer.flush();
      expect(seqs(client.ticks())).toEqual(expected);
    }
  });

  it('[HB1] an event for the silent goes to those who got nothing for so long', async () => {
    const { clock, coalescer, send, open } = setUp();
    const [busy, silent] = [open('1', ['A']), open('2', ['B'])];
    await clock.advance(1_000);
    await send(tick('A', 1));
    const before = [busy.bytes(), silent.bytes()];
    coalescer.writeToSilent(1_000, 'heartbeat', () => ({ at: 1 }));
    const { frame } = encodeEvent('heartbeat', { at: 1 });
    expect([busy.bytes(), silent.bytes() - (before[1] ?? 0)]).toEqual([before[0], frame.length]);
  });

  it('[PW3][F3] plain clients get the same ticks in the same writes, as objects', async () => {
    const { writes, send, open } = setUp();
    const clients = [open('1', ['A']), open('2', ['A'], {}, 'plain'), open('3', ['A'], {}, 'plain')];
    await send(tick('A', 1), tick('A', 2));
    const plain = [tick('A', 1), tick('A', 2)].map((one) => ({ type: 'tick', ...one }));
    const [first, ...others] = clients.map((client) => client.writes);
    expect(first).toEqual([[tick('A', 1), tick('A', 2)]]);
    expect(others).toEqual([[plain], [plain]]);
    expect(writes).toEqual(['2 ticks in 1', '2 ticks in 2']);
  });

  it('[PW3][SL2] plain clients that are behind get merged objects, and replays and heartbeats of their own', async () => {
    const { clock, coalescer, send, open } = setUp();
    const client = open('1', ['A'], {}, 'plain');
    const filling = ticksOf('B', 400);
    const taken = coalescer.writeTo('1', framesOf(filling));
    await send(tick('A', 1));
    await send(tick('A', 2));
    expect(client.writes).toHaveLength(1);
    expect(client.ticks()[0]).toEqual({ type: 'tick', ...filling[0] });
    client.pong();
    await taken;
    expect(client.ticks().at(-1)).toMatchObject({ type: 'tick', symbol: 'A', seq: 2, merged: 1 });
    await clock.advance(1_000);
    const before = client.bytes();
    coalescer.writeToSilent(1_000, 'heartbeat', () => ({ at: 1 }));
    expect(client.bytes() - before).toBe(encodeEvent('heartbeat', { at: 1 }, 'plain').frame.length);
  });

  it('[RT1] knows whether a client is in a room, whatever it speaks', () => {
    const { coalescer, open } = setUp();
    open('1', ['A']);
    open('2', ['B'], {}, 'plain');
    const withClients = () => ['A', 'B', 'C'].filter((symbol) => coalescer.hasClients(tickRoom(symbol)));
    expect(withClients()).toEqual(['A', 'B']);
    coalescer.gone('2');
    coalescer.left('1', tickRoom('A'));
    expect(withClients()).toEqual([]);
  });

  it('[F3] with a window, a client that was just written to gets what follows in one write at its end', async () => {
    const { clock, send, open } = setUp(40);
    const client = open('1', ['A', 'B']);
    await send(tick('A', 1));
    expect(client.writes.map(seqs)).toEqual([['A1']]);
    await send(tick('A', 2));
    await send(tick('B', 1), tick('A', 3));
    expect(client.writes).toHaveLength(1);
    await clock.advance(40);
    expect(client.writes.map(seqs)).toEqual([['A1'], ['A2', 'B1', 'A3']]);
  });

  it('[F4] with a window, a client gets what came after it joined and before it left, and nothing else', async () => {
    const { clock, coalescer, send, open } = setUp(40);
    const [first, leaver] = [open('1', ['A']), open('2', ['A'])];
    await send(tick('A', 1));
    await send(tick('A', 2));
    const late = open('3', ['A']);
    await send(tick('A', 3));
    coalescer.left('2', tickRoom('A'));
    const later = open('4', ['A']);
    await send(tick('A', 4));
    await clock.advance(40);
    expect(seqs(first.ticks())).toEqual(['A1', 'A2', 'A3', 'A4']);
    expect(seqs(leaver.ticks())).toEqual(['A1', 'A2', 'A3']);
    expect(seqs(late.ticks())).toEqual(['A3', 'A4']);
    expect(seqs(later.ticks())).toEqual(['A4']);
  });

  it('[F4] with a window, a client that takes another symbol too misses nothing and gets nothing twice', async () => {
    const { clock, coalescer, send, open } = setUp(40);
    const [client, other] = [open('1', ['A']), open('2', ['A', 'B'])];
    await send(tick('A', 1), tick('B', 1));
    await send(tick('A', 2), tick('B', 2));
    coalescer.joined('1', tickRoom('B'));
    await send(tick('A', 3), tick('B', 3));
    await clock.advance(100);
    expect(seqs(client.ticks())).toEqual(['A1', 'A2', 'A3', 'B3']);
    expect(seqs(other.ticks())).toEqual(['A1', 'B1', 'A2', 'B2', 'A3', 'B3']);
  });

  it('[F4] with a window, everything goes out when something else is about to', async () => {
    const { coalescer, send, open } = setUp(40);
    const [one, two] = [open('1', ['A']), open('2', ['B'])];
    await send(tick('A', 1), tick('B', 1));
    await send(tick('A', 2), tick('B', 2));
    coalescer.flush([tickRoom('A')]);
    expect([seqs(one.ticks()), seqs(two.ticks())]).toEqual([['A1', 'A2'], ['B1']]);
    coalescer.flush();
    expect(seqs(two.ticks())).toEqual(['B1', 'B2']);
  });

  it('[F3] with a window, a large set of clients is not written to in one turn', async () => {
    const { clock, send, open } = setUp(40);
    const clients = Array.from({ length: 1_200 }, (_, id) => open(`${id}`, ['A']));
    await send(tick('A', 1));
    await clock.advance(1);
    await send(tick('A', 2));
    const written = new Set<number>();
    for (let ms = 0; ms < 40; ms += 2) {
      await clock.advance(2);
      written.add(clients.filter((client) => client.writes.length === 2).length);
    }
    expect([...written].toSorted((a, b) => a - b)).toEqual([0, 176, 688, 1_200]);
  });

  it('writes what is queued when it closes, and nobody waits on for a client', async () => {
    const { coalescer, emit, open } = setUp();
    const client = open('1', ['A']);
    open('2', []);
    emit(tick('A', 1));
    const taken = coalescer.writeTo('2', framesOf(ticksOf('B', 300)));
    coalescer.close();
    await taken;
    expect(seqs(client.ticks())).toEqual(['A1']);
  });
});
