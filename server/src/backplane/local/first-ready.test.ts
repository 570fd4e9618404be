import { describe, expect, it } from 'vitest';
import { createFirstReady } from './first-ready.ts';

describe('the first ready worker', () => {
  it('counts once, whatever comes later', async () => {
    const first = createFirstReady();
    first.ready();
    first.closed();
    for (let failure = 0; failure < 10; failure++) first.failed('exit code 1');
    expect(await first.outcome).toBe('ready');
  });

  it('is awaited through some failures and given up after five', async () => {
    const first = createFirstReady();
    for (let failure = 0; failure < 4; failure++) first.failed('exit code 1');
    first.failed('exit code 2');
    await expect(first.outcome).rejects.toThrow(
      'no worker becomes ready; the last of 5 ended with exit code 2',
    );
    const patient = createFirstReady();
    for (let failure = 0; failure < 4; failure++) patient.failed('exit code 1');
    patient.ready();
    expect(await patient.outcome).toBe('ready');
  });

  it('can be called off', async () => {
    const first = createFirstReady();
    first.closed();
    expect(await first.outcome).toBe('closed');
  });
});
