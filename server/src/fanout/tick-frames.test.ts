import { describe, expect, it } from 'vitest';
import { daysOf } from '../../test/support/stand-ins/log-batches.ts';
import { parseFrames, stockFrame } from '../../test/support/stand-ins/fake-connection.ts';
import { Batch, encodeBatch } from '../log/batch.ts';
import {
  bytesOf,
  encodeEvent,
  encodeTick,
  joined,
  LogTick,
  messageFrames,
  pingOfPong,
} from './tick-frames.ts';

const frames = ['1', 'é'.repeat(80), 'x'.repeat(70_000)].map((price, index) =>
  encodeTick({ symbol: 'A', gen: 'gen001', seq: index + 1, ts: 0, price }),
);

describe('tick frames', () => {
  it('[F5] a tick is byte for byte what Socket.IO, engine.io and ws make of it', () => {
    for (const { tick, text, frame } of frames) {
      const stock = stockFrame(tick);
      expect(text).toBe(stock.text);
      expect(frame.equals(stock.frame)).toBe(true);
    }
  });

  it('[F3] several frames are one piece, which a WebSocket reads as each of them', () => {
    const piece = joined(frames, bytesOf(frames));
    expect(piece.length).toBe(bytesOf(frames));
    expect(parseFrames(piece).texts).toEqual(frames.map(({ text }) => `4${text}`));
  });

  it('[F3] texts in one piece are byte for byte the frames of each, also beyond ASCII', () => {
    const piece = messageFrames(frames.map(({ text }) => text));
    expect(piece.equals(joined(frames, bytesOf(frames)))).toBe(true);
    expect(parseFrames(messageFrames([])).texts).toEqual([]);
  });

  it('[PW3] for plain clients a tick is one object with its type, in a text frame of its own', () => {
    const plain = frames.map(({ tick }) => encodeTick(tick, 'plain'));
    const { texts } = parseFrames(joined(plain, bytesOf(plain)));
    expect(texts).toEqual(plain.map(({ text }) => text));
    expect(texts.map((text) => JSON.parse(text) as unknown)).toEqual(
      frames.map(({ tick }) => ({ type: 'tick', ...tick })),
    );
    expect(encodeEvent('heartbeat', { at: 1 }, 'plain').text).toBe('{"type":"heartbeat","at":1}');
  });

  it('neighbours in one batch are one slice of it, and others are put together in their order', () => {
    const ticks = frames.map(({ tick }) => tick);
    const [one, two] = [1, 2].map(
      (number) => new Batch(encodeBatch({ gen: 'g', epoch: 1, number, ticks, days: daysOf(ticks) })),
    );
    if (one === undefined || two === undefined) throw new Error('no batches');
    const of = (batch: Batch, ...places: number[]) => places.map((place) => new LogTick(batch, place));
    for (const parts of [
      of(one, 0, 1),
      of(one, 1),
      of(one, 0, 1).concat(of(two, 0, 1)),
      of(one, 1, 0),
      of(two, 1).concat(of(one, 0)),
    ]) {
      const piece = joined(parts, bytesOf(parts));
      expect(piece.equals(Buffer.concat(parts.map(({ frame }) => frame)))).toBe(true);
    }
    expect(joined(of(one, 0, 1), 0).buffer).toBe(one.bytes.buffer);
  });

  it('a single frame is the piece itself', () => {
    const [only] = frames.map((frame) => [frame]);
    expect(joined(only ?? [], 0)).toBe(frames[0]?.frame);
  });

  it('[SL1] a ping behind them carries its name, up to what a number holds', () => {
    for (const name of [0, 1, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
      const { texts, pings } = parseFrames(joined(frames, bytesOf(frames), { ping: name }));
      expect(texts).toHaveLength(frames.length);
      expect(pings.map(pingOfPong)).toEqual([name]);
    }
  });

  it.each([undefined, null, '12345678', Buffer.alloc(0), Buffer.alloc(7), Buffer.alloc(9)])(
    'a pong with %o answers no ping of ours',
    (payload) => {
      expect(pingOfPong(payload)).toBeNull();
    },
  );
});
