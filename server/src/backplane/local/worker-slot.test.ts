import type { Worker } from 'node:cluster';
import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { createManualClock } from '../../../test/support/stand-ins/manual-clock.ts';
import { createLog } from '../../support/log.ts';
import { beatMs } from './ipc.ts';
import { createWorkerSlot } from './worker-slot.ts';

/** A worker without a process: what was done to it, and what it does. */
class FakeWorker extends EventEmitter {
  readonly sent: unknown[] = [];
  readonly signals: string[] = [];
  readonly process = { pid: 1, kill: (signal: string) => void this.signals.push(signal) };

  send(message: unknown): void {
    this.sent.push(message);
  }

  say(type: string): void {
    this.emit('message', { type });
  }
}

function createSlot({ random = (): number => 0.5 } = {}) {
  const clock = createManualClock();
  const workers: FakeWorker[] = [];
  const log: string[] = [];
  const slot = createWorkerSlot({
    node: 'n-1',
    fork: () => {
      const worker = new FakeWorker();
      workers.push(worker);
      // The slot uses of a worker what FakeWorker has.
      return worker as unknown as Worker;
    },
    clock,
    log: createLog({ level: 'silent', node: 'primary' }),
    random,
    onFork: () => ({
      receive: ({ type }) => void log.push(type),
      leave: () => void log.push('left'),
    }),
    onReady: () => void log.push('ready'),
    onFailedStart: (why) => void log.push(`failed: ${why}`),
  });
  const last = (): FakeWorker => {
    const worker = workers.at(-1);
    if (worker === undefined) throw new Error('nothing was forked');
    return worker;
  };
  return { slot, clock, workers, log, last };
}

describe('a worker slot', () => {
  it('offers its worker from the moment it is ready to the moment it ends', () => {
    const { slot, log, last } = createSlot();
    expect(slot.readyWorker()).toBeNull();
    last().say('tickwire:ready');
    expect(slot.readyWorker()).toBe(last());
    last().emit('exit', 1, null);
    expect(slot.readyWorker()).toBeNull();
    expect(log).toEqual(['ready', 'left']);
  });

  it('hands over our messages and no others', () => {
    const { log, last } = createSlot();
    last().say('tickwire:call');
    last().say('sticky:connection');
    last().emit('message', null);
    last().emit('message', 'text');
    expect(log).toEqual(['tickwire:call']);
  });

  it('says why a worker ended that never was ready', () => {
    const { log, last } = createSlot();
    last().emit('exit', null, 'SIGKILL');
    expect(log).toEqual(['left', 'failed: signal SIGKILL']);
  });

  it('forks again after a delay that doubles up to 5 s, and begins anew after a sound life', async () => {
    const { clock, workers, last } = createSlot({ random: () => 0.999_999 });
    for (const delayMs of [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]) {
      const forks = workers.length;
      last().emit('exit', 1, null);
      await clock.advance(delayMs - 1);
      expect(workers).toHaveLength(forks);
      await clock.advance(1);
      expect(workers).toHaveLength(forks + 1);
    }
    for (let beat = 0; beat < 11; beat++) {
      last().say('tickwire:call');
      await clock.advance(beatMs);
    }
    const forks = workers.length;
    last().emit('exit', 1, null);
    await clock.advance(100);
    expect(workers).toHaveLength(forks + 1);
  });

  it('ends a worker that said nothing for 5 beats, and gives it no connection before that', async () => {
    const { slot, clock, last } = createSlot();
    last().say('tickwire:ready');
    await clock.advance(4 * beatMs);
    expect(last().signals).toEqual([]);
    expect(slot.readyWorker()).toBeNull();
    last().say('tickwire:call');
    expect(slot.readyWorker()).toBe(last());
    await clock.advance(4 * beatMs);
    expect(last().signals).toEqual([]);
    await clock.advance(beatMs);
    expect(last().signals).toEqual(['SIGKILL']);
  });

  it('gives a new worker half a minute for its first word', async () => {
    const { clock, last } = createSlot();
    await clock.advance(29 * beatMs);
    expect(last().signals).toEqual([]);
    await clock.advance(beatMs);
    expect(last().signals).toEqual(['SIGKILL']);
  });

  it('survives lost messages, and forks again where the process could not even start', async () => {
    const { clock, workers, last } = createSlot();
    last().emit('error', new Error('EPIPE'));
    await clock.advance(1_000);
    expect(workers).toHaveLength(1);
    last().process.pid = undefined as unknown as number;
    last().emit('error', new Error('EAGAIN'));
    await clock.advance(1_000);
    expect(workers).toHaveLength(2);
  });

  it('asks a ready worker to drain and is done when it is gone, without another fork', async () => {
    const { slot, clock, workers, last } = createSlot();
    last().say('tickwire:ready');
    const drained = slot.drain();
    expect(slot.readyWorker()).toBeNull();
    expect(last().sent).toEqual([{ type: 'tickwire:drain' }]);
    await clock.advance(20_000);
    expect(last().signals).toEqual([]);
    last().emit('exit', 0, null);
    await drained;
    await clock.advance(20_000);
    expect(workers).toHaveLength(1);
  });

  it('ends at once a worker that is not ready, and one that drains when told so', async () => {
    const loading = createSlot();
    void loading.slot.drain();
    expect(loading.last().signals).toEqual(['SIGKILL']);
    const draining = createSlot();
    draining.last().say('tickwire:ready');
    void draining.slot.drain();
    void draining.slot.kill();
    expect(draining.last().signals).toEqual(['SIGKILL']);
  });

  it('is done at once between two workers, and after it is done', async () => {
    const { slot, clock, workers, last } = createSlot();
    last().emit('exit', 1, null);
    await slot.drain();
    await slot.kill();
    await clock.advance(20_000);
    expect(workers).toHaveLength(1);
  });
});
