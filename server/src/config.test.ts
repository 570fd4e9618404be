import { describe, expect, it } from 'vitest';
import { configRows, misspelled } from '../test/security/catalogue/config-rows.ts';
import { parseConfig } from './config.ts';
import { settingDocs } from './settings.ts';

function problemsOf(env: Record<string, string>): string[] {
  const parsed = parseConfig(env, 'node-1');
  return parsed.ok ? [] : parsed.problems;
}

const namesOf = (problems: string[]) => problems.map((problem) => problem.split(':')[0]);

/** Matches a text that begins like this. */
const startingWith = (start: string): unknown => expect.stringMatching(new RegExp(`^${start}`));

function configOf(env: Record<string, string>) {
  const parsed = parseConfig(env, 'node-1');
  if (!parsed.ok) throw new Error(parsed.problems.join('\n'));
  return parsed;
}

describe('parseConfig', () => {
  it('[CF1] takes an empty environment, and an empty value for one that is not set', () => {
    const { config } = configOf({ PORT: '', SYMBOLS: ' ' });
    expect(config).toMatchObject({
      port: 8080,
      node: 'node-1',
      backplane: { kind: 'local', workers: 2 },
      updateIntervalMs: 500,
    });
    expect(config.assignment.symbols.length).toBeGreaterThanOrEqual(20);
  });

  it('[CF2] reports what does not fit together with what is bad by itself, and near misses too', () => {
    const parsed = parseConfig(
      { PORT: 'x', LEASE_TTL_MS: '1000', FEEDS: 'push:A,simulator:A', LOG_LEVL: 'info' },
      'n',
    );
    if (parsed.ok) throw new Error('it was taken');
    expect(namesOf(parsed.problems)).toEqual(['PORT', 'LEASE_TTL_MS', 'FEEDS']);
    expect(parsed.warnings).toEqual(['LOG_LEVL is not a setting; did you mean LOG_LEVEL?']);
  });

  for (const [env, ...variables] of configRows)
    it(`[CF2][CF3] rejects ${JSON.stringify(env)} without showing a secret`, () => {
      const problems = problemsOf(env);
      expect(namesOf(problems)).toEqual(variables);
      expect(problems.join()).not.toMatch(/dummy/);
      // A person reads them.
      for (const problem of problems) expect(problem.length).toBeLessThan(300);
    });

  it('[CF3] wants long keys in production', () => {
    expect(problemsOf({ NODE_ENV: 'production', API_KEYS: 'x7Qm2-9vLp4-Tz8K' })).toEqual([]);
  });

  it('[CF3] wants no placeholders in production', () => {
    const production = { NODE_ENV: 'production', AUTH_MODE: 'jwt' };
    for (const secret of ['my-own-secret-key-my-own-secret-key', 'x'.repeat(64)]) {
      const problems = problemsOf({ ...production, JWT_SECRET: secret, API_KEYS: 'my-own-secret-key' });
      expect(problems).toEqual([startingWith('API_KEYS: '), startingWith('JWT_SECRET: looks like')]);
      expect(problems.join()).not.toContain(secret);
      expect(problemsOf({ AUTH_MODE: 'jwt', JWT_SECRET: secret, API_KEYS: 'my-own-secret-key' })).toEqual([]);
    }
    expect(problemsOf({ ...production, JWT_SECRET: '3q2+7wX5m9Lk0ZtYb8RcVuNd4sGhJpEf' })).toEqual([]);
  });

  it('takes how clients sign in', () => {
    const utf8 = 'é'.repeat(16);
    const { config, warnings } = configOf({ AUTH_MODE: 'jwt', JWT_SECRET: utf8, JWT_MAX_AGE: '3600' });
    const any = { mode: 'jwt', issuer: null, audience: null, maxAgeS: null };
    expect(config.auth).toEqual({ ...any, key: { secret: utf8 }, maxAgeS: 3_600 });
    expect(warnings).toEqual([]);
    const url = 'https://keys.example/jwks';
    const withUrl = configOf({ AUTH_MODE: 'jwt', JWKS_URL: url, JWT_ISSUER: 'i', JWT_AUDIENCE: 'a' });
    expect(withUrl.config.auth).toEqual({ ...any, key: { jwksUrl: url }, issuer: 'i', audience: 'a' });
    expect(configOf({}).config.auth).toEqual({ mode: 'none' });
  });

  it('warns where tokens could be proved and nobody is asked for one', () => {
    const { warnings } = configOf({ JWT_SECRET: 'dummy'.repeat(8) });
    expect(warnings).toEqual([startingWith('JWT_SECRET is set and AUTH_MODE is none')]);
    expect(warnings.join()).not.toContain('dummy');
  });

  it('takes a backend, and warns where there is a secret for none', () => {
    const taken = { BACKEND_URL: 'http://b.example/a?k=1', BACKEND_SECRET: 'é'.repeat(16) };
    const { config, warnings } = configOf({ ...taken, BACKEND_TIMEOUT_MS: '100' });
    expect(config.backend).toEqual({
      url: taken.BACKEND_URL,
      secret: taken.BACKEND_SECRET,
      timeoutMs: 100,
      maxConcurrent: 16,
    });
    expect(warnings).toEqual([]);
    const unused = configOf({ BACKEND_SECRET: 'dummy'.repeat(8) });
    expect(unused.config.backend).toBeNull();
    expect(unused.warnings).toEqual([startingWith('BACKEND_SECRET is set and BACKEND_URL is not')]);
    expect(unused.warnings.join()).not.toContain('dummy');
  });

  it('[CF4] warns of a name that is nearly a setting', () => {
    const named = Object.fromEntries(Object.keys(misspelled).map((name) => [name, '100']));
    expect(configOf({ ...named, HOME: '/', LC_ALL: 'C' }).warnings).toEqual(
      Object.entries(misspelled).map(([name, meant]) => `${name} is not a setting; did you mean ${meant}?`),
    );
  });

  it('takes named keys, and API_KEY for API_KEYS', () => {
    expect(configOf({ API_KEY: 'dummy-key-1' }).config.apiKeys).toEqual([
      { name: 'key1', key: 'dummy-key-1' },
    ]);
    expect(configOf({ API_KEYS: 'desk:dummy-key-1,dummy-key-2' }).config.apiKeys).toEqual([
      { name: 'desk', key: 'dummy-key-1' },
      { name: 'key2', key: 'dummy-key-2' },
    ]);
  });

  it('builds the URL of Redis from host and port', () => {
    const { config } = configOf({ BACKPLANE: 'redis', REDIS_HOST: 'redis', REDIS_PORT: '7000' });
    expect(config.backplane).toEqual({ kind: 'redis', url: 'redis://redis:7000', prefix: 'tickwire' });
  });

  it('freezes the result', () => {
    const { config } = configOf({});
    expect(() => Object.assign(config.lease, { ttlMs: 1 })).toThrow(TypeError);
  });

  it('documents each setting in one sentence', () => {
    for (const { doc } of settingDocs) expect(doc).toMatch(/\.$/);
  });
});
