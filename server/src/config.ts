/**
 * The environment, parsed once: every setting with its default and what it means, every bad value reported at once,
 * the result frozen. Reads nothing itself; main.ts hands it the environment. A value that may hold a secret is never
 * repeated in a message.
 */
import { z } from 'zod';
import { parseSymbol } from '../protocol/index.ts';
import { assignSymbols, type Assignment } from './feed/assignment.ts';
import { parseFeeds } from './feed/feeds-setting.ts';

interface Setting<T> {
  /** Turns the text into the value, or says what it must be. */
  type: z.ZodType<T, string>;
  /** The text that stands for a variable that is not set or empty; null where there is none. */
  fallback: string | null;
  /** One sentence for the README's table and `.env.example`. */
  doc: string;
  /** Never shown in a message or a log. */
  secret?: true;
}

const setting = <T>(fallback: string | null, type: z.ZodType<T, string>, doc: string): Setting<T> => ({
  type,
  fallback,
  doc,
});
const secret = <T>(fallback: string | null, type: z.ZodType<T, string>, doc: string): Setting<T> => ({
  type,
  fallback,
  doc,
  secret: true,
});

const whole = (min: number, max: number) => {
  const must = `must be a whole number from ${min} to ${max}, digits only`;
  return z
    .string()
    .regex(/^\d{1,15}$/, must)
    .transform(Number)
    .pipe(z.number().min(min, must).max(max, must));
};
const oneOf = <const T extends string>(...words: T[]) =>
  z.string().transform((text, context): T => {
    const word = words.find((candidate) => candidate === text);
    if (word !== undefined) return word;
    context.addIssue(`must be one of ${words.join(', ')}`);
    return z.NEVER;
  });
const list = z.string().transform((text) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== ''),
);

const symbols = list.transform((parts, context) => {
  const seen = new Set<string>();
  for (const part of parts) {
    const symbol = parseSymbol(part);
    if (symbol === null)
      context.addIssue(`${JSON.stringify(part.slice(0, 40))} is not a symbol such as BTC-USD`);
    else if (seen.has(symbol)) context.addIssue(`${symbol} is named twice`);
    else seen.add(symbol);
  }
  if (parts.length === 0) context.addIssue('names no symbol');
  return [...seen];
});

/** An API key and the name that stands for it in logs. */
export interface ApiKey {
  name: string;
  key: string;
}

const apiKeys = list.transform((parts, context) => {
  const keys: ApiKey[] = [];
  for (const [index, part] of parts.entries()) {
    const [, name, key] = /^(?:([A-Za-z][\w-]{0,31}):)?([\x21-\x7e]+)$/.exec(part) ?? [];
    if (key === undefined || key.length < 8)
      context.addIssue(`key ${index + 1} must be [name:]key, the key at least 8 visible characters`);
    else if (keys.some((other) => other.key === key)) context.addIssue(`key ${index + 1} is there twice`);
    else if (keys.some((other) => other.name === (name ?? `key${index + 1}`)))
      context.addIssue(`key ${index + 1} has the name of another`);
    else keys.push({ name: name ?? `key${index + 1}`, key });
  }
  return keys;
});

const feeds = z.string().transform((text, context) => {
  const parsed = parseFeeds(text);
  if (parsed.ok) return parsed.feeds;
  for (const problem of parsed.problems) context.addIssue(problem);
  return z.NEVER;
});

const redisUrl = z.string().refine((text) => {
  const url = URL.canParse(text) ? new URL(text) : null;
  return url !== null && (url.protocol === 'redis:' || url.protocol === 'rediss:') && url.hostname !== '';
}, 'must be redis://host:port or rediss://user:password@host:port');

const origins = list.transform((parts, context) => {
  for (const part of parts) {
    if (part === '*') continue;
    const url = URL.canParse(part) ? new URL(part) : null;
    if (url === null || url.origin !== part)
      context.addIssue(`${JSON.stringify(part.slice(0, 80))} is not an origin such as https://example.com`);
  }
  if (parts.includes('*') && parts.length > 1) context.addIssue('* stands alone, or not at all');
  return parts;
});

const settings = {
  PORT: setting('8080', whole(0, 65_535), 'Port of the HTTP server; 0 takes a free one.'),
  HOST: setting('', z.string(), 'Address to listen on; every address of the machine when empty.'),
  NODE_ID: setting(
    null,
    z.string().regex(/^[\w.-]{1,64}$/, 'must be 1 to 64 letters, digits, - _ or .'),
    'Name of this node in logs, `hello` and `/health`; host name and process id when not set.',
  ),
  BACKPLANE: setting(
    'local',
    oneOf('local', 'redis'),
    'Where replicas meet: `local` is one machine with nothing else installed, `redis` a cluster.',
  ),
  WORKERS: setting('2', whole(1, 64), 'Replicas that the `local` backplane runs.'),
  REDIS_URL: secret(null, redisUrl, 'Redis of the `redis` backplane; overrides REDIS_HOST and REDIS_PORT.'),
  REDIS_HOST: setting(
    '127.0.0.1',
    z.string().regex(/^[\w.:-]+$/, 'must be a host name or address'),
    'Host of Redis.',
  ),
  REDIS_PORT: setting('6379', whole(1, 65_535), 'Port of Redis.'),
  REDIS_PREFIX: setting(
    'tickwire',
    z.string().regex(/^[\w.:-]{1,64}$/, 'must be 1 to 64 letters, digits, - _ : or .'),
    'What every key and channel in Redis begins with; clusters that share a Redis need different ones.',
  ),
  FEEDS: setting('simulator,push', feeds, 'Sources of prices; `name:SYM,SYM` gives a source its symbols.'),
  SYMBOLS: setting(null, symbols, "Listed symbols; the simulator's own when not set."),
  UPDATE_INTERVAL: setting('500', whole(10, 3_600_000), "Milliseconds between the simulator's prices."),
  SIMULATOR_SEED: setting('1', whole(0, 4_294_967_295), "Where the simulator's random walk begins."),
  DAY_START: setting(
    '00:00',
    z
      .string()
      .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day in UTC such as 00:00')
      .transform((text) => (Number(text.slice(0, 2)) * 60 + Number(text.slice(3))) * 60_000),
    'When the day of open, high, low and volume begins, in UTC.',
  ),
  API_KEYS: secret(
    '',
    apiKeys,
    'Keys of the HTTP API as `key` or `name:key`, separated by commas; no key, no call. `API_KEY` is an alias.',
  ),
  CORS_ORIGIN: setting(
    '',
    origins,
    'Origins whose pages may connect besides our own, separated by commas; `*` for all.',
  ),
  TRUST_PROXY: setting(
    '0',
    whole(0, 8),
    'Proxies in front whose X-Forwarded-For is believed: 1 behind our Nginx.',
  ),
  PING_INTERVAL_MS: setting('25000', whole(100, 600_000), 'Milliseconds between pings to a client.'),
  PING_TIMEOUT_MS: setting(
    '20000',
    whole(100, 600_000),
    'Milliseconds until a client without an answer is taken for dead.',
  ),
  CONNECT_TIMEOUT_MS: setting('5000', whole(100, 600_000), 'Milliseconds that a new connection has to join.'),
  MAX_MESSAGE_BYTES: setting(
    '131072',
    whole(1_024, 16_777_216),
    'Largest message from a client, and largest body of an API call, in bytes.',
  ),
  LEASE_BEAT_MS: setting('500', whole(10, 60_000), "Milliseconds between the leader's beats."),
  LEASE_DEADLINE_MS: setting(
    '1400',
    whole(10, 120_000),
    'Milliseconds since its last good beat after which a leader stops appending.',
  ),
  LEASE_TTL_MS: setting(
    '2000',
    whole(10, 120_000),
    'Milliseconds without a beat after which another replica takes over.',
  ),
  LOG_LEVEL: setting(
    'info',
    oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
    'How much is logged.',
  ),
} satisfies Record<string, Setting<unknown>>;

type Settings = typeof settings;
type Name = keyof Settings;
type Values = {
  [N in Name]: z.output<Settings[N]['type']> | (Settings[N]['fallback'] extends null ? undefined : never);
};

/** The settings as the README's table and `.env.example` show them. */
export const settingDocs: readonly { name: string; fallback: string; doc: string }[] = Object.entries(
  settings,
).map(([name, { fallback, doc }]) => ({ name, fallback: fallback ?? '', doc }));

/** What a replica is told at its start. Durations are milliseconds. */
export interface Config {
  readonly port: number;
  /** Empty for every address. */
  readonly host: string;
  readonly node: string;
  readonly backplane:
    | { readonly kind: 'local'; readonly workers: number }
    | { readonly kind: 'redis'; readonly url: string; readonly prefix: string };
  /** Every listed symbol and its source. */
  readonly assignment: Assignment;
  readonly updateIntervalMs: number;
  readonly simulatorSeed: number;
  /** Milliseconds after midnight UTC. */
  readonly dayStartMs: number;
  readonly apiKeys: readonly ApiKey[];
  readonly corsOrigins: readonly string[];
  readonly trustProxy: number;
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly maxMessageBytes: number;
  readonly lease: { readonly beatMs: number; readonly deadlineMs: number; readonly ttlMs: number };
  readonly logLevel: string;
}

export type ParsedConfig =
  | { ok: true; config: Config; warnings: string[] }
  /** A sentence per bad variable, each beginning with its name. */
  | { ok: false; problems: string[] };

export type Environment = Readonly<Record<string, string | undefined>>;

/** nginx/ waits this long for a silent upstream; a ping cycle must fit in, or Nginx cuts healthy clients. */
const maxPingCycleMs = 60_000;
/** Alike enough to a known name to be a slip of the finger. */
const maxMisspelling = 2;

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
    const parsed = type.safeParse(given);
    if (parsed.success) values[name] = parsed.data;
    else {
      const why = [...new Set(parsed.error.issues.map((issue) => issue.message))].join('; ');
      problems.push(
        hidden ? `${name}: ${why}` : `${name}: ${why}, not ${JSON.stringify(given.slice(0, 80))}`,
      );
    }
  }
  if (problems.length > 0) return { ok: false, problems };

  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each setting was parsed by its own type above
  const v = values as Values;
  if (v.LEASE_DEADLINE_MS >= v.LEASE_TTL_MS)
    problems.push(
      `LEASE_TTL_MS: must be above LEASE_DEADLINE_MS (${v.LEASE_DEADLINE_MS}), or two replicas lead at once; not ${v.LEASE_TTL_MS}`,
    );
  if (v.LEASE_DEADLINE_MS <= 1.2 * v.LEASE_BEAT_MS)
    problems.push(
      `LEASE_DEADLINE_MS: must be above 1.2 x LEASE_BEAT_MS (${v.LEASE_BEAT_MS}), or one late beat ends a term; not ${v.LEASE_DEADLINE_MS}`,
    );
  if (v.PING_INTERVAL_MS + v.PING_TIMEOUT_MS > maxPingCycleMs)
    problems.push(
      `PING_INTERVAL_MS: with PING_TIMEOUT_MS at most ${maxPingCycleMs}, or the proxy in front cuts quiet clients`,
    );
  if (env['NODE_ENV'] === 'production' && v.API_KEYS.some(({ key }) => key.length < 16))
    problems.push('API_KEYS: in production each key must have at least 16 characters');

  const assigned = assignSymbols({ feeds: v.FEEDS, symbols: v.SYMBOLS });
  if (!assigned.ok) problems.push(...assigned.problems.map((problem) => `FEEDS: ${problem}`));
  if (problems.length > 0 || !assigned.ok) return { ok: false, problems };

  const config: Config = {
    port: v.PORT,
    host: v.HOST,
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
    simulatorSeed: v.SIMULATOR_SEED,
    dayStartMs: v.DAY_START,
    apiKeys: v.API_KEYS,
    corsOrigins: v.CORS_ORIGIN,
    trustProxy: v.TRUST_PROXY,
    pingIntervalMs: v.PING_INTERVAL_MS,
    pingTimeoutMs: v.PING_TIMEOUT_MS,
    connectTimeoutMs: v.CONNECT_TIMEOUT_MS,
    maxMessageBytes: v.MAX_MESSAGE_BYTES,
    lease: { beatMs: v.LEASE_BEAT_MS, deadlineMs: v.LEASE_DEADLINE_MS, ttlMs: v.LEASE_TTL_MS },
    logLevel: v.LOG_LEVEL,
  };
  return { ok: true, config: deepFreeze(config), warnings: misspelled(env) };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}

function misspelled(env: Environment): string[] {
  const known = Object.keys(settings);
  return Object.keys(env)
    .filter((name) => /^[A-Z][A-Z0-9_]{4,}$/.test(name) && !known.includes(name) && name !== 'API_KEY')
    .flatMap((name) => {
      const meant = known.find(
        (candidate) => candidate.length > 4 && distance(name, candidate) <= maxMisspelling,
      );
      return meant === undefined ? [] : [`${name} is not a setting; did you mean ${meant}?`];
    });
}

/** Levenshtein's distance: how many letters to add, drop or change. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      next.push(Math.min((row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1, (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
