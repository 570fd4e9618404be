/**
 * Every setting of a replica: how its text is parsed, its default and what it means. The README's table and
 * `.env.example` are compared with this one. Knows nothing of how settings fit together.
 */
import { isIP } from 'node:net';
import { z } from 'zod';
import { parseSymbol } from '../protocol/index.ts';
import { parseFeeds } from './feed/feeds-setting.ts';
import type { NamedSecret } from './support/secret-check.ts';

/** One variable of the environment; its name is its key in `settings`. */
export interface Setting<T> {
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
const byteUnits: Readonly<Record<string, number>> = { '': 1, k: 1_024, m: 1_048_576, g: 1_073_741_824 };
const byteSize = (min: number, max: number) => {
  const must = `must be a size such as 512k, 10m or 1g, from ${min} to ${max} bytes`;
  return z
    .string()
    .regex(/^\d{1,12}[kmgKMG]?$/, must)
    .transform((text) => parseInt(text, 10) * (byteUnits[text.replace(/\d+/, '').toLowerCase()] ?? NaN))
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

const apiKeys = list.transform((parts, context) => {
  const keys: NamedSecret[] = [];
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

/** Nginx is given the text as one parameter, which with what stands around it there has at most 4,096 bytes. */
const maxOriginsLength = 4_000;
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

const shortestSecretBytes = 32;
const signingSecret = z
  .string()
  .refine(
    (text) => Buffer.byteLength(text) >= shortestSecretBytes,
    `must have at least ${shortestSecretBytes} bytes`,
  );

const webAddress = (example: string) =>
  z.string().refine((text) => {
    const url = URL.canParse(text) ? new URL(text) : null;
    return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
  }, `must be an address such as ${example}, without a user or password`);

const networks = list.transform((parts, context) => {
  if (parts.length === 1 && parts[0] === 'none') return [];
  for (const part of parts) {
    const [address = '', bits = '', ...more] = part.split('/');
    const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
    if (more.length > 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > most)
      context.addIssue(`${JSON.stringify(part.slice(0, 80))} is not a network such as 10.0.0.0/8`);
  }
  return parts;
});

/** By the name of its variable, in the order in which people read them. */
export const settings = {
  PORT: setting('8080', whole(0, 65_535), 'Port of the HTTP server; 0 takes a free one.'),
  HOST: setting('', z.string(), 'Address to listen on; every address of the machine when empty.'),
  METRICS_PORT: setting(
    null,
    whole(0, 65_535),
    'Port for `/metrics` alone, which is then not on PORT; 0 takes a free one. On PORT when not set. `npm run cluster` counts up from it.',
  ),
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
  SIMULATOR_PHASE: setting(
    'spread',
    oneOf('spread', 'burst'),
    'Whether the simulated symbols tick at times of their own (`spread`) or all together (`burst`).',
  ),
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
  AUTH_MODE: setting(
    'none',
    oneOf('none', 'jwt'),
    'How clients sign in: `none` takes their word for who they are, `jwt` wants a signed token.',
  ),
  JWT_SECRET: secret(
    null,
    signingSecret,
    'Secret of tokens signed with HS256, at least 32 bytes; or else JWKS_URL.',
  ),
  JWKS_URL: secret(
    null,
    webAddress('https://example.com/.well-known/jwks.json'),
    'Address of the public keys (JWKS) of tokens signed with RS256, ES256, PS256 or EdDSA.',
  ),
  JWT_ISSUER: setting(null, z.string(), 'What `iss` of a token must be; anything when not set.'),
  JWT_AUDIENCE: setting(null, z.string(), 'What `aud` of a token must be or hold; anything when not set.'),
  JWT_MAX_AGE: setting(
    null,
    whole(1, 31_536_000),
    'Seconds from its `iat` for which a token is taken at most; its `exp` may lie no further ahead.',
  ),
  CORS_ORIGIN: setting(
    '',
    z.string().max(maxOriginsLength, `must have at most ${maxOriginsLength} characters`).pipe(origins),
    'Origins whose pages may connect besides our own, separated by commas; `*` for all.',
  ),
  TRUST_PROXY: setting(
    '0',
    whole(0, 8),
    'Proxies in front whose X-Forwarded-For is believed: 1 behind our Nginx.',
  ),
  BACKEND_URL: secret(
    null,
    webAddress('https://backend.example/tickwire'),
    "Where clients' events that are not Tickwire's own go, by POST; nobody takes them when not set.",
  ),
  BACKEND_SECRET: secret(
    null,
    signingSecret,
    'Secret that requests to the backend are signed with, at least 32 bytes.',
  ),
  BACKEND_TIMEOUT_MS: setting(
    '5000',
    whole(100, 60_000),
    'Milliseconds until an event that the backend did not answer is refused.',
  ),
  BACKEND_MAX_CONCURRENT: setting(
    '16',
    whole(1, 1_000),
    'Requests of one replica that are on their way to the backend at once.',
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
    'Largest message from a client in bytes; of a push over HTTP where it is more than 524288.',
  ),
  MAX_SUBSCRIPTIONS: setting('1000', whole(1, 10_000), 'Most symbols of one connection.'),
  MAX_CONNECTIONS_PER_USER: setting(
    '3',
    whole(0, 1_000),
    'Most connections of one user, over all replicas; 0 is no limit.',
  ),
  MAX_CALLS_PER_SECOND: setting(
    '60',
    whole(1, 10_000),
    'Calls a second of one connection, ten times as many at once; 20 symbols in a call count as another.',
  ),
  MAX_PACKETS_PER_SECOND: setting(
    '200',
    whole(10, 100_000),
    'Packets a second of one connection, five times as many at once; who sends more is cut.',
  ),
  API_CALLS_PER_SECOND: setting(
    '500',
    whole(0, 1_000_000),
    'API calls a second of one key, over all replicas; 0 is no limit.',
  ),
  USER_API_CALLS_PER_SECOND: setting(
    '20',
    whole(0, 1_000_000),
    'API calls a second of one user who signed in, over all replicas; 0 is no limit.',
  ),
  ADDRESS_API_CALLS_PER_SECOND: setting(
    '100',
    whole(0, 1_000_000),
    'API calls a second of one address without a key and sign-in, at one replica; 0 is no limit.',
  ),
  MAX_CONNECTIONS_PER_ADDRESS: setting(
    '1000',
    whole(1, 1_000_000),
    'Connections of one address to one replica; a /64 of IPv6 is one address.',
  ),
  MAX_HANDSHAKES_PER_SECOND: setting(
    '100',
    whole(1, 1_000_000),
    'Handshakes a second of one address at one replica, counted over five seconds.',
  ),
  TRUSTED_NETWORKS: setting(
    '127.0.0.0/8,::1/128,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7',
    networks,
    'Networks whose addresses have none of these limits, separated by commas; `none` for none.',
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
  RECOVERY_SECONDS: setting(
    '120',
    whole(1, 3_600),
    'A client that was away for less than this many seconds receives every tick that it missed.',
  ),
  RECOVERY_MAX_BYTES: setting(
    '64m',
    byteSize(1_048_576, 4_294_967_296),
    'Most bytes of recent ticks that Redis and each replica keep for clients that return. The oldest go first.',
  ),
  MAX_REPLAY_TICKS: setting(
    '1000',
    whole(0, 10_000),
    'Most missed ticks per symbol that a client receives again. A client that missed more receives a snapshot.',
  ),
  FLUSH_MS: setting(
    '50',
    whole(0, 250),
    'A client that received ticks less than this many milliseconds ago receives its next ones at the end of that time.',
  ),
  FLUSH_MAX_MS: setting(
    '100',
    whole(0, 1_000),
    'Under load that time widens by itself, up to this many milliseconds.',
  ),
  APPEND_MS: setting(
    '5',
    whole(0, 250),
    'Milliseconds between two writes of the leader to the log. Ticks that come within them are written together.',
  ),
  SLOW_CLIENT_MS: setting(
    '20000',
    whole(1_000, 600_000),
    'Milliseconds after which a client that takes nothing, while ticks wait for it, is cut.',
  ),
  DRAIN_MS: setting(
    '8000',
    // Nginx leaves a replica out for 20 s after a refused handshake, and a drain must be over well before.
    whole(0, 15_000),
    'Milliseconds over which a replica that leaves sends its clients to the others.',
  ),
  LOG_LEVEL: setting(
    'info',
    oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
    'How much is logged.',
  ),
  LOG_MAX_PER_SECOND: setting(
    '50',
    whole(0, 1_000_000),
    'Log lines a second of one kind; those beyond are counted in one line. 0 is no limit.',
  ),
  LOG_TO_FILE: setting(
    'false',
    z.stringbool('must be true or false'),
    'Whether the log goes to files in LOG_DIR too, besides standard output.',
  ),
  LOG_DIR: setting(
    'logs',
    z.string(),
    'Folder of `tickwire.log`, or `tickwire-NODE_ID.log` where that is set, and of its rotated files; made where it is missing.',
  ),
  LOG_MAX_SIZE: setting(
    '10m',
    byteSize(65_536, 10_737_418_240),
    'Size at which a log file is rotated, in bytes, or with `k`, `m` or `g`.',
  ),
  LOG_MAX_FILES: setting(
    '5',
    whole(1, 1_000),
    'Log files that are kept, with the current one: together they never hold more than that many times LOG_MAX_SIZE.',
  ),
} satisfies Record<string, Setting<unknown>>;

type Settings = typeof settings;

/** The parsed values; `undefined` where a variable without a default is not set. */
export type SettingValues = {
  [N in keyof Settings]:
    | z.output<Settings[N]['type']>
    | (Settings[N]['fallback'] extends null ? undefined : never);
};

/** The settings as the README's table and `.env.example` show them. */
export const settingDocs: readonly { name: string; fallback: string; doc: string }[] = Object.entries(
  settings,
).map(([name, { fallback, doc }]) => ({ name, fallback: fallback ?? '', doc }));
