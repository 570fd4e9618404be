import { describe, expect, it } from 'vitest';
import { createStreamUnderTest, createStreamWith, hello } from './testing/fake-links.ts';

/** A stream whose connection is live. */
function createLiveStream() {
  const test = createStreamUnderTest();
  test.goLive();
  return test;
}

/** Loses the connection, waits until the stream tries again, and gives how long that took. */
function loseAndRetry(test: ReturnType<typeof createStreamUnderTest>): number {
  test.lose();
  const state = test.stream.state();
  if (state.at !== 'waiting') throw new Error(state.at);
  const waitMs = Math.ceil(state.retryAt - test.clock.now());
  test.clock.advance(waitMs);
  return waitMs;
}

const refusal = { code: 4502, name: 'draining', message: 'leaving' };

describe('the connection of a stream', () => {
  it('[CN2] is connecting from the start and live with the hello', () => {
    const test = createStreamUnderTest();
    expect(test.stream.state()).toEqual({ at: 'connecting', tries: 1 });
    test.goLive();
    expect(test.states).toEqual([{ at: 'live', node: 'replica-1', session: 's1' }]);
  });

  it('[HB1] leaves after 5 s without any event, and takes another cid', () => {
    const test = createLiveStream();
    test.clock.advance(4_999);
    test.emit('heartbeat', { at: 1 });
    test.clock.advance(4_999);
    expect(test.stream.state().at).toBe('live');
    test.clock.advance(1);
    expect(test.stream.state()).toMatchObject({ at: 'waiting', because: 'silence' });
    expect(test.links[0]?.isClosed).toBe(true);
    test.clock.advance(500);
    expect(test.links.map(({ cid }) => cid)).toEqual(['cid-1', 'cid-2']);
  });

  it('stays when it was the page that slept, and reads what came meanwhile first', () => {
    const test = createLiveStream();
    test.clock.sleep(60_000);
    expect(test.stream.state().at).toBe('live');
    test.emit('heartbeat', { at: 1 });
    test.clock.advance(4_000);
    expect(test.stream.state().at).toBe('live');
  });

  it('leaves 2 s after the page slept when nothing had come', () => {
    const test = createLiveStream();
    test.clock.sleep(60_000);
    test.clock.advance(2_000);
    expect(test.stream.state()).toMatchObject({ at: 'waiting', because: 'silence' });
  });

  it('gives a slow handshake 5 s for each of its steps', () => {
    const test = createStreamUnderTest();
    test.clock.advance(4_000);
    test.link().listener.onOpen();
    test.clock.advance(4_000);
    test.goLive();
    expect(test.stream.state().at).toBe('live');
  });

  it('comes back after full jitter, with growing ceilings until a connection held for 2 s', () => {
    const test = createStreamUnderTest();
    const waits: number[] = [];
    const lose = () => waits.push(loseAndRetry(test));
    lose();
    lose();
    test.goLive();
    test.clock.advance(1_900);
    lose();
    test.goLive();
    test.clock.advance(1_000);
    test.emit('heartbeat', { at: 1 });
    test.clock.advance(1_000);
    lose();
    expect(waits).toEqual([250, 500, 1_000, 250]);
  });

  it('is back soon after a short outage, also where its tries came quickly one after the other', () => {
    let draw = 0.1;
    const test = createStreamUnderTest({ random: () => draw });
    const waits: number[] = [];
    test.goLive();
    test.clock.advance(5_000);
    for (let loss = 0; loss < 5; loss++) {
      if (loss === 4) draw = 1;
      waits.push(loseAndRetry(test));
    }
    expect(waits).toEqual([50, 60, 72, 87, 1_038]);
  });

  it('keeps its cid over one loss and changes it after repeated ones', () => {
    const kept: string[] = [];
    const test = createStreamUnderTest({ cid: 'mine', onCid: (cid) => void kept.push(cid) });
    for (let i = 0; i < 3; i += 1) {
      test.lose();
      test.clock.advance(20_000);
    }
    expect(test.links.slice(0, 3).map(({ cid }) => cid)).toEqual(['mine', 'mine', 'cid-1']);
    expect(kept[0]).toBe('cid-1');
  });

  it('hears nothing of a link that it left', () => {
    const test = createLiveStream();
    const [old] = test.links;
    test.reconnect();
    old?.listener.onEvent('hello', { ...hello, node: 'old' });
    old?.listener.onClose(undefined);
    expect(test.stream.state()).toMatchObject({ at: 'live', node: 'replica-1' });
  });

  it('[CL2] stays through a shutdown notice for the delay that it states, then comes back at once with its cid', () => {
    const test = createStreamWith('A');
    test.emit('shutdown', { reconnectInMs: 1_500 });
    test.clock.advance(1_400);
    test.tick('A', 2);
    expect(test.ticks).toHaveLength(1);
    test.clock.advance(100);
    expect(test.states.at(-2)).toMatchObject({ at: 'waiting', because: 'shutdown' });
    expect(test.links.map(({ cid }) => cid)).toEqual(['cid-1', 'cid-1']);
  });

  it.each([
    { closedAfter: 1_000, awayFor: 125 },
    { closedAfter: 2_990, awayFor: 10 },
  ])(
    'comes back at once when the replica closes $closedAfter ms after it said that it would in 3 s',
    ({ closedAfter, awayFor }) => {
      const test = createLiveStream();
      test.emit('shutdown', { reconnectInMs: 3_000 });
      test.clock.advance(closedAfter);
      test.lose();
      expect(test.stream.state()).toMatchObject({ at: 'waiting', because: 'shutdown' });
      test.clock.advance(awayFor - 1);
      expect(test.links).toHaveLength(1);
      test.clock.advance(1);
      expect(test.links).toHaveLength(2);
    },
  );

  it('[DR3] keeps its cid through a rolling restart, however short it was connected in between', () => {
    const test = createStreamUnderTest();
    for (let restart = 0; restart < 4; restart++) {
      test.goLive();
      test.emit('shutdown', { reconnectInMs: 100 });
      if (restart % 2 === 0) test.lose();
      test.clock.advance(100);
    }
    expect(new Set(test.links.map(({ cid }) => cid))).toEqual(new Set(['cid-1']));
  });

  it('[C1] obeys the retry rule of a refusal: now, later, never', () => {
    const test = createLiveStream();
    test.emit('refused', { ...refusal, retry: 'now' });
    expect(test.stream.state()).toMatchObject({ because: 'refused', retryAt: test.clock.now() + 250 });
    test.clock.advance(250);
    test.emit('refused', { ...refusal, retry: 'later' });
    expect(test.stream.state()).toMatchObject({ because: 'refused', retryAt: test.clock.now() + 3_000 });
    test.clock.advance(3_000);
    test.link().listener.onClose({ ...refusal, retry: 'never' });
    expect(test.stream.state()).toEqual({ at: 'refused', refusal: { ...refusal, retry: 'never' } });
    test.clock.advance(60_000);
    expect(test.links).toHaveLength(3);
  });

  it('tries at once when told to, out of a wait and out of a refusal', () => {
    const test = createStreamUnderTest();
    test.stream.retryNow();
    expect(test.links).toHaveLength(1);
    test.lose();
    test.stream.retryNow();
    expect(test.stream.state()).toEqual({ at: 'connecting', tries: 2 });
    test.link().listener.onClose({ ...refusal, retry: 'never' });
    test.stream.retryNow();
    expect(test.links).toHaveLength(3);
    test.clock.advance(4_000);
    expect(test.links).toHaveLength(3);
  });

  it('does nothing more once it is closed', () => {
    const test = createLiveStream();
    test.stream.close();
    test.stream.close();
    test.clock.advance(60_000);
    expect(test.states.map(({ at }) => at)).toEqual(['live', 'closed']);
    expect(test.links.every(({ isClosed }) => isClosed)).toBe(true);
  });
});
