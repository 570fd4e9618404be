/**
 * The page in Chromium, served by true replicas: the embedded cluster as `npm start` runs it. With `PICTURE=<file>` the
 * README's picture is taken on the way.
 */
import { networkInterfaces } from 'node:os';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { violationsOf } from './accessibility.ts';
import { launchBrowser, openPage, watchText } from './browser.ts';
import { startEmbeddedCluster, type EmbeddedCluster } from '../support/embedded-cluster.ts';

/** For conditions that come true by themselves. */
const soon = { timeout: 30_000, interval: 25 };

/** What the README's picture shows: as many rows as fit. */
const pictured =
  'BTC-USD,ETH-USD,SOL-USD,XRP-USD,ADA-USD,LINK-USD,AAPL,MSFT,NVDA,AMZN,GOOGL,META,TSLA,KO,EUR-USD,GBP-USD,USD-JPY,USD-CHF';

let browser: Browser;
let cluster: EmbeddedCluster;

beforeAll(async () => {
  [browser, cluster] = await Promise.all([launchBrowser(), startEmbeddedCluster()]);
});

afterAll(() => Promise.all([browser.close(), cluster.close()]));

afterEach(() => Promise.all(browser.contexts().map((context) => context.close())));

const status = (page: Page) => page.locator('.status .words').textContent();
const price = (page: Page, symbol: string) => page.locator(`tr[data-symbol="${symbol}"] .value`).innerText();
/** How fresh the prices are that are shown, each word once. */
const freshness = (page: Page) =>
  page
    .locator('tbody tr:has(.value)')
    .evaluateAll((rows) => [...new Set(rows.map((row) => row.dataset['freshness']))]);
const count = (page: Page, word: string) =>
  page
    .locator('.counts div', { hasText: new RegExp(`^${word}`) })
    .locator('dd')
    .innerText();

/** Waits until the symbol was shown with this many prices. */
async function seePrices(page: Page, symbol: string, many: number): Promise<void> {
  const seen = new Set<string>();
  await expect.poll(async () => seen.add(await price(page, symbol)).size, soon).toBeGreaterThanOrEqual(many);
}

/** An IPv4 address of this machine that is not loopback's. */
function networkAddress(): string {
  const found = Object.values(networkInterfaces())
    .flat()
    .find((one) => one?.family === 'IPv4' && !one.internal);
  if (found === undefined) throw new Error('this machine has no address but loopback');
  return found.address;
}

/** Runs in the page; whether a script in its text was run. */
function runInlineScript(): boolean {
  const script = document.createElement('script');
  script.textContent = 'document.title = "run"';
  document.head.append(script);
  return document.title === 'run';
}

describe('the page on true replicas', () => {
  it('moves every row, loses nothing and complains of nothing', async () => {
    const { page, complaints } = await openPage(browser, cluster.url);
    await expect.poll(() => status(page), soon).toBe('Live');
    await expect.poll(() => page.locator('tbody tr .value').count(), soon).toBeGreaterThanOrEqual(20);
    await Promise.all(['BTC-USD', 'AAPL', 'EUR-USD'].map((symbol) => seePrices(page, symbol, 3)));
    await expect.poll(() => count(page, 'ticks'), soon).not.toBe('0');
    expect([await count(page, 'gaps'), await count(page, 'duplicates')]).toEqual(['0', '0']);
    expect(complaints).toEqual([]);
  });

  it('does so at an address of the local network too, under a strict content security policy', async () => {
    const host = networkAddress();
    const open = await startEmbeddedCluster({ HOST: '' });
    onTestFinished(() => open.close());
    const url = open.url.replace('localhost', host);
    const { page, complaints } = await openPage(browser, url);
    await expect.poll(() => status(page), soon).toBe('Live');
    await seePrices(page, 'BTC-USD', 3);
    expect(complaints).toEqual([]);
    // The policy is in force: what it forbids does not happen, and is complained of.
    expect(await page.evaluate(runInlineScript)).toBe(false);
    await expect.poll(() => complaints.join(), soon).toContain('Content Security Policy');
  });

  it('shows what is chosen, and moves it', async () => {
    const { page, complaints } = await openPage(browser, `${cluster.url}#ETH-USD`);
    await seePrices(page, 'ETH-USD', 2);
    await page.getByLabel('AAPL').check();
    await seePrices(page, 'AAPL', 2);
    await page.getByLabel('ETH-USD').uncheck();
    const symbols = () => page.locator('tbody th').allInnerTexts();
    await expect.poll(symbols, soon).toEqual(['AAPL']);
    expect(complaints).toEqual([]);
  });

  it.each(['light', 'dark'] as const)('has no serious accessibility violation in %s', async (colorScheme) => {
    const options = { colorScheme, reducedMotion: 'reduce' } as const;
    const { page } = await openPage(browser, cluster.url, options);
    await seePrices(page, 'BTC-USD', 2);
    expect(await violationsOf(page)).toEqual([]);
  });

  it('[LS2] shows without a reload that a symbol was retired or added', async () => {
    const listing = await startEmbeddedCluster({
      FEEDS: 'simulator:BTC-USD,AAPL,KO;push:ACME',
      API_KEYS: 'dummy-key-1',
      UPDATE_INTERVAL: '200',
    });
    onTestFinished(() => listing.close());
    const change = async (method: 'PUT' | 'DELETE', symbol: string, body?: string): Promise<number> => {
      const headers = { 'X-API-Key': 'dummy-key-1', 'Content-Type': 'application/json' };
      const answer = await fetch(`${listing.url}api/symbols/${symbol}`, {
        method,
        headers,
        ...(body !== undefined && { body }),
      });
      return answer.status;
    };
    const { page, complaints } = await openPage(browser, listing.url);
    await seePrices(page, 'AAPL', 2);
    const symbols = () =>
      page.locator('tbody tr').evaluateAll((rows) => rows.map((row) => row.dataset['symbol']));
    const mark = () => page.locator('tr[data-symbol="AAPL"] .mark').innerText();

    expect(await change('DELETE', 'AAPL')).toBe(200);
    await expect.poll(mark, soon).toBe('retired');
    const last = await price(page, 'AAPL');
    expect(await change('PUT', 'NEWCO', '{"feed":"simulator"}')).toBe(201);
    await seePrices(page, 'NEWCO', 3);
    expect(await symbols()).toEqual(['BTC-USD', 'AAPL', 'KO', 'ACME', 'NEWCO']);
    expect(await page.getByLabel('NEWCO').isChecked()).toBe(true);
    expect(await price(page, 'AAPL')).toBe(last);
    expect(await violationsOf(page)).toEqual([]);

    expect(await change('PUT', 'AAPL')).toBe(201);
    await seePrices(page, 'AAPL', 3);
    expect(await page.locator('tr[data-symbol="AAPL"] .mark').count()).toBe(0);
    expect(await symbols()).toEqual(['BTC-USD', 'AAPL', 'KO', 'ACME', 'NEWCO']);
    expect([await count(page, 'gaps'), await count(page, 'duplicates')]).toEqual(['0', '0']);
    expect(complaints).toEqual([]);
  });

  it('survives that its replica is killed: says so, comes back, and rows move again', async () => {
    const { page, complaints } = await openPage(browser, cluster.url, { random: 0.5 });
    await seePrices(page, 'BTC-USD', 2);
    const words = await watchText(page, '.status .words');
    cluster.kill(await page.locator('.status .node b').innerText());
    await expect.poll(words, soon).toMatch(/Reconnecting in .*Live/);
    await expect.poll(() => freshness(page), soon).toEqual(['live']);
    await seePrices(page, 'BTC-USD', 3);
    // The browser itself tells of each try that nobody answered.
    expect(complaints.filter((text) => !text.includes('/socket.io/'))).toEqual([]);
  });

  it('survives that the whole cluster is gone for a while', async () => {
    const port = await freePort();
    const first = await startEmbeddedCluster({ PORT: String(port) });
    const { page } = await openPage(browser, first.url, { random: 0.5 });
    try {
      await seePrices(page, 'BTC-USD', 2);
    } finally {
      await first.close();
    }
    await expect.poll(() => status(page), soon).toContain('Reconnecting in');
    expect(await freshness(page)).toEqual(['offline']);
    const second = await startEmbeddedCluster({ PORT: String(port) });
    try {
      await expect.poll(() => status(page), soon).toBe('Live');
      await seePrices(page, 'BTC-USD', 3);
    } finally {
      await second.close();
    }
  });

  it.runIf(process.env['PICTURE'])('stands for its picture', async () => {
    const { page } = await openPage(browser, `${cluster.url}#${pictured}`, { colorScheme: 'light' });
    await seePrices(page, 'BTC-USD', 20);
    expect(await status(page)).toBe('Live');
    await page.screenshot({ path: process.env['PICTURE'] ?? '' });
  });
});
