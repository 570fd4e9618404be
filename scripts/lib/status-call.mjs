/**
 * Asks a running cluster how it is: `/health` and the newest ticks, and with an API key `/api/status` for what every replica
 * said of itself. Judges nothing.
 */

/** How long one answer may take; within it the others leave out a replica that hangs. */
const limitMs = 2_000;
/** Through Nginx the next try reaches another replica than the one that hangs. */
const maxTries = 3;

/** Nobody could be asked; the message is for people, and has no key in it. */
export class CannotAsk extends Error {}

/**
 * @typedef {object} ClusterStatus
 * @property {string} url
 * @property {'all' | 'one' | 'alone'} told Whether every replica is told of, or the one that answered: for want of a key, or because it
 *   has no link to the others.
 * @property {{ node: string, state: string, connections: number }[]} nodes By name.
 * @property {number} clients Connections of those nodes together.
 * @property {number} unanswered Requests that got no answer in time, and were made again.
 * @property {{ kind: string, state: string, reason: string | null }} backplane
 * @property {{ node: string | null, epoch: number }} leader
 * @property {{ state: string, reason: string | null }} feed
 * @property {{ name: string, state: string, symbols: number, tickAgeMs: number | null }[]} feeds Age of the newest tick by this
 *   machine's clock; null where there is none, or it may not be read.
 */

/**
 * Rejects with `CannotAsk`.
 *
 * @param {{ url: URL, key: string | null, now?: () => number }} options
 * @returns {Promise<ClusterStatus>}
 */
export async function askCluster({ url, key, now = Date.now }) {
  let unanswered = 0;
  const ask = asker(url, key, () => unanswered++);
  const health = await ask('health');
  if (health.status >= 500)
    throw new CannotAsk(`${url.href} answers ${health.status} to /health: no replica is behind it`);
  if (health.status !== 200)
    throw new CannotAsk(
      `${url.href} answers ${health.status} to /health: it does not seem to be Tickwire${health.status === 400 && url.protocol === 'http:' ? ', or takes https alone' : ''}`,
    );
  const full = key === null ? null : await ask('api/status');
  if (full !== null && full.status === 401) throw new CannotAsk(`the API key is not taken by ${url.href}`);
  if (full !== null && full.status !== 200)
    throw new CannotAsk(`${url.href} answers ${full.status} to /api/status`);

  try {
    const ages = await tickAges();
    return statusOf({ url, health: health.body, full: full?.body ?? null, ages, unanswered });
  } catch (error) {
    if (error instanceof CannotAsk) throw error;
    throw new CannotAsk(`what answers at ${url.href} does not seem to be Tickwire`, { cause: error });
  }

  /** The age of each named symbol's last tick; empty where quotes may not be read, or cannot be for now. */
  async function tickAges() {
    const symbols = health.body.feed.sources.flatMap(
      (/** @type {{ symbols: string[] }} */ source) => source.symbols,
    );
    if (symbols.length === 0) return new Map();
    const { status, body } = await ask(`api/ticks?symbols=${encodeURIComponent(symbols.join(','))}`);
    if (status !== 200) return new Map();
    return new Map(
      body.quotes.map((/** @type {{ symbol: string, ts: number }} */ { symbol, ts }) => [
        symbol,
        Math.max(0, now() - ts),
      ]),
    );
  }
}

/**
 * @param {{ url: URL, health: any, full: any, ages: Map<string, number>, unanswered: number }} told
 * @returns {ClusterStatus}
 */
function statusOf({ url, health, full, ages, unanswered }) {
  const { backplane, leader, feed } = full ?? health;
  const own = {
    node: health.node,
    state: health.status === 'draining' ? 'draining' : 'serving',
    connections: health.connections,
  };
  /** @type {ClusterStatus['nodes']} */
  const nodes = (full?.nodes ?? [own])
    .map((/** @type {any} */ one) => ({
      node: text(one.node),
      state: text(one.state),
      connections: count(one.connections),
    }))
    // Any of them may answer, and tells of itself first.
    .toSorted((/** @type {any} */ a, /** @type {any} */ b) =>
      a.node.localeCompare(b.node, 'en', { numeric: true }),
    );
  return {
    url: url.href,
    told: full === null ? 'one' : full.scope === 'replica' ? 'alone' : 'all',
    nodes,
    clients: nodes.reduce((sum, one) => sum + one.connections, 0),
    unanswered,
    backplane: {
      kind: text(backplane.kind),
      state: text(backplane.state),
      reason: textOrNull(backplane.reason),
    },
    leader: { node: textOrNull(leader.node), epoch: count(leader.epoch) },
    feed: { state: text(feed.state), reason: textOrNull(feed.reason) },
    feeds: health.feed.sources.map((/** @type {any} */ { name, state, symbolCount, symbols }) => ({
      name: text(name),
      state: text(state),
      symbols: count(symbolCount),
      tickAgeMs: youngest(symbols.flatMap((/** @type {string} */ symbol) => ages.get(symbol) ?? [])),
    })),
  };
}

/** @param {number[]} ages */
function youngest(ages) {
  return ages.length === 0 ? null : Math.min(...ages);
}

/** Text of the other side, on its way to a terminal. @param {unknown} value */
function text(value) {
  if (typeof value !== 'string') throw new TypeError('a text is missing');
  return value.replaceAll(/\p{C}/gu, '?').slice(0, 200);
}

/** @param {unknown} value */
function textOrNull(value) {
  return value === null || value === undefined || value === '' ? null : text(value);
}

/** @param {unknown} value */
function count(value) {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new TypeError('a number is missing');
  return value;
}

/**
 * Gives what asks one path. A redirect is not followed: it would take the key elsewhere.
 *
 * @param {URL} url
 * @param {string | null} key
 * @param {() => void} onUnanswered Fires when a request that is made again got no answer.
 * @returns {(path: string) => Promise<{ status: number, body: any }>}
 */
function asker(url, key, onUnanswered) {
  return async (path) => {
    for (let tries = 1; ; tries++) {
      try {
        const answer = await fetch(new URL(path, url), {
          redirect: 'manual',
          headers: { Accept: 'application/json', ...(key !== null && { 'X-API-Key': key }) },
          signal: AbortSignal.timeout(limitMs),
        });
        const body = await answer.text();
        return { status: answer.status, body: answer.status === 200 ? JSON.parse(body) : null };
      } catch (error) {
        if (error instanceof SyntaxError)
          throw new CannotAsk(`what answers at ${url.href} does not seem to be Tickwire`, { cause: error });
        if (!isTimeout(error) || tries === maxTries)
          throw new CannotAsk(`${url.href} cannot be reached: ${reasonOf(error)}`, { cause: error });
        onUnanswered();
      }
    }
  };
}

/** @param {unknown} error */
function isTimeout(error) {
  return error instanceof Error && error.name === 'TimeoutError';
}

/** @param {unknown} error */
function reasonOf(error) {
  if (!(error instanceof Error)) return String(error);
  if (isTimeout(error)) return `${maxTries} times no answer within ${limitMs / 1_000} seconds`;
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  const code = 'code' in cause ? String(cause.code) : '';
  if (/CERT|ISSUER/.test(code))
    return `its certificate is not trusted (${cause.message}); NODE_EXTRA_CA_CERTS=certs/cert.pem before the command trusts that one`;
  // What OpenSSL says has addresses of memory and of its own sources.
  if (/^(ERR_SSL|EPROTO)/.test(code)) return 'it does not speak TLS; is it http?';
  return cause.message || code || error.message;
}
