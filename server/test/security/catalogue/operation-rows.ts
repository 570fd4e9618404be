/** What any operation of the API is sent that is no good, made of its OpenAPI document: one that is added has these rows too. */
import { gzipSync } from 'node:zlib';
import { z } from 'zod';
import { ask, chunked, refused, type HttpRow } from './http-row.ts';

/** The key that is taken; another is too. */
export const key = 'dummy-key-1';
export const withKey = `X-API-Key: ${key}`;
const json = 'Content-Type: application/json';

/** A request with the key and the body, as JSON where it is no text. */
export const call = (method: string, target: string, body: unknown, lines: readonly string[] = []): string =>
  ask(target, {
    method,
    lines: [withKey, json, ...lines],
    body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)).toString('latin1'),
  });

const operationForm = z.object({
  security: z.array(z.record(z.string(), z.array(z.string()))).optional(),
  requestBody: z.object({ description: z.string(), required: z.boolean() }).optional(),
});
type Operation = z.output<typeof operationForm>;

export const documentForm = z.object({
  paths: z.record(z.string(), z.record(z.string(), operationForm)),
});

const methods = ['get', 'put', 'post', 'delete', 'patch'];
/** What stands for the part of a path: nothing that is there. */
const pathOf = (path: string): string => path.replaceAll(/\{\w+\}/g, 'NOBODY');

/** Rows of every path and operation. */
export function operationRows({ paths }: z.output<typeof documentForm>): HttpRow[] {
  return Object.entries(paths).flatMap(([path, operations]) => [
    ...methodRows(path, Object.keys(operations)),
    // Where anything may follow the path, it is no other address.
    ...(Object.keys(paths).some((other) => other.startsWith(`${path}/{`)) ? [] : [longRow(path)]),
    ...Object.entries(operations).flatMap(([method, operation]) => [
      ...keyRows(path, method.toUpperCase(), operation),
      ...queryRows(path, method.toUpperCase()),
      // Where none is described, an empty object is no mistake either.
      ...bodyRows(
        path,
        method.toUpperCase(),
        operation.requestBody ?? { description: 'at most 1024 bytes', required: false },
      ),
    ]),
  ]);
}

function methodRows(path: string, taken: readonly string[]): HttpRow[] {
  const target = pathOf(path);
  const allow = new RegExp(
    `^${['get', 'put', 'post', 'delete']
      .filter((method) => taken.includes(method))
      .join(', ')
      .toUpperCase()
      .replace('GET', 'GET, HEAD')}$`,
  );
  const others = [
    ...methods.filter((method) => !taken.includes(method)),
    ...(taken.includes('get') ? [] : ['head']),
  ];
  return [
    ...others.map((method): HttpRow => {
      const { status, headers, body } = refused('method_not_allowed');
      return {
        name: `${method.toUpperCase()} of ${path}`,
        send: ask(target, { method: method.toUpperCase(), lines: [withKey] }),
        expect: { status, headers: { ...headers, allow }, body: method === 'head' ? /^$/ : (body ?? /./) },
      };
    }),
    {
      name: `OPTIONS of ${path}`,
      send: ask(target, { method: 'OPTIONS' }),
      expect: { status: 204, body: /^$/, headers: { allow } },
    },
    {
      name: `${path} behind two slashes`,
      send: ask(`/${target}`, { lines: [withKey] }),
      expect: refused('not_found'),
    },
    {
      name: `${path} with an encoded slash`,
      send: ask(target.replace(/\/(?=[^/]+$)/, '%2F'), { lines: [withKey] }),
      expect: refused('not_found'),
    },
  ];
}

function longRow(path: string): HttpRow {
  return {
    name: `${path} and 5,000 letters more`,
    send: ask(`${pathOf(path)}/${'a'.repeat(5_000)}`, { lines: [withKey] }),
    expect: refused('not_found'),
  };
}

/** Without a body: who calls is found out before that is looked at. */
function keyRows(path: string, method: string, { security = [] }: Operation): HttpRow[] {
  const target = pathOf(path);
  const isForAll = security.length === 0 || security.some((scheme) => Object.keys(scheme).length === 0);
  const inQuery: HttpRow[] = ['api_key', 'X-API-Key', 'apikey'].map((name) => ({
    name: `${method} ${path} with its key in the query, as ${name}`,
    send: ask(`${target}?${name}=${key}`, { method, lines: [withKey] }),
    expect: refused('api_key_required'),
  }));
  if (security.length === 0) return [];
  const wrong: readonly [string, readonly string[]][] = [
    ['an empty key', ['X-API-Key: ']],
    ['a wrong key', ['X-API-Key: dummy-key-9']],
    ['a key one character short', [`X-API-Key: ${key.slice(0, -1)}`]],
    ['a key one character long', [`X-API-Key: ${key}1`]],
    ['a key of another case', [`X-API-Key: ${key.toUpperCase()}`]],
    ['two keys, the second good', ['X-API-Key: dummy-key-9', withKey]],
    ['two keys, the first good', [withKey, 'X-API-Key: dummy-key-9']],
    ['the name of a key', ['X-API-Key: desk']],
    ['a key of a prototype', ['X-API-Key: __proto__']],
    ['a key of 6,000 characters', [`X-API-Key: ${'dummy-k'.repeat(850)}`]],
  ];
  const elsewhere: readonly [string, readonly string[]][] = [
    ['no key', []],
    ['its key as a token', [`Authorization: Bearer ${key}`]],
    ['its key as a cookie', [`Cookie: X-API-Key=${key}`]],
  ];
  const takesUsers = security.some((scheme) => 'token' in scheme);
  return [
    ...inQuery,
    ...(isForAll ? [] : elsewhere).map(([name, lines]): HttpRow => ({
      name: `${method} ${path} with ${name}`,
      send: ask(target, { method, lines }),
      expect: refused(takesUsers ? 'credentials_required' : 'api_key_required'),
    })),
    ...wrong.map(([name, lines]): HttpRow => ({
      name: `${method} ${path} with ${name}`,
      send: ask(target, { method, lines }),
      expect: refused('api_key_invalid'),
    })),
  ];
}

/** Parameters that no operation takes. */
function queryRows(path: string, method: string): HttpRow[] {
  return ['nobody=1', 'nobody', 'symbols[x]=AAPL', '__proto__[symbols]=NOBODY', 'constructor=1', '%00=1'].map(
    (query) => ({
      name: `${method} ${path}?${query}`,
      send: ask(`${pathOf(path)}?${query}`, { method, lines: [withKey] }),
      expect: refused('bad_payload'),
    }),
  );
}

function bodyRows(
  path: string,
  method: string,
  { description, required }: NonNullable<Operation['requestBody']>,
): HttpRow[] {
  const target = pathOf(path);
  const maxBytes = Number(/at most (\d+) bytes/.exec(description)?.[1]);
  const tooMuch = `{"x":"${'a'.repeat(maxBytes)}"}`;
  const tooMuchInChunks = chunked(tooMuch);
  const bomb = gzipSync(' '.repeat(16_000_000)).toString('latin1');
  const send = (body: string, lines: readonly string[] = [json]): string =>
    ask(target, { method, lines: [withKey, ...lines], body });
  const row = (name: string, bytes: string, expected: HttpRow['expect']): HttpRow => ({
    name: `${method} ${path}: ${name}`,
    send: bytes,
    expect: expected,
  });
  return [
    ...[
      ['text/plain', 'text/plain'],
      ['a form', 'application/x-www-form-urlencoded'],
      ['XML', 'application/xml'],
      ['nearly JSON', 'application/jsonp'],
      ['a list of types', 'text/plain, application/json'],
      ['JSON in another alphabet', 'application/json; charset=nobody'],
    ].map(([name = '', type]) =>
      row(`a body of ${name}`, send('{}', [`Content-Type: ${type}`]), refused('unsupported_media_type')),
    ),
    row('a body of no type', send('{}', []), refused('unsupported_media_type')),
    row(
      'an encoding that nobody knows',
      send('{}', [json, 'Content-Encoding: nobody']),
      refused('unsupported_media_type'),
    ),
    ...[
      ['truncated JSON', '{"a":'],
      ['NaN', '{"price":NaN}'],
      ['a byte order mark', '\xEF\xBB\xBF{'],
      ['bytes that are no UTF-8', '{"\xff":"\xfe"}'],
      ['two values', '{}{}'],
      ['a comment', '{} // x'],
      ['single quotes', "{'a':1}"],
      ['a zero byte', '{}\0'],
      ['null', 'null'],
      ['a number', '7'],
      ['a text', '"x"'],
      ['an empty list', '[]'],
      ['a list in a list', '[[]]'],
      ['a prototype', '{"__proto__":{"price":"1","symbol":"DEMO","all":true,"userId":"x"}}'],
      ['a constructor', '{"constructor":{"prototype":{"all":true}}}'],
      ['8,000 lists in each other', `${'['.repeat(8_000)}${']'.repeat(8_000)}`],
      ['8,000 objects in each other', `${'{"a":'.repeat(8_000)}1${'}'.repeat(8_000)}`],
      ['500 keys', JSON.stringify(Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`k${n}`, n])))],
      ['blanks', '   '],
    ].map(([name = '', body = '']) =>
      row(
        `a body of ${name}`,
        send(body),
        refused(body.length > maxBytes ? 'payload_too_large' : 'bad_payload'),
      ),
    ),
    // Where a body may be left out, these are no mistake.
    ...(required
      ? [
          row('a body of an object without any key', send('{}'), refused('bad_payload')),
          row('no body at all', send(''), refused('bad_payload')),
        ]
      : []),
    row('broken gzip', send('\x1f\x8b{}', [json, 'Content-Encoding: gzip']), refused('bad_payload')),
    row('a gzip bomb', send(bomb, [json, 'Content-Encoding: gzip']), refused('payload_too_large')),
    row('a body over the limit', send(tooMuch), refused('payload_too_large')),
    row(
      'a body over the limit, in chunks',
      ask(target, { method, lines: [withKey, json, ...tooMuchInChunks.lines] }) + tooMuchInChunks.rest,
      refused('payload_too_large'),
    ),
  ];
}
