/** What the page shows, in Chromium, against a server that says what each test needs. */
import type { Page } from 'playwright-core';
import { afterEach, describe, expect, it } from 'vitest';
import type { Quote } from '../../protocol/index.ts';
import { violationsInBothThemes } from './accessibility.ts';
import { openPage, soon, startBrowserForFile, status, watchText, type PageOptions } from './browser.ts';
import { startScriptedServer, type ScriptedServer } from './scripted-server.ts';

function quoteOf(symbol: string, price: string, more: Partial<Quote> = {}): Quote {
  const day = { open: price, high: price, low: price, volume: '0', stale: false };
  return { ...day, symbol, price, gen: 'script', seq: 1, ts: Date.now(), ...more };
}

const quotes = () => [
  quoteOf('BTC-USD', '64250.10', { prevClose: '64000', high: '64300.00', low: '63900.00' }),
  quoteOf('AAPL', '228.40'),
  quoteOf('EUR-USD', '1.08540'),
];

let server: ScriptedServer;

afterEach(() => server.close());
// Hooks run in reverse: pages close before the server.
const browser = startBrowserForFile();

/** A page that is live and shows every price that it chose. */
async function open(hash = '', options: PageOptions = {}) {
  server = await startScriptedServer(quotes(), ['NEW']);
  const opened = await openPage(browser(), server.url + hash, options);
  await expect.poll(() => status(opened.page), soon).toBe('Live');
  const priced = new Set<string | null>(quotes().map(({ symbol }) => symbol));
  const isDrawn = async () => {
    const drawn = (await rows(opened.page)).filter((symbol) => priced.has(symbol)).length;
    return drawn > 0 && drawn === (await opened.page.locator('.value').count());
  };
  await expect.poll(isDrawn, soon).toBe(true);
  return opened;
}

const row = (page: Page, symbol: string) => page.locator(`tr[data-symbol="${symbol}"]`);
const rows = (page: Page) =>
  page.locator('tbody tr').evaluateAll((all) => all.map((each) => each.getAttribute('data-symbol')));
const cell = (page: Page, symbol: string, name: string) => row(page, symbol).locator(`.${name}`).innerText();
const count = (page: Page, word: string) =>
  page
    .locator('.counts div', { hasText: new RegExp(`^${word}`) })
    .locator('dd')
    .innerText();

describe('the table', () => {
  it("shows price, change, the day's range and the direction as glyph and word, and a dash until the first price", async () => {
    const { page, complaints } = await open();
    await expect.poll(() => cell(page, 'BTC-USD', 'change'), soon).toBe('+250.10 +0.39 %');
    expect(await cell(page, 'BTC-USD', 'low')).toBe('63,900.00');
    expect(await cell(page, 'BTC-USD', 'high')).toBe('64,300.00');
    server.tick('BTC-USD', '64310.50');
    await expect
      .poll(() => row(page, 'BTC-USD').locator('.price').textContent(), soon)
      .toBe('64,310.50▲, up');
    expect(await cell(page, 'BTC-USD', 'high')).toBe('64,310.50');
    server.tick('BTC-USD', '64310.49');
    await expect
      .poll(() => row(page, 'BTC-USD').locator('.price').textContent(), soon)
      .toBe('64,310.49▼, down');

    await expect
      .poll(() => row(page, 'NEW').innerText(), soon)
      .toMatch(/^NEW\s+–\s+–\s+no price yet\s+–\s+–$/);
    server.tick('NEW', '5.00');
    await expect.poll(() => row(page, 'NEW').locator('.value').innerText(), soon).toBe('5.00');
    expect(complaints).toEqual([]);
  });

  it('says Live and the replica, and only the state aloud; then marks the rows of a stale source, and says why', async () => {
    const { page } = await open();
    expect(await page.locator('.status .node').innerText()).toBe('served by script-1');
    expect(await page.locator('[role=status], [aria-live]').allTextContents()).toEqual(['Live']);

    server.feed({
      state: 'stale',
      reason: 'exchange is silent',
      sources: [
        { name: 'exchange', state: 'stale', symbols: ['BTC-USD'] },
        { name: 'script', state: 'live', symbols: ['AAPL', 'EUR-USD', 'NEW'] },
      ],
    });
    await expect.poll(() => status(page), soon).toBe('Partly stale: exchange is silent');
    expect(await cell(page, 'BTC-USD', 'age')).toContain('stale');
    expect(await cell(page, 'AAPL', 'age')).not.toContain('stale');
  });

  it('redraws only the row of a tick; counts a gap and shows the price that the server has', async () => {
    const { page } = await open();
    await page.evaluate(() => {
      const changed = new Set<string>();
      Object.assign(window, { changed });
      const observer = new MutationObserver((records) => {
        for (const { target } of records) {
          const element = target instanceof Element ? target : target.parentElement;
          if (element?.closest('.price') === null) continue;
          changed.add(element?.closest('tr')?.dataset['symbol'] ?? '');
        }
      });
      observer.observe(document.body, { subtree: true, childList: true, characterData: true });
    });
    server.tick('AAPL', '228.41');
    await expect.poll(() => row(page, 'AAPL').locator('.value').innerText(), soon).toBe('228.41');
    expect(await page.evaluate(() => [...Reflect.get(window, 'changed')])).toEqual(['AAPL']);

    server.tick('AAPL', '228.50');
    server.lose('AAPL');
    server.tick('AAPL', '228.60');
    await expect.poll(() => row(page, 'AAPL').locator('.value').innerText(), soon).toBe('228.60');
    await expect.poll(() => count(page, 'gaps'), soon).toBe('1');
    expect(await count(page, 'ticks')).toBe('2');
  });

  it('fits 360 pixels with four whole columns, also while stale; its choice closes with Escape and returns the focus', async () => {
    const { page } = await open('', { viewport: { width: 360, height: 740 } });
    await expect.poll(() => row(page, 'BTC-USD').count(), soon).toBe(1);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
    const age = await row(page, 'BTC-USD').locator('.age').boundingBox();
    expect((age?.x ?? 360) + (age?.width ?? 0)).toBeLessThanOrEqual(352);

    const sources = [{ name: 's', state: 'stale' as const, symbols: ['BTC-USD', 'AAPL', 'EUR-USD'] }];
    server.feed({ state: 'stale', reason: 's: silent', sources });
    await expect.poll(() => cell(page, 'BTC-USD', 'age'), soon).toContain('stale');
    const seen = await page.locator('.scroll').boundingBox();
    const edge = (seen?.x ?? 0) + (seen?.width ?? 0);
    const stale = await row(page, 'BTC-USD').locator('.age').boundingBox();
    expect(Math.abs((stale?.x ?? 0) + (stale?.width ?? 0) - edge)).toBeLessThanOrEqual(2);

    await page.getByRole('button', { name: 'Choose' }).click();
    await page.getByLabel('Filter symbols').focus();
    await page.keyboard.press('Escape');
    await expect.poll(() => page.getByLabel('Filter symbols').isVisible(), soon).toBe(false);
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Choose');
  });
});

describe('choosing symbols', () => {
  it('adds and removes rows, keeps their order, and subscribes to what is shown', async () => {
    const { page } = await open();
    await expect.poll(() => rows(page), soon).toEqual(['BTC-USD', 'AAPL', 'EUR-USD', 'NEW']);
    await page.getByLabel('AAPL').uncheck();
    await page.getByLabel('BTC-USD').uncheck();
    await expect.poll(() => [...server.subscribed], soon).toEqual(['EUR-USD', 'NEW']);
    await page.getByLabel('BTC-USD').check();
    await expect.poll(() => rows(page), soon).toEqual(['BTC-USD', 'EUR-USD', 'NEW']);
    await expect.poll(() => server.subscribed.has('BTC-USD'), soon).toBe(true);
  });

  it('takes the symbols that the address names, says which of them is not served, and keeps a choice there', async () => {
    const { page } = await open('#aapl,NOPE');
    await expect.poll(() => rows(page), soon).toEqual(['AAPL', 'NOPE']);
    await expect.poll(() => cell(page, 'NOPE', 'age'), soon).toBe('not served');
    await page.evaluate(() => (location.hash = '#EUR-USD'));
    await expect.poll(() => rows(page), soon).toEqual(['EUR-USD']);

    await page.getByRole('button', { name: 'Choose none' }).click();
    await expect.poll(() => page.locator('.empty').innerText(), soon).toBe('No symbol is chosen.');
    await page.getByLabel('AAPL').check();
    await expect.poll(() => page.url(), soon).toBe(`${server.url}#AAPL`);
    const again = await page.context().newPage();
    await again.goto(server.url);
    await expect.poll(() => rows(again), soon).toEqual(['AAPL']);
  });

  it('works by keyboard alone, with a filter', async () => {
    const { page } = await open();
    await page.getByLabel('Filter symbols').focus();
    await page.keyboard.type('eur');
    await expect.poll(() => page.locator('.picker li').allInnerTexts(), soon).toEqual(['EUR-USD']);
    for (const key of ['Tab', 'Tab', 'Tab']) await page.keyboard.press(key);
    const outline = () =>
      page.evaluate(() => getComputedStyle(document.activeElement ?? document.body).outlineStyle);
    expect(await outline()).toBe('solid');
    await page.keyboard.press('Space');
    await expect.poll(() => rows(page), soon).toEqual(['BTC-USD', 'AAPL', 'NEW']);
  });
});

describe('the state of the connection', () => {
  it('leaves a replica that fell silent, says so, and comes back with another cid', async () => {
    const { page } = await open('', { random: 0.5 });
    const words = await watchText(page, '.status .words');
    const age = await watchText(page, 'tr[data-symbol="AAPL"] .age');
    server.beat(false);
    await expect.poll(words, soon).toMatch(/the replica fell silent.*Live$/);
    server.beat(true);
    expect(await age()).toContain('offline');
    await expect.poll(() => cell(page, 'AAPL', 'age'), soon).not.toContain('offline');
    expect(server.cids).toHaveLength(2);
    expect(server.cids[1]).not.toBe(server.cids[0]);
  });

  it('says a refusal and tries again when it is told to', async () => {
    const { page } = await open();
    server.refuse({ code: 4301, name: 'origin_not_allowed', message: 'not from this page', retry: 'never' });
    await expect.poll(() => status(page), soon).toBe('Refused: not from this page');
    await page.getByRole('button', { name: 'Try now' }).click();
    await expect.poll(() => status(page), soon).toBe('Live');
  });

  it('keeps its cid over a reload and not in a second tab', async () => {
    const { page } = await open();
    await page.reload();
    await expect.poll(() => server.cids.length, soon).toBe(2);
    const [opened] = await Promise.all([
      page.waitForEvent('popup'),
      page.evaluate(() => void window.open(location.href)),
    ]);
    await expect.poll(() => status(opened), soon).toBe('Live');
    expect(server.cids[1]).toBe(server.cids[0]);
    expect(server.cids[2]).not.toBe(server.cids[0]);
  });
});

describe('dark and light', () => {
  const ground = (page: Page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);

  it('follows the system until somebody chooses, and keeps the choice', async () => {
    const { page } = await open('', { colorScheme: 'dark' });
    const dark = await ground(page);
    await page.emulateMedia({ colorScheme: 'light' });
    await expect.poll(() => ground(page), soon).not.toBe(dark);
    await page.getByRole('button', { name: 'Switch to the dark theme' }).click();
    await expect.poll(() => ground(page), soon).toBe(dark);
    await page.reload();
    await expect.poll(() => ground(page), soon).toBe(dark);
  });

  it('has no serious accessibility violation at 1280 and 360 pixels', async () => {
    const { page } = await open('#BTC-USD,AAPL,NEW,NOPE');
    server.tick('BTC-USD', '64000.10');
    server.feed({
      state: 'stale',
      reason: 'why',
      sources: [{ name: 's', state: 'stale', symbols: ['AAPL'] }],
    });
    await expect.poll(() => cell(page, 'AAPL', 'age'), soon).toContain('stale');
    await expect.poll(() => cell(page, 'NOPE', 'age'), soon).toBe('not served');
    expect(await violationsInBothThemes(page)).toEqual([]);
    await page.setViewportSize({ width: 360, height: 800 });
    await page.getByRole('button', { name: 'Choose' }).click();
    expect(await violationsInBothThemes(page)).toEqual([]);
  });
});
