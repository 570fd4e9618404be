/** The parser against frames in every cut, since TCP keeps none together. */
import { describe, expect, it } from 'vitest';
import { clientFrame, FrameParser, opcodes, serverText } from './frame-parser.ts';

function ping(payload: string): Buffer {
  return Buffer.concat([Buffer.from([0x80 | opcodes.ping, payload.length]), Buffer.from(payload)]);
}

function long(length: number): Buffer {
  const header = Buffer.alloc(10);
  header[0] = 0x80 | opcodes.text;
  header[1] = 127;
  header.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([header, Buffer.alloc(length, 'x')]);
}

describe('the frame parser', () => {
  const texts = ['', '2', 'x'.repeat(125), 'y'.repeat(126), 'z'.repeat(2_000)];
  const stream = Buffer.concat([...texts.map(serverText), ping('12'), long(70_000)]);
  const expected = [
    ...texts.map((text) => [opcodes.text, text]),
    [opcodes.ping, '12'],
    [opcodes.text, 'x'.repeat(70_000)],
  ];

  it.each([1, 2, 3, 7, 125, 1_000, stream.length])(
    'gives every frame once and in order, in pieces of %i bytes',
    (size) => {
      const seen: unknown[] = [];
      let total = 0;
      const parser = new FrameParser((opcode, bytes, start, end, whole) => {
        seen.push([opcode, bytes.toString('latin1', start, end)]);
        total += whole;
      });
      for (let at = 0, length = size; at < stream.length; at += length) {
        // The text of the long frame comes in larger pieces: its cuts are all alike, and one by one they take seconds.
        length = at < stream.length - 69_000 ? size : Math.max(size, 1_000);
        parser.feed(stream.subarray(at, at + length));
      }
      expect(seen).toEqual(expected);
      expect(total).toBe(stream.length);
    },
  );

  it('refuses what no server sends: a masked frame, a fragment', () => {
    const parser = (): FrameParser => new FrameParser(() => {});
    expect(() => parser().feed(clientFrame(opcodes.text, Buffer.from('x')))).toThrow('no frame of a server');
    expect(() => parser().feed(Buffer.from([opcodes.text, 0]))).toThrow('no frame of a server');
  });
});
