/**
 * The environment, parsed once: every setting with its default and what it means, every bad value reported at once,
 * the result frozen. Reads nothing itself; main.ts hands it the environment. A value that may hold a secret is never
 * repeated in a message.
 */
import type { FlushWindow } from './fanout/flush-wheel.ts';
import type { LogWindow } from './log/contract.ts';
import { join } from 'node:path';
import { assignSymbols, type Assignment } from './feed/assignment.ts';
import { settings, type Setting, type SettingValues } from './settings.ts';
import type { LogFileSettings } from './support/log-files.ts';
import { nearMiss } from './support/near-miss.ts';
import { isPlaceholder } from './support/placeholder.ts';
import type { NamedSecret } from './support/secret-check.ts';

/** What a replica is told at its start. Durations are milliseconds. */
export interface Config {
  readonly port: number;
  /** Empty for every address. */
  readonly host: string;
  /** Of `/metrics` alone; null where that is on `port`. */
  readonly metricsPort: number | null;
  readonly node: string;
  readonly backplane:
    | { readonly kind: 'local'; readonly workers: number }
    | { readonly kind: 'redis'; readonly url: string; readonly prefix: string };
  /** Every listed symbol and its source. */
  readonly assignment: Assignment;
  readonly updateIntervalMs: number;
  readonly simulatorPhase: 'spread' | 'burst';
  readonly simulatorSeed: number;
  /** Milliseconds after midnight UTC. */
  readonly dayStartMs: number;
  readonly apiKeys: readonly NamedSecret[];
  /** How clients sign in; absent things are null. */
  readonly auth:
    | { readonly mode: 'none' }
    | {
        readonly mode: 'jwt';
        readonly key: { readonly secret: string } | { readonly jwksUrl: string };
        readonly issuer: string | null;
        readonly audience: string | null;
        readonly maxAgeS: number | null;
      };
  /** Where clients' own events go; null where nowhere. */
  readonly backend: {
    readonly url: string;
    readonly secret: string;
    readonly timeoutMs: number;
    readonly maxConcurrent: number;
  } | null;
  readonly corsOrigins: readonly string[];
  readonly trustProxy: number;
  /** Over all replicas; 0 is no limit. */
  readonly maxConnectionsPerUser: number;
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly maxMessageBytes: number;
  /** Of one connection. */
  readonly limits: {
    readonly maxSubscriptions: number;
    readonly maxCallsPerSecond: number;
    readonly maxPacketsPerSecond: number;
  };
  /** 0 is no limit. */
  readonly apiLimits: {
    /** Of one caller over all replicas. */
    readonly keyCallsPerSecond: number;
    readonly userCallsPerSecond: number;
    /** At one replica. */
    readonly addressCallsPerSecond: number;
  };
  /** Of one address at one replica. */
  readonly addressLimits: {
    readonly maxConnections: number;
    readonly maxHandshakesPerSecond: number;
    /** As CIDR; their addresses have none. */
    readonly trustedNetworks: readonly string[];
  };
  /** How much of the log is kept. */
  readonly logWindow: LogWindow;
  readonly maxReplayTicks: number;
  readonly appendMs: number;
  readonly flushWindow: FlushWindow;
  readonly lease: { readonly beatMs: number; readonly deadlineMs: number; readonly ttlMs: number };
  /** Who takes nothing for this long while ticks wait for it is cut. */
  readonly slowClientMs: number;
  /** Over how long a replica that leaves sends its clients away. */
  readonly drainMs: number;
  readonly logLevel: string;
  /** Lines of one kind; 0 is no limit. */
  readonly maxLogLinesPerSecond: number;
  /** Null where the log goes to standard output alone. */
  readonly logFiles: LogFileSettings | null;
}

/** The settings, or why the process must not start; the warnings are told either way. No text shows a secret. */
export type ParsedConfig =
  | { ok: true; config: Config; warnings: string[] }
  /** A sentence per bad variable, each beginning with its name. */
  | { ok: false; problems: string[]; warnings: string[] };

/** Variables by name, as a process has them; one that is empty, or blank, counts as not set. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** nginx/ waits this long for a silent upstream; a ping cycle must fit in, or Nginx cuts healthy clients. */
const maxPingCycleMs = 60_000;

/** Parses the environment; `defaultNode` is the node's name when NODE_ID is not set. */
export function parseConfig(env: Environment, defaultNode: string): ParsedConfig {
  const problems: string[] = [];
  const text = (name: string): string | undefined => {
    const value = env[name] ?? (name === 'API_KEYS' ? env['API_KEY'] : undefined);
    return value?.trim() === '' ? undefined : value?.trim();
  };

  const values: Record<string, unknown> = {};
  for (const [name, { type, fallback, secret: hidden }] of Object.entries<Setting<unknown>>(settings)) {
    const given = text(name) ?? fallback;
    if (given === null) continue;
    const result = type.safeParse(given);
    if (result.success) values[name] = result.data;
    else {
      const why = [...new Set(result.error.issues.map((issue) => issue.message))].join('; ');
      problems.push(
        hidden ? `${name}: ${why}` : `${name}: ${why}, not ${JSON.stringify(given.slice(0, 80))}`,
      );
    }
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each setting was parsed by its own type above
  const parsed = values as Partial<SettingValues>;
  problems.push(...misfits(parsed, env));
  const assigned =
    parsed.FEEDS === undefined || problems.some((problem) => problem.startsWith('SYMBOLS:'))
      ? null
      : assignSymbols({ feeds: parsed.FEEDS, symbols: parsed.SYMBOLS });
  if (assigned?.ok === false) problems.push(...assigned.problems.map((problem) => `FEEDS: ${problem}`));
  const warnings = [...misspelled(env), ...unusedKeys(parsed, env), ...replaced(env)];
  if (problems.length > 0 || assigned?.ok !== true) return { ok: false, problems, warnings };

  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- without a problem every setting is there
  const v = parsed as SettingValues;
  const config: Config = {
    port: v.PORT,
    host: v.HOST,
    metricsPort: v.METRICS_PORT ?? null,
    node: v.NODE_ID ?? defaultNode,
    backplane:
      v.BACKPLANE === 'local'
        ? { kind: 'local', workers: v.WORKERS }
        : {
            kind: 'redis',
            url:
              v.REDIS_URL ??
              `redis://${v.REDIS_HOST.includes(':') ? `[${v.REDIS_HOST}]` : v.REDIS_HOST}:${v.REDIS_PORT}`,
            prefix: v.REDIS_PREFIX,
          },
    assignment: assigned.assignment,
    updateIntervalMs: v.UPDATE_INTERVAL,
    simulatorPhase: v.SIMULATOR_PHASE,
    simulatorSeed: v.SIMULATOR_SEED,
    dayStartMs: v.DAY_START,
    apiKeys: v.API_KEYS,
    auth:
      v.AUTH_MODE === 'none'
        ? { mode: 'none' }
        : {
            mode: 'jwt',
            key: v.JWT_SECRET === undefined ? { jwksUrl: v.JWKS_URL ?? '' } : { secret: v.JWT_SECRET },
            issuer: v.JWT_ISSUER ?? null,
            audience: v.JWT_AUDIENCE ?? null,
            maxAgeS: v.JWT_MAX_AGE ?? null,
          },
    backend:
      v.BACKEND_URL === undefined
        ? null
        : {
            url: v.BACKEND_URL,
            secret: v.BACKEND_SECRET ?? '',
            timeoutMs: v.BACKEND_TIMEOUT_MS,
            maxConcurrent: v.BACKEND_MAX_CONCURRENT,
          },
    corsOrigins: v.CORS_ORIGIN,
    trustProxy: v.TRUST_PROXY,
    maxConnectionsPerUser: v.MAX_CONNECTIONS_PER_USER,
    pingIntervalMs: v.PING_INTERVAL_MS,
    pingTimeoutMs: v.PING_TIMEOUT_MS,
    connectTimeoutMs: v.CONNECT_TIMEOUT_MS,
    maxMessageBytes: v.MAX_MESSAGE_BYTES,
    limits: {
      maxSubscriptions: v.MAX_SUBSCRIPTIONS,
      maxCallsPerSecond: v.MAX_CALLS_PER_SECOND,
      maxPacketsPerSecond: v.MAX_PACKETS_PER_SECOND,
    },
    apiLimits: {
      keyCallsPerSecond: v.API_CALLS_PER_SECOND,
      userCallsPerSecond: v.USER_API_CALLS_PER_SECOND,
      addressCallsPerSecond: v.ADDRESS_API_CALLS_PER_SECOND,
    },
    addressLimits: {
      maxConnections: v.MAX_CONNECTIONS_PER_ADDRESS,
      maxHandshakesPerSecond: v.MAX_HANDSHAKES_PER_SECOND,
      trustedNetworks: v.TRUSTED_NETWORKS,
    },
    logWindow: { windowMs: v.RECOVERY_SECONDS * 1_000, maxWindowBytes: v.RECOVERY_MAX_BYTES },
    maxReplayTicks: v.MAX_REPLAY_TICKS,
    appendMs: v.APPEND_MS,
    flushWindow: { flushMs: v.FLUSH_MS, maxFlushMs: Math.max(v.FLUSH_MS, v.FLUSH_MAX_MS) },
    lease: { beatMs: v.LEASE_BEAT_MS, deadlineMs: v.LEASE_DEADLINE_MS, ttlMs: v.LEASE_TTL_MS },
    slowClientMs: v.SLOW_CLIENT_MS,
    drainMs: v.DRAIN_MS,
    logLevel: v.LOG_LEVEL,
    maxLogLinesPerSecond: v.LOG_MAX_PER_SECOND,
    logFiles: v.LOG_TO_FILE
      ? {
          // The default node is another one after each start, and its files would be counted by nobody.
          path: join(v.LOG_DIR, v.NODE_ID === undefined ? 'tickwire.log' : `tickwire-${v.NODE_ID}.log`),
          maxBytes: v.LOG_MAX_SIZE,
          maxFiles: v.LOG_MAX_FILES,
        }
      : null,
  };
  return { ok: true, config: deepFreeze(config), warnings };
}

/** What is wrong with settings that are good one by one; those that are not there fit with everything. */
function misfits(v: Partial<SettingValues>, env: Environment): string[] {
  const { LEASE_BEAT_MS: beat = NaN, LEASE_DEADLINE_MS: deadline = NaN, LEASE_TTL_MS: ttl = NaN } = v;
  const { PING_INTERVAL_MS: ping = NaN, PING_TIMEOUT_MS: pong = NaN, API_KEYS: keys = [] } = v;
  const problems: string[] = [];
  if (v.METRICS_PORT !== undefined && v.METRICS_PORT === v.PORT && v.PORT !== 0)
    problems.push(`METRICS_PORT: must be another port than PORT, or be left out; not ${v.PORT}`);
  if (deadline >= ttl)
    problems.push(
      `LEASE_TTL_MS: must be above LEASE_DEADLINE_MS (${deadline}), or two replicas lead at once; not ${ttl}`,
    );
  if (deadline <= 1.2 * beat)
    problems.push(
      `LEASE_DEADLINE_MS: must be above 1.2 x LEASE_BEAT_MS (${beat}), or one late beat ends a term; not ${deadline}`,
    );
  if (ping + pong > maxPingCycleMs)
    problems.push(
      `PING_INTERVAL_MS: with PING_TIMEOUT_MS at most ${maxPingCycleMs}, or the proxy in front cuts quiet clients`,
    );
  const isProduction = env['NODE_ENV'] === 'production';
  if (isProduction && keys.some(({ key }) => key.length < 16))
    problems.push('API_KEYS: in production each key must have at least 16 characters');
  else if (isProduction && keys.some(({ key }) => isPlaceholder(key)))
    problems.push('API_KEYS: a key looks like that of an example; production wants random ones');
  return [...problems, ...signInMisfits(v, env), ...backendMisfits(v, env)];
}

function isSet(env: Environment, name: string): boolean {
  return (env[name]?.trim() ?? '') !== '';
}

function signInMisfits(
  { AUTH_MODE: mode, JWT_SECRET: secret }: Partial<SettingValues>,
  env: Environment,
): string[] {
  if (mode !== 'jwt') return [];
  const [hasSecret, hasKeys] = [isSet(env, 'JWT_SECRET'), isSet(env, 'JWKS_URL')];
  if (!hasSecret && !hasKeys) return ['AUTH_MODE: jwt needs JWT_SECRET or JWKS_URL, to prove tokens with'];
  if (hasSecret && hasKeys)
    return ['JWKS_URL: tokens are proved with JWT_SECRET or with JWKS_URL, not with both'];
  if (env['NODE_ENV'] === 'production' && secret !== undefined && isPlaceholder(secret))
    return ['JWT_SECRET: looks like that of an example; production wants a random one'];
  return [];
}

function backendMisfits({ BACKEND_SECRET: secret }: Partial<SettingValues>, env: Environment): string[] {
  if (!isSet(env, 'BACKEND_URL')) return [];
  if (!isSet(env, 'BACKEND_SECRET'))
    return ['BACKEND_SECRET: BACKEND_URL needs it, to sign requests with, or anyone could send them'];
  if (env['NODE_ENV'] === 'production' && secret !== undefined && isPlaceholder(secret))
    return ['BACKEND_SECRET: looks like that of an example; production wants a random one'];
  return [];
}

/** A warning where tokens could be proved and nobody is asked for one, or requests signed and there is nowhere to send them. */
function unusedKeys({ AUTH_MODE: mode }: Partial<SettingValues>, env: Environment): string[] {
  const unused = ['JWT_SECRET', 'JWKS_URL']
    .filter((name) => mode === 'none' && isSet(env, name))
    .map((name) => `${name} is set and AUTH_MODE is none: nobody is asked for a token`);
  if (isSet(env, 'BACKEND_SECRET') && !isSet(env, 'BACKEND_URL'))
    unused.push('BACKEND_SECRET is set and BACKEND_URL is not: events go nowhere');
  return unused;
}

/** Settings of earlier versions, and what to do instead. */
const replacedSettings = {
  HISTORY_TICKS: 'Set RECOVERY_SECONDS: for how many seconds missed ticks are kept.',
  STORE_SHARDS: 'Remove it: all keys are in one slot of a Redis Cluster.',
};

/** A warning for each setting of an earlier version. */
function replaced(env: Environment): string[] {
  return Object.entries(replacedSettings)
    .filter(([name]) => isSet(env, name))
    .map(([name, instead]) => `${name} has no effect any more. ${instead}`);
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}

/** A warning for each variable whose name is nearly a setting's. */
function misspelled(env: Environment): string[] {
  const known = [...Object.keys(settings), ...Object.keys(replacedSettings), 'API_KEY'];
  return Object.keys(env)
    .filter((name) => /^[A-Z][A-Z0-9_]{4,}$/.test(name))
    .flatMap((name) => {
      const meant = nearMiss(name, known);
      return meant === null ? [] : [`${name} is not a setting; did you mean ${meant}?`];
    });
}
