import { describe, expect, it } from 'vitest';
import { limits } from '../../protocol/index.ts';
import { parseMessage } from './message-request.ts';

const longest = 'x'.repeat(limits.maxContentLength);

describe('[MS1] send_message', () => {
  it.each(['hi', '<b>&amp;</b>', ' ', longest])('takes a text as it is', (content) => {
    const request = { recipient: 'ann@example.com', content };
    expect(parseMessage([request])).toEqual({ ok: true, value: request });
  });

  it('refuses a longer one', () => {
    expect(parseMessage([{ recipient: 'ann', content: `${longest}x` }])).toMatchObject({
      ok: false,
      refusal: { name: 'payload_too_large', retry: 'never' },
    });
  });

  it.each<[string, unknown[]]>([
    ['nothing', []],
    ['null', [null]],
    ['two payloads', [{ recipient: 'ann', content: 'hi' }, 1]],
    ['no recipient', [{ content: 'hi' }]],
    ['a recipient with a glob', [{ recipient: 'a*', content: 'hi' }]],
    ['a recipient that is a room', [{ recipient: 'tick:BTC/USD', content: 'hi' }]],
    ['a recipient that is too long', [{ recipient: 'a'.repeat(129), content: 'hi' }]],
    ['a list of recipients', [{ recipient: ['ann'], content: 'hi' }]],
    ['no content', [{ recipient: 'ann' }]],
    ['empty content', [{ recipient: 'ann', content: '' }]],
    ['content that is no text', [{ recipient: 'ann', content: { text: 'hi' } }]],
    ['a key too many', [{ recipient: 'ann', content: 'hi', from: 'ben' }]],
    ['a list', [['ann', 'hi']]],
  ])('refuses %s', (_, payload) => {
    expect(parseMessage(payload)).toMatchObject({ ok: false, refusal: { name: 'bad_payload' } });
  });
});
