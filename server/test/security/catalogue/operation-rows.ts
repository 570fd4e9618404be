/** Bad requests to any operation of the API, made from its OpenAPI document: a new operation gets these rows too. */
import { gzipSync } from 'node:zlib';
import { z } from 'zod';
import type { CodeName } from '../../../protocol/index.ts';
import { ask, json, key, refused, withKey, type HttpAnswer, type HttpRow } from './http-row.ts';

const operationForm = z.object({
  security: z.array(z.record(z.string(), z.array(z.string()))).optional(),
  requestBody: z.object({ description: z.string(), required: z.boolean() }).optional(),
});
type Operation = z.output<typeof operationForm>;

export const documentForm = z.object({
  paths: z.record(z.string(), z.record(z.string(), operationForm)),
});

const methods = ['get', 'put', 'post', 'delete', 'patch'];
const bomb = gzipSync(' '.repeat(16_000_000)).toString('latin1');

/** Rows of every path and operation. */
export function operationRows({ paths }: z.output<typeof documentForm>): HttpRow[] {
  return Object.entries(paths).flatMap(([path, operations]) => {
    // Nothing has this name.
    const target = path.replaceAll(/\{\w+\}/g, 'NOBODY');
    const named = (rows: readonly HttpRow[], method = ''): HttpRow[] =>
      rows.map(([name, bytes, answer]) => [`${method} ${path} ${name}`.trim(), bytes, answer]);
    const mayBeLonger = Object.keys(paths).some((other) => other.startsWith(`${path}/{`));
    return [
      ...named(pathRows(target, { taken: Object.keys(operations), mayBeLonger })),
      ...Object.entries(operations).flatMap(([method, operation]) =>
        named(
          [
            ...keyRows(target, method.toUpperCase(), operation),
            ...queryRows(target, method.toUpperCase()),
            ...bodyRows(target, method.toUpperCase(), operation),
          ],
          method.toUpperCase(),
        ),
      ),
    ];
  });
}

function pathRows(
  target: string,
  { taken, mayBeLonger }: { taken: readonly string[]; mayBeLonger: boolean },
): HttpRow[] {
  const allowed = methods.filter((method) => taken.includes(method)).join(', ');
  const allow = new RegExp(`^${allowed.toUpperCase().replace('GET', 'GET, HEAD')}$`);
  const others = [
    ...methods.filter((method) => !taken.includes(method)),
    ...(taken.includes('get') ? [] : ['head']),
  ];
  const { status, headers, body = /./ } = refused('method_not_allowed');
  return [
    ...others.map((method): HttpRow => [
      `by ${method.toUpperCase()}`,
      ask(target, { method: method.toUpperCase(), lines: [withKey] }),
      { status, headers: { ...headers, allow }, body: method === 'head' ? /^$/ : body },
    ]),
    ['by OPTIONS', ask(target, { method: 'OPTIONS' }), { status: 204, body: /^$/, headers: { allow } }],
    ['behind two slashes', ask(`/${target}`, { lines: [withKey] }), 'not_found'],
    ['with an encoded slash', ask(target.replace(/\/(?=[^/]+$)/, '%2F'), { lines: [withKey] }), 'not_found'],
    ...(mayBeLonger
      ? []
      : [
          [
            'and 5,000 letters more',
            ask(`${target}/${'a'.repeat(5_000)}`, { lines: [withKey] }),
            'not_found',
          ] as const,
        ]),
  ];
}

/** Without a body: the caller is identified before the body is read. */
function keyRows(target: string, method: string, { security = [] }: Operation): HttpRow[] {
  if (security.length === 0) return [];
  const isForAll = security.some((scheme) => Object.keys(scheme).length === 0);
  const missing = security.some((scheme) => 'token' in scheme) ? 'credentials_required' : 'api_key_required';
  const row = (name: string, lines: readonly string[], answer: CodeName): HttpRow => [
    `with ${name}`,
    ask(target, { method, lines }),
    answer,
  ];
  const wrong: readonly [string, ...string[]][] = [
    ['an empty key', 'X-API-Key: '],
    ['a wrong key', 'X-API-Key: dummy-key-9'],
    ['a key one character short', `X-API-Key: ${key.slice(0, -1)}`],
    ['a key one character long', `X-API-Key: ${key}1`],
    ['a key of another case', `X-API-Key: ${key.toUpperCase()}`],
    ['two keys, the second good', 'X-API-Key: dummy-key-9', withKey],
    ['two keys, the first good', withKey, 'X-API-Key: dummy-key-9'],
    ['a good key twice', withKey, withKey],
    ['the name of a key', 'X-API-Key: desk'],
    ['a key of a prototype', 'X-API-Key: __proto__'],
    ['a key of 6,000 characters', `X-API-Key: ${'dummy-k'.repeat(850)}`],
  ];
  const elsewhere: readonly [string, ...string[]][] = [
    ['no key'],
    ['its key as a token', `Authorization: Bearer ${key}`],
    ['its key as a cookie', `Cookie: X-API-Key=${key}`],
  ];
  return [
    ...['api_key', 'apiKey', 'X-API-Key', 'api-key', 'apikey'].map((name): HttpRow => [
      `with its key in the query, as ${name}`,
      ask(`${target}?${name}=${key}`, { method, lines: [withKey] }),
      'api_key_required',
    ]),
    ...(isForAll ? [] : elsewhere).map(([name, ...lines]) => row(name, lines, missing)),
    ...wrong.map(([name, ...lines]) => row(name, lines, 'api_key_invalid')),
  ];
}

/** Parameters that no operation takes. */
function queryRows(target: string, method: string): HttpRow[] {
  return ['nobody=1', 'nobody', 'symbols[x]=AAPL', '__proto__[symbols]=NOBODY', 'constructor=1', '%00=1'].map(
    (query) => [`with ?${query}`, ask(`${target}?${query}`, { method, lines: [withKey] }), 'bad_payload'],
  );
}

function bodyRows(target: string, method: string, { requestBody }: Operation): HttpRow[] {
  const isRequired = requestBody?.required === true;
  const maxBytes = Number(/at most (\d+) bytes/.exec(requestBody?.description ?? 'at most 1024 bytes')?.[1]);
  const tooMuch = `{"x":"${'a'.repeat(maxBytes)}"}`;
  const row = (name: string, body: string, answer: CodeName | HttpAnswer, lines = [json]): HttpRow => [
    `with a body of ${name}`,
    ask(target, { method, lines: [withKey, ...lines], body }),
    answer,
  ];
  const types = {
    'text/plain': 'text/plain',
    'a form': 'application/x-www-form-urlencoded',
    XML: 'application/xml',
    'nearly JSON': 'application/jsonp',
    'a list of types': 'text/plain, application/json',
    'JSON in another alphabet': 'application/json; charset=nobody',
  };
  const bodies = {
    'truncated JSON': '{"a":',
    NaN: '{"price":NaN}',
    'a byte order mark': '\xEF\xBB\xBF{',
    'bytes that are no UTF-8': '{"\xff":"\xfe"}',
    'two values': '{}{}',
    'a comment': '{} // x',
    'single quotes': "{'a':1}",
    'a zero byte': '{}\0',
    null: 'null',
    'a number': '7',
    'a text': '"x"',
    'an empty list': '[]',
    'a list in a list': '[[]]',
    'a prototype': '{"__proto__":{"price":"1","symbol":"DEMO","all":true,"userId":"x"}}',
    'a constructor': '{"constructor":{"prototype":{"all":true}}}',
    '8,000 lists in each other': `${'['.repeat(8_000)}${']'.repeat(8_000)}`,
    '8,000 objects in each other': `${'{"a":'.repeat(8_000)}1${'}'.repeat(8_000)}`,
    '500 keys': JSON.stringify(Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`k${n}`, n]))),
    blanks: '   ',
    // If a body may be left out, these are no mistake.
    ...(isRequired && { 'an object without any key': '{}', 'no bytes': '' }),
  };
  return [
    ...Object.entries(types).map(([name, type]) =>
      row(name, '{}', 'unsupported_media_type', [`Content-Type: ${type}`]),
    ),
    row('no type', '{}', 'unsupported_media_type', []),
    row('an unknown encoding', '{}', 'unsupported_media_type', [json, 'Content-Encoding: nobody']),
    ...Object.entries(bodies).map(([name, body]) =>
      row(name, body, body.length > maxBytes ? 'payload_too_large' : 'bad_payload'),
    ),
    row('broken gzip', '\x1f\x8b{}', 'bad_payload', [json, 'Content-Encoding: gzip']),
    row('a gzip bomb', bomb, 'payload_too_large', [json, 'Content-Encoding: gzip']),
    row('one byte too many', tooMuch, 'payload_too_large'),
    [
      'with a body of one byte too many, in chunks',
      ask(target, { method, lines: [withKey, json, 'Transfer-Encoding: chunked'] }) + chunked(tooMuch),
      'payload_too_large',
    ],
  ];
}

/** The body in chunks of 16 KB. */
function chunked(body: string): string {
  const chunks = body.match(/[^]{1,16384}/g) ?? [];
  return `${chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('')}0\r\n\r\n`;
}
