/**
 * What the server sends, checked as far as the client relies on it. A schema library would weigh more than the whole
 * stream, so these are plain tests of shape; what fails them is dropped and counted.
 */
import {
  isDecimal,
  type ClusterStatistics,
  type FeedState,
  type Hello,
  type Quote,
  type Refusal,
  type Snapshot,
  type SubscribeAck,
  type SymbolsChange,
  type Tick,
} from '../../../server/protocol/index.ts';

type Fields = Record<string, unknown>;

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isDecimalText(value: unknown): boolean {
  return typeof value === 'string' && isDecimal(value);
}

function areDecimals(value: Fields, required: readonly string[], optional: readonly string[]): boolean {
  return (
    required.every((name) => isDecimalText(value[name])) &&
    optional.every((name) => value[name] === undefined || isDecimalText(value[name]))
  );
}

function isDay(value: unknown): boolean {
  return isObject(value) && areDecimals(value, ['open', 'high', 'low', 'volume'], ['prevClose']);
}

function isPlaced(value: Fields): boolean {
  return (
    typeof value['symbol'] === 'string' &&
    typeof value['gen'] === 'string' &&
    isCount(value['seq']) &&
    Number.isFinite(value['ts'])
  );
}

/**
 * The event `tick`. Fields that it does not know are let pass, here as in everything below, so that the wire may grow.
 */
export function isTick(value: unknown): value is Tick {
  return (
    isObject(value) &&
    isPlaced(value) &&
    areDecimals(value, ['price'], ['size', 'high', 'low']) &&
    (value['merged'] === undefined || isCount(value['merged'])) &&
    (value['day'] === undefined || isDay(value['day']))
  );
}

function isQuote(value: unknown): value is Quote {
  return (
    isObject(value) &&
    isPlaced(value) &&
    isDay(value) &&
    areDecimals(value, ['price'], ['size']) &&
    typeof value['stale'] === 'boolean'
  );
}

/** The event `snapshot`: one quote that is wrong drops all of it. Its reason may be any text. */
export function isSnapshot(value: unknown): value is Snapshot {
  return (
    isObject(value) &&
    typeof value['reason'] === 'string' &&
    Array.isArray(value['quotes']) &&
    value['quotes'].every(isQuote)
  );
}

/** The event `hello`, as far as it says who serves us. `user` and `expiresAt` are not looked at. */
export function isHello(value: unknown): value is Hello {
  return isObject(value) && typeof value['session'] === 'string' && typeof value['node'] === 'string';
}

function isState(value: Fields): boolean {
  return value['state'] === 'live' || value['state'] === 'stale';
}

/** The event `feed`: the whole feed's state and that of each source, with its symbols. */
export function isFeedState(value: unknown): value is FeedState {
  return (
    isObject(value) &&
    isState(value) &&
    typeof value['reason'] === 'string' &&
    Number.isFinite(value['since']) &&
    Array.isArray(value['sources']) &&
    value['sources'].every(
      (source: unknown) =>
        isObject(source) &&
        isState(source) &&
        typeof source['name'] === 'string' &&
        areTexts(source['symbols']),
    )
  );
}

/** The event `cluster`: each replica's state and counts. The details that an API key brings are not looked at. */
export function isClusterStatistics(value: unknown): value is ClusterStatistics {
  return (
    isObject(value) &&
    Number.isFinite(value['at']) &&
    Array.isArray(value['nodes']) &&
    value['nodes'].every(
      (node: unknown) =>
        isObject(node) &&
        typeof node['node'] === 'string' &&
        (node['state'] === 'serving' || node['state'] === 'draining') &&
        typeof node['leader'] === 'boolean' &&
        ['connections', 'users', 'anonymous'].every((name) => isCount(node[name])),
    )
  );
}

function areTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one: unknown) => typeof one === 'string');
}

/** The event `symbols`: two lists of texts, of which either may be empty. */
export function isSymbolsChange(value: unknown): value is SymbolsChange {
  if (!isObject(value) || !areTexts(value['added']) || !areTexts(value['retired'])) return false;
  const { feeds } = value;
  return feeds === undefined || (isObject(feeds) && areTexts(Object.values(feeds)));
}

/** The event `heartbeat`, with the server's time in epoch milliseconds. */
export function isHeartbeat(value: unknown): value is { at: number } {
  return isObject(value) && Number.isFinite(value['at']);
}

/** The event `shutdown`. The milliseconds may be any finite number: who waits for them sets the bounds. */
export function isShutdown(value: unknown): value is { reconnectInMs: number } {
  return isObject(value) && Number.isFinite(value['reconnectInMs']);
}

/**
 * A refusal, as the event `refused`, as an answer or with a refused handshake. Its code and name may be unknown ones;
 * `retry` may not.
 */
export function isRefusal(value: unknown): value is Refusal {
  return (
    isObject(value) &&
    typeof value['code'] === 'number' &&
    typeof value['name'] === 'string' &&
    typeof value['message'] === 'string' &&
    (value['retry'] === 'now' || value['retry'] === 'later' || value['retry'] === 'never')
  );
}

/**
 * The answer to `subscribe`: one refusal of the whole call, or results by symbol, which are not looked at one by one.
 */
export function isSubscribeAck(value: unknown): value is SubscribeAck {
  return isObject(value) && (value['ok'] === true ? isObject(value['results']) : isRefusal(value));
}

/** The answer to `refresh_token` where the new token ends some time. */
export function isRefreshed(value: unknown): value is { expiresAt: number } {
  return isObject(value) && value['ok'] === true && Number.isFinite(value['expiresAt']);
}
