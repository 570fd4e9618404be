import { describe, expect, it } from 'vitest';
import { createSessionId, ownerOfRequest } from './session-id.ts';

const workers = [{ id: 1 }, { id: 37 }, { id: 1_000 }];

function poll(sid: string): Buffer {
  return Buffer.from(`GET /socket.io/?EIO=4&transport=polling&sid=${sid}&t=x HTTP/1.1\r\nHost: a\r\n\r\n`);
}

describe('a session id', () => {
  it('has the form that sticky knows, and is another one each time', () => {
    const ids = Array.from({ length: 100 }, () => createSessionId(2));
    for (const id of ids) expect(id).toMatch(/^[\w-]{20}$/);
    expect(new Set(ids).size).toBe(100);
  });

  it('leads its requests to the worker that made it', () => {
    for (const worker of workers)
      expect(ownerOfRequest(poll(createSessionId(worker.id)), workers)).toBe(worker);
    const last = Buffer.from(`GET /socket.io/?sid=${createSessionId(37)} HTTP/1.1\r\n`);
    expect(ownerOfRequest(last, workers)?.id).toBe(37);
  });

  it('leads nowhere when its worker is gone, when there is none, or when it is not in the request line', () => {
    expect(ownerOfRequest(poll(createSessionId(2)), workers)).toBeUndefined();
    expect(ownerOfRequest(poll(''), workers)).toBeUndefined();
    const elsewhere = `GET / HTTP/1.1\r\nReferer: /?sid=${createSessionId(1)}\r\n\r\n`;
    expect(ownerOfRequest(Buffer.from(elsewhere), workers)).toBeUndefined();
  });

  it('still names a worker after very many forks', () => {
    const many = { id: 36 ** 3 + 5 };
    expect(ownerOfRequest(poll(createSessionId(many.id)), [many])).toBe(many);
  });
});
