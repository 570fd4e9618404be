/** A request over HTTP as it is sent to Nginx, byte for byte, and the one answer to it. */
import { codes, type CodeName } from '../../../protocol/index.ts';
import type { Row } from '../row.ts';

/** The bytes as they are sent. */
export type HttpRow = Row<
  string,
  {
    status: number;
    /** Whether the connection is closed behind it; it takes another request where nothing is said. */
    closes?: boolean;
    /** What the body must be. */
    body?: RegExp;
    /** What headers must be, by lower-case name. */
    headers?: Readonly<Record<string, RegExp>>;
  }
>;

export const host = 'Host: 127.0.0.1\r\n';

/** Gives one request with a line each for what is given; a body brings its own length. */
export function ask(
  target: string,
  { method = 'GET', lines = [], body = '', version = '1.1' }: Asked = {},
): string {
  const length = body === '' ? '' : `Content-Length: ${body.length}\r\n`;
  const more = lines.map((line) => `${line}\r\n`).join('');
  return `${method} ${target} HTTP/${version}\r\n${host}${length}${more}\r\n${body}`;
}

interface Asked {
  method?: string;
  lines?: readonly string[];
  body?: string;
  version?: string;
}

/** The start of a refusal that says why. */
export const problem = /^\{"type":/;
/** What Nginx does not read further than it must. */
export const badRequest = { status: 400, closes: true, body: problem } as const;

/** Where a stock client that polls begins. */
export const handshake = '/socket.io/?EIO=4&transport=polling';

/** The refusal of that name as a problem: its status, code and retry rule, and the headers that belong to the status. */
export function refused(name: CodeName): HttpRow['expect'] {
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

/** The body in chunks of 16 KB, with the line that says so. */
export function chunked(body: string): { lines: readonly string[]; rest: string } {
  const chunks = body.match(/[^]{1,16384}/g) ?? [];
  return {
    lines: ['Transfer-Encoding: chunked'],
    rest: `${chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('')}0\r\n\r\n`,
  };
}
