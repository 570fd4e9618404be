/**
 * Which pages may connect, and which may read why they may not now. CORS headers do not stop a WebSocket, so the origin is
 * checked with each handshake. Knows nothing of what is refused. SPEC.md [CN1].
 */
import type { IncomingMessage } from 'node:http';

/** Judges by the `Origin` and `Host` headers alone; a request without an `Origin` is of no page, and may connect. */
export interface Origins {
  /** Whether the page that asks, where one does, may connect. */
  mayConnect(request: IncomingMessage): boolean;
  /** Headers with which the page that asks may read an answer that engine.io does not give: it writes its own. */
  headersFor(request: IncomingMessage): Readonly<Record<string, string>>;
}

/** Whether the page is of the host that is asked. Clients may name a port that browsers leave out, and no page has their `ws:`. */
function isOwn(origin: string, host: string | undefined): boolean {
  if (host === undefined || !URL.canParse(origin)) return false;
  const { protocol, host: itsHost } = new URL(origin);
  const own = `${protocol}//${host}`;
  return URL.canParse(own) && new URL(own).host === itsHost;
}

/** `allowed` are exact; `*` alone allows all, an empty list only the host's own pages. */
export function createOrigins(allowed: readonly string[]): Origins {
  const everyOrigin = allowed.includes('*');
  const isNamed = (origin: string): boolean => everyOrigin || allowed.includes(origin);

  return {
    mayConnect: ({ headers: { origin, host } }) =>
      origin === undefined || isNamed(origin) || isOwn(origin, host),
    headersFor: ({ headers: { origin } }) => ({
      ...(allowed.length > 0 && !everyOrigin && { Vary: 'Origin' }),
      ...(origin !== undefined &&
        isNamed(origin) && {
          'Access-Control-Allow-Origin': everyOrigin ? '*' : origin,
          'Access-Control-Expose-Headers': 'Retry-After',
        }),
    }),
  };
}
