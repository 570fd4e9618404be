/** The reader against the texts of Socket.IO. */
import { describe, expect, it } from 'vitest';
import { createScript, tickMessage } from '../script.ts';
import { createTickReader } from './tick-reader.ts';

function read(text: string) {
  const bytes = Buffer.from(`..${text}.`);
  return createTickReader(['A', 'B']).read(bytes, 2, bytes.length - 1);
}

describe('the tick reader', () => {
  it('finds a tick between other bytes, however often it comes', () => {
    const [, tick] = createScript(['A', 'B'], 'gEn000').next();
    if (tick === undefined) throw new Error('a script has a tick of each symbol');
    const bytes = Buffer.from(`xx${tickMessage(tick)}yy`);
    const reader = createTickReader(['A', 'B']);
    const seen = { symbol: 1, seq: 1, merged: 0, ts: tick.ts };
    for (let time = 0; time < 3; time++) expect(reader.read(bytes, 2, bytes.length - 2)).toEqual(seen);
  });

  it('reads how many ticks were merged into one', () => {
    const text =
      '42["tick",{"symbol":"A","gen":"g","seq":9,"price":"1","ts":5,"merged":3,"high":"2","low":"1"}]';
    expect(read(text)).toEqual({ symbol: 0, seq: 9, merged: 3, ts: 5 });
  });

  it.each(['2', '40{"sid":"x"}', '42["heartbeat",{"at":1}]', '42["ticks",1]'])(
    'leaves %s to others',
    (text) => {
      expect(read(text)).toBeNull();
    },
  );

  it('throws for a tick that is none, or of a symbol that nobody has', () => {
    expect(() => read('42["tick",{"symbol":"A"}]')).toThrow('price');
    expect(() => read('42["tick",{"symbol":"C","gen":"g","seq":9,"price":"1","ts":5}]')).toThrow(
      'a tick of C',
    );
  });
});
