import { Encoder } from 'socket.io-parser';
import { describe, expect, it } from 'vitest';
import { JsonText, textParser } from './json-text.ts';

const ack = 3;
const event = 2;
const stock = new Encoder();
const ours = new textParser.Encoder();

describe('a payload that is JSON already', () => {
  const payload = { ok: true, symbols: ['BTC-USD'], text: 'a "quoted" ü line' };
  const text = new JsonText(JSON.stringify(payload));

  it('is written as Socket.IO writes what it stands for, in an event and in an answer', () => {
    expect(ours.encode({ type: event, nsp: '/', data: ['snapshot', text] })).toEqual(
      stock.encode({ type: event, nsp: '/', data: ['snapshot', payload] }),
    );
    expect(ours.encode({ type: event, nsp: '/', id: 7, data: ['snapshot', 1, text] })).toEqual(
      stock.encode({ type: event, nsp: '/', id: 7, data: ['snapshot', 1, payload] }),
    );
    expect(ours.encode({ type: ack, nsp: '/', id: 0, data: [text] })).toEqual(
      stock.encode({ type: ack, nsp: '/', id: 0, data: [payload] }),
    );
  });

  it('is what it stands for in another namespace, and for an encoder that does not know it', () => {
    const packet = { type: event, nsp: '/other', data: ['snapshot', text] };
    const expected = stock.encode({ ...packet, data: ['snapshot', payload] });
    expect(ours.encode(packet)).toEqual(expected);
    expect(stock.encode(packet)).toEqual(expected);
  });

  it('leaves every other packet to Socket.IO, also binary ones', () => {
    const packet = { type: event, nsp: '/', data: ['bytes', Buffer.from([1, 2]), payload] };
    expect(ours.encode(packet)).toEqual(stock.encode(packet));
    expect(ours.encode({ type: 0, nsp: '/', data: { sid: 'x' } })).toEqual(['0{"sid":"x"}']);
  });
});
