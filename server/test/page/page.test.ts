/**
 * The page and the page of the API in Chromium, served by true replicas: the embedded cluster as `npm start` runs it. With
 * `PICTURE=<file>` the tests take the README's picture.
 */
import { networkInterfaces } from 'node:os';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { violationsOf } from './accessibility.ts';
import { openPage, replicasShown, soon, startBrowserForFile, status, watchText } from './browser.ts';
import { startEmbeddedCluster, type EmbeddedCluster } from '../support/processes/embedded-cluster.ts';
import { freePort } from '../support/processes/free-port.ts';

/** What the README's picture shows: as many rows as fit. */
const pictured =
  'BTC-USD,ETH-USD,SOL-USD,XRP-USD,ADA-USD,LINK-USD,AAPL,MSFT,NVDA,AMZN,GOOGL,META,TSLA,KO,EUR-USD,GBP-USD,USD-JPY,USD-CHF';

const apiKey = 'dummy-key-1';

const browser = startBrowserForFile();
let cluster: EmbeddedCluster;

beforeAll(async () => {
  // An empty host is every address of this machine.
  const env = { HOST: '', FEEDS: 'simulator,push:ACME', API_KEYS: apiKey, UPDATE_INTERVAL: '200' };
  cluster = await startEmbeddedCluster(env);
});

afterAll(() => cluster.close());

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

const symbolsShown = (page: Page) =>
  page.locator('tbody tr').evaluateAll((rows) => rows.map((row) => row.dataset['symbol']));
const servedBy = (page: Page) => page.locator('.status .node b').innerText();
it('moves every row and loses nothing, at an address of the local network, under a strict content security policy', async () => {
  const { page, complaints } = await openPage(browser(), cluster.url.replace('localhost', networkAddress()));
  await expect.poll(() => status(page), soon).toBe('Live');
  await expect.poll(() => page.locator('tbody tr .value').count(), soon).toBeGreaterThanOrEqual(20);
  await Promise.all(['BTC-USD', 'AAPL', 'EUR-USD'].map((symbol) => seePrices(page, symbol, 3)));
  await expect.poll(() => count(page, 'ticks'), soon).not.toBe('0');
  expect([await count(page, 'gaps'), await count(page, 'duplicates')]).toEqual(['0', '0']);
  expect(complaints).toEqual([]);
  // The policy is in force: the browser blocks an inline script and complains.
  expect(await page.evaluate(runInlineScript)).toBe(false);
  await expect.poll(() => complaints.join(), soon).toContain('Content Security Policy');
});

it('[LS2] shows without a reload that a symbol was retired or added', async () => {
  const change = async (method: 'PUT' | 'DELETE', symbol: string, body?: string): Promise<number> => {
    const answer = await fetch(`${cluster.url}api/symbols/${symbol}`, {
      method,
      headers: { 'X-API-Key': apiKey, 'Content-Type': 'application/json' },
      ...(body !== undefined && { body }),
    });
    return answer.status;
  };
  const { page, complaints } = await openPage(browser(), cluster.url);
  await seePrices(page, 'AAPL', 2);
  const before = await symbolsShown(page);
  expect(before.at(-1)).toBe('ACME');
  const mark = () => page.locator('tr[data-symbol="AAPL"] .mark').innerText();

  expect(await change('DELETE', 'AAPL')).toBe(200);
  await expect.poll(mark, soon).toBe('retired');
  const last = await price(page, 'AAPL');
  expect(await change('PUT', 'NEWCO', '{"feed":"simulator"}')).toBe(201);
  await seePrices(page, 'NEWCO', 3);
  expect(await symbolsShown(page)).toEqual([...before, 'NEWCO']);
  expect(await page.getByLabel('NEWCO').isChecked()).toBe(true);
  expect(await price(page, 'AAPL')).toBe(last);
  expect(await violationsOf(page)).toEqual([]);

  expect(await change('PUT', 'AAPL')).toBe(201);
  await seePrices(page, 'AAPL', 3);
  expect(await page.locator('tr[data-symbol="AAPL"] .mark').count()).toBe(0);
  expect(await symbolsShown(page)).toEqual([...before, 'NEWCO']);
  // A slow page subscribes late to the symbol that is back, and gets what it missed.
  expect(await count(page, 'gaps')).toBe(await count(page, 'recovered'));
  expect(await count(page, 'duplicates')).toBe('0');
  expect(complaints).toEqual([]);
});

it('shows the replicas with their users and the leader, and survives the kill of its replica: it says so, reconnects, and its rows move again', async () => {
  const { page, complaints } = await openPage(browser(), cluster.url, { random: 0.5 });
  await seePrices(page, 'BTC-USD', 2);
  await expect.poll(() => replicasShown(page), soon).toHaveLength(2);
  const marks = async () =>
    (await replicasShown(page))
      .join()
      .match(/ (leader|1 user)\b/g)
      ?.toSorted();
  await expect.poll(marks, soon).toEqual([' 1 user', ' leader']);
  const [words, replicas] = [await watchText(page, '.status .words'), await watchText(page, '.nodes')];
  const killed = await servedBy(page);
  cluster.kill(killed);
  await expect.poll(words, soon).toMatch(/Reconnecting in .*Live/);
  await expect.poll(() => freshness(page), soon).toEqual(['live']);
  await seePrices(page, 'BTC-USD', 3);
  // The primary starts the replica again.
  await expect
    .poll(async () => (await replicas()).split(' | ').some((text) => !text.includes(killed)), soon)
    .toBe(true);
  await expect.poll(() => replicasShown(page), soon).toHaveLength(2);
  // The browser itself complains of each try that nobody answered.
  expect(complaints.filter((text) => !text.includes('/socket.io/'))).toEqual([]);
});

it('survives that the whole cluster is gone for a while', async () => {
  const settings = { PORT: String(await freePort()), WORKERS: '1', DRAIN_MS: '100' };
  const first = await startEmbeddedCluster(settings);
  const { page } = await openPage(browser(), first.url, { random: 0.3 });
  try {
    await seePrices(page, 'BTC-USD', 2);
  } finally {
    await first.close();
  }
  await expect.poll(() => status(page), soon).toContain('Reconnecting in');
  expect(await freshness(page)).toEqual(['offline']);
  const second = await startEmbeddedCluster(settings);
  try {
    await expect.poll(() => status(page), soon).toBe('Live');
    await seePrices(page, 'BTC-USD', 3);
  } finally {
    await second.close();
  }
});

it('the page of the API is styled and accessible, and leads to each call', async () => {
  const { page, complaints } = await openPage(browser(), new URL('/api/docs', cluster.url).href);
  const links = page.locator('nav a');
  const sections = page.locator('section h2');
  expect(await links.count()).toBeGreaterThan(10);
  expect(await links.allInnerTexts()).toEqual(await sections.allInnerTexts());
  expect(await page.locator('main').evaluate((main) => getComputedStyle(main).fontFamily)).toContain(
    'system-ui',
  );
  await links.last().click();
  expect(await sections.last().isVisible()).toBe(true);
  expect(await violationsOf(page)).toEqual([]);
  expect(complaints).toEqual([]);
});

it.runIf(process.env['PICTURE'])('takes the picture of the README', async () => {
  const { page } = await openPage(browser(), `${cluster.url}#${pictured}`, { colorScheme: 'light' });
  await seePrices(page, 'BTC-USD', 20);
  expect(await status(page)).toBe('Live');
  await page.screenshot({ path: process.env['PICTURE'] ?? '' });
});
