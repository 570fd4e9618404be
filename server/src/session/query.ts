/** The query of a request, without taking the rest of its URL apart. */
import type { IncomingMessage } from 'node:http';

/** What only a parser of URLs takes apart; nearly no query has any of it. */
const special = /[%+#\t\n\r]|__proto__/;

/**
 * The request's query, read once. engine.io takes one that was read before, and would take an URL apart for it, which takes longer
 * than all else of a handshake.
 */
export function readQuery(
  request: IncomingMessage & { _query?: Record<string, string> },
): Record<string, string> {
  return (request._query ??= queryOf(request.url ?? ''));
}

/** Pure. As `URL` has it; of several values with one name the last. */
export function queryOf(url: string): Record<string, string> {
  const begin = url.indexOf('?');
  if (begin === -1) return {};
  const query = url.slice(begin + 1);
  if (special.test(url)) return Object.fromEntries(new URL(url, 'https://any').searchParams.entries());
  const parsed: Record<string, string> = {};
  for (const part of query.split('&')) {
    const mark = part.indexOf('=');
    if (mark !== -1) parsed[part.slice(0, mark)] = part.slice(mark + 1);
    else if (part !== '') parsed[part] = '';
  }
  return parsed;
}
