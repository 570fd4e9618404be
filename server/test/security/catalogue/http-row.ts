/** A request over HTTP as it is sent to Nginx, byte for byte, and the one answer to it. */
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
