/** What a hostile backend costs a replica in memory. */
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { createGzip } from 'node:zlib';
import { expect, it } from 'vitest';
import { limits } from '../../protocol/index.ts';
import { startBackend } from '../support/stand-ins/backend.ts';
import { asked, bridged, joined, order } from '../wire/bridged.ts';

/** JSON of a text that is so many times 64 KiB long, packed piece by piece: it is never whole in the memory that is measured. */
function packedText(pieces: number): Promise<Buffer> {
  const zeros = Buffer.alloc(65_536, '0');
  const text = function* (): Generator<Buffer> {
    yield Buffer.from('"');
    for (let n = 0; n < pieces; n++) yield zeros;
    yield Buffer.from('"');
  };
  return buffer(Readable.from(text()).pipe(createGzip()));
}

it('[BR5] unpacks no answer, however small it is packed', async () => {
  const bomb = await packedText(3_200);
  expect(bomb.length).toBeLessThan(limits.maxBackendAnswerBytes);
  const headers = { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' };
  const backend = await startBackend(({ event }, response) =>
    event === 'order' ? void response.writeHead(200, headers).end(bomb) : { ok: true },
  );
  const replica = await bridged(backend.url);
  const client = await joined(replica);
  const before = process.memoryUsage().rss;
  for (let n = 0; n < 5; n++) expect(await order(client)).toMatchObject({ name: 'backend_unconfirmed' });
  expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
  expect(await asked(replica, 'bad_answer')).toBe(5);
});
