/** A request over HTTP as it is sent, byte for byte, and the one answer to it. */
import { codes, type CodeName } from '../../../protocol/index.ts';

/** The text is sent as Latin-1. The answer is a refusal by its name, a status, or more than that. */
export type HttpRow = readonly [name: string, bytes: string, answer: CodeName | number | HttpAnswer];

export interface HttpAnswer {
  status: number;
  /** True if the connection is closed after the answer. Otherwise it accepts another request. */
  closes?: boolean;
  body?: RegExp;
  /** By lower-case name. */
  headers?: Readonly<Record<string, RegExp>>;
}

export const host = 'Host: 127.0.0.1\r\n';
/** The key that the cluster accepts for most calls. */
export const key = 'dummy-key-1';
export const withKey = `X-API-Key: ${key}`;
export const json = 'Content-Type: application/json';

interface Asked {
  method?: string;
  lines?: readonly string[];
  body?: string;
  version?: string;
}

/** One request with these header lines. A body brings its own length. */
export function ask(
  target: string,
  { method = 'GET', lines = [], body = '', version = '1.1' }: Asked = {},
): string {
  const length = body === '' ? '' : `Content-Length: ${body.length}\r\n`;
  const more = lines.map((line) => `${line}\r\n`).join('');
  return `${method} ${target} HTTP/${version}\r\n${host}${length}${more}\r\n${body}`;
}

/** A request with the key and a body of JSON. A text is sent as it is. */
export const call = (method: string, target: string, body: unknown, lines: readonly string[] = []): string =>
  ask(target, {
    method,
    lines: [withKey, json, ...lines],
    body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)).toString('latin1'),
  });

/** The start of a refusal that gives its reason. */
export const problem = /^\{"type":/;
export const badRequest = { status: 400, closes: true, body: problem } as const;
export const notFound = { status: 404, body: problem } as const;

/** The first request of a stock client that polls. */
export const handshake = '/socket.io/?EIO=4&transport=polling';

/** The refusal as a problem: status, code and retry rule, and the headers that belong to the status. */
export function refused(name: CodeName): HttpAnswer {
  const { status, code, retry } = codes[name];
  return {
    status,
    body: new RegExp(
      `^\\{"type":.*"status":${status},.*"code":${code},"name":"${name}","retry":"${retry}"\\}$`,
      's',
    ),
    headers: {
      'content-type': /^application\/problem\+json/,
      'cache-control': /^no-store$/,
      ...(status === 401 && { 'www-authenticate': /./ }),
      ...(status === 503 && { 'retry-after': /^1$/ }),
    },
  };
}
