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

export function isSnapshot(value: unknown): value is Snapshot {
  return (
    isObject(value) &&
    typeof value['reason'] === 'string' &&
    Array.isArray(value['quotes']) &&
    value['quotes'].every(isQuote)
  );
}

export function isHello(value: unknown): value is Hello {
  return isObject(value) && typeof value['session'] === 'string' && typeof value['node'] === 'string';
}

function isState(value: Fields): boolean {
  return value['state'] === 'live' || value['state'] === 'stale';
}

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

export function isSymbolsChange(value: unknown): value is SymbolsChange {
  return isObject(value) && areTexts(value['added']) && areTexts(value['retired']);
}

export function isHeartbeat(value: unknown): value is { at: number } {
  return isObject(value) && Number.isFinite(value['at']);
}

export function isShutdown(value: unknown): value is { reconnectInMs: number } {
  return isObject(value) && Number.isFinite(value['reconnectInMs']);
}

export function isRefusal(value: unknown): value is Refusal {
  return (
    isObject(value) &&
    typeof value['code'] === 'number' &&
    typeof value['name'] === 'string' &&
    typeof value['message'] === 'string' &&
    (value['retry'] === 'now' || value['retry'] === 'later' || value['retry'] === 'never')
  );
}

export function isSubscribeAck(value: unknown): value is SubscribeAck {
  return isObject(value) && (value['ok'] === true ? isObject(value['results']) : isRefusal(value));
}

/** The answer to `refresh_token` where the new token ends some time. */
export function isRefreshed(value: unknown): value is { expiresAt: number } {
  return isObject(value) && value['ok'] === true && Number.isFinite(value['expiresAt']);
}
