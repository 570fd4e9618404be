import { describe, expect, it } from 'vitest';
import { limits } from '../../protocol/index.ts';
import { messageEventRows } from '../../test/security/catalogue/event-rows.ts';
import { parseMessage } from './message-request.ts';

const longest = 'x'.repeat(limits.maxContentLength);

describe('[MS1] send_message', () => {
  it.each(['hi', '<b>&amp;</b>', ' ', longest])('takes a text as it is', (content) => {
    const request = { recipient: 'ann@example.com', content };
    expect(parseMessage([request])).toEqual({ ok: true, value: request });
  });

  for (const [name, , payload, refused = 'bad_payload'] of messageEventRows)
    it(`refuses ${name}`, () => {
      expect(parseMessage(payload)).toMatchObject({ ok: false, refusal: { name: refused, retry: 'never' } });
    });
});
