/** Settings with which nothing may start. Every secret has `dummy` in it. `config.test.ts` tries each of them, a whole cluster some. */

/** Values of one variable. The first is also tried on a real process, so that every kind of mistake is among the first. */
const badValues: Readonly<Record<string, readonly string[]>> = {
  PORT: ['-1', '65536', '8080.5', '"8080"', '0x1F90', '8e3', 'NaN', '1'.repeat(400), '８０８０'],
  METRICS_PORT: ['NaN', '65536', '8080'],
  NODE_ID: ['node\n{"level":60}', 'node one'],
  BACKPLANE: ['constructor', 'kafka'],
  WORKERS: ['0', '1000000'],
  REDIS_URL: [
    'redis://user:dummy#password-1@127.0.0.1:port',
    'http://user:dummy-password-1@127.0.0.1',
    'dummy-password-1',
    'redis://',
  ],
  REDIS_HOST: ['user@redis', 'redis/0'],
  REDIS_PORT: ['"6379"', '0'],
  REDIS_PREFIX: ['tickwire*', '{tickwire}'],
  FEEDS: ['simulator:BTC-USD;push:BTC-USD', 'nobody', 'push,push'],
  SYMBOLS: ['BTC-USD,btc-usd', 'BTC USD', 'BTC-*', ','],
  UPDATE_INTERVAL: ['500ms', '1_000', '0'],
  SIMULATOR_PHASE: ['together'],
  SIMULATOR_SEED: ['4294967296'],
  DAY_START: ['24:00', '00:00+02:00'],
  API_KEYS: ['dummy-k', 'dummy-key-1,dummy-key-1', 'desk:dummy-key-1,desk:dummy-key-2', 'dummy-key 1'],
  CORS_ORIGIN: [
    '*,https://a.example',
    'https://a.example/page',
    'a.example',
    'https://*.a.example/',
    'null',
    // More than Nginx accepts.
    'https://a.example,'.repeat(223),
  ],
  TRUST_PROXY: ['10.0.0.0/8', 'true'],
  TRUSTED_NETWORKS: ['10.0.0.0/33', '10.0.0.0', 'none,10.0.0.0/8', '10.0.0.0/8/8'],
  MAX_CONNECTIONS_PER_ADDRESS: ['0'],
  MAX_HANDSHAKES_PER_SECOND: ['10/s'],
  PING_INTERVAL_MS: ['45000', '59000'],
  PING_TIMEOUT_MS: ['Infinity'],
  MAX_MESSAGE_BYTES: ['1073741824', '1mb'],
  MAX_SUBSCRIPTIONS: ['0'],
  LEASE_TTL_MS: ['1400'],
  LEASE_DEADLINE_MS: ['600'],
  RECOVERY_SECONDS: ['0', '2h'],
  RECOVERY_MAX_BYTES: ['1k', '64MB'],
  APPEND_MS: ['251'],
  FLUSH_MS: ['251', '-1'],
  FLUSH_MAX_MS: ['1001'],
  DRAIN_MS: ['15001'],
  LOG_LEVEL: ['loud'],
  LOG_MAX_PER_SECOND: ['few'],
  LOG_TO_FILE: ['perhaps'],
  LOG_MAX_SIZE: ['10MB', '1.5m', '1k', '999999999999g'],
  LOG_MAX_FILES: ['0'],
  AUTH_MODE: ['jwt', 'basic', 'JWT'],
  JWT_MAX_AGE: ['1h', '0'],
  BACKEND_TIMEOUT_MS: ['5s'],
  BACKEND_MAX_CONCURRENT: ['0'],
};

const secret = 'dummy-secret-that-is-long-enough-1';
const short = 'dummy-secret-of-31-bytes-and-no';
const jwt = { AUTH_MODE: 'jwt', JWT_SECRET: secret };
const keysOf = (url: string) => ({ AUTH_MODE: 'jwt', JWKS_URL: url });
const backend = { BACKEND_URL: 'https://dummy.example/', BACKEND_SECRET: secret };
const production = { NODE_ENV: 'production' };
const example = 'change-me-dummy-secret-change-me-dummy-secret';

export type ConfigRow = readonly [env: Record<string, string>, ...rejected: string[]];

const rowsOf = (take: (values: readonly string[]) => readonly string[]): ConfigRow[] =>
  Object.entries(badValues).flatMap(([name, values]) =>
    take(values).map((value): ConfigRow => [{ [name]: value }, name]),
  );

/** Variables that are wrong together. */
const badSets: readonly ConfigRow[] = [
  [{ FEEDS: 'simulator:BTC-USD', SYMBOLS: 'BTC-USD,ETH-USD' }, 'FEEDS'],
  [{ ...production, API_KEYS: 'dummy-key-1' }, 'API_KEYS'],
  [{ ...production, API_KEYS: 'change-me-dummy-key-1' }, 'API_KEYS'],
  [{ ...jwt, JWT_SECRET: short }, 'JWT_SECRET'],
  [{ ...jwt, ...production, JWT_SECRET: example }, 'JWT_SECRET'],
  [{ ...jwt, JWKS_URL: 'https://dummy.example/jwks.json' }, 'JWKS_URL'],
  [keysOf('dummy.example'), 'JWKS_URL'],
  [keysOf('file:///etc/dummy'), 'JWKS_URL'],
  [keysOf('https://user:dummy-password-1@keys.example/jwks.json'), 'JWKS_URL'],
  [{ ...backend, BACKEND_URL: 'ftp://dummy.example/' }, 'BACKEND_URL'],
  [{ ...backend, BACKEND_URL: 'https://user:dummy-password-1@backend.example/' }, 'BACKEND_URL'],
  [{ ...backend, BACKEND_SECRET: '' }, 'BACKEND_SECRET'],
  [{ ...backend, BACKEND_SECRET: short }, 'BACKEND_SECRET'],
  [{ ...backend, ...production, BACKEND_SECRET: example }, 'BACKEND_SECRET'],
  [
    {
      PORT: '80a',
      REDIS_URL: 'http://user:dummy-password-1@127.0.0.1',
      FEEDS: 'nobody',
      SYMBOLS: 'A,A,b c',
      UPDATE_INTERVAL: '500ms',
      API_KEYS: 'dummy-k',
      LEASE_TTL_MS: '1000',
      LOG_LEVEL: 'loud',
    },
    ...'PORT REDIS_URL FEEDS SYMBOLS UPDATE_INTERVAL API_KEYS LOG_LEVEL LEASE_TTL_MS'.split(' '),
  ],
];

export const configRows: readonly ConfigRow[] = [...rowsOf((values) => values), ...badSets];
export const processRows: readonly ConfigRow[] = [...rowsOf((values) => values.slice(0, 1)), ...badSets];

/** Names that are nearly the name of a setting. */
export const misspelled: Readonly<Record<string, string>> = {
  UPDATE_INTERVALL: 'UPDATE_INTERVAL',
  LOG_LEVL: 'LOG_LEVEL',
  SYMBOL: 'SYMBOLS',
  TRUSTPROXY: 'TRUST_PROXY',
  CORS_ORIGNI: 'CORS_ORIGIN',
};
