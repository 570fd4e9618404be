/** Signing in on the page, in Chromium, on true replicas that want a token. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmbeddedCluster, type EmbeddedCluster } from '../support/processes/embedded-cluster.ts';
import { claimsOf, jwtSecret, secretToken } from '../support/stand-ins/tokens.ts';
import { violationsInBothThemes } from './accessibility.ts';
import { openPage, soon, startBrowserForFile, status, watchText } from './browser.ts';

const browser = startBrowserForFile();
let cluster: EmbeddedCluster;

beforeAll(async () => {
  const env = { AUTH_MODE: 'jwt', JWT_SECRET: jwtSecret, WORKERS: '2' };
  cluster = await startEmbeddedCluster(env);
});

afterAll(() => cluster.close());

/** A client that is refused while its transport is being upgraded gives the upgrade up, and Chromium says so. */
const isOfUpgrade = (complaint: string): boolean =>
  complaint.includes('WebSocket is closed before the connection is established');

/** Whether it is of a poll for a session that the page itself had closed by then, by a POST beside it: either may be heard first. */
function createIsOfOwnEnd(page: Page): (complaint: string) => boolean {
  const closed = new Set<string | null>();
  page.on('request', (request) => {
    const isClose =
      request.method() === 'POST' && request.postData()?.split(String.fromCharCode(30)).at(-1) === '1';
    if (isClose) closed.add(new URL(request.url()).searchParams.get('sid'));
  });
  return (complaint) => /\b400\b/.test(complaint) && closed.has(/&sid=([\w-]+)/.exec(complaint)?.[1] ?? '');
}

const tokenOf = (user: string, endsInS?: number) =>
  secretToken(claimsOf(user, endsInS === undefined ? {} : { endsInS }));
const form = (page: Page) => page.getByRole('form', { name: 'Sign in' });
const reason = (page: Page) => form(page).getByRole('alert').textContent();
const keptToken = (page: Page) => page.evaluate(() => sessionStorage.getItem('tickwire.token'));

/** The page with its form, and what it complained of that no test expects. */
async function openForm() {
  const { page, complaints } = await openPage(browser(), cluster.url);
  const isOfOwnEnd = createIsOfOwnEnd(page);
  await expect.poll(() => form(page).count(), soon).toBe(1);
  return { page, unexpected: () => complaints.filter((one) => !isOfUpgrade(one) && !isOfOwnEnd(one)) };
}

async function enter(page: Page, token: string): Promise<void> {
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** Resolves when the page is live, and a price has moved. */
async function seePrices(page: Page): Promise<void> {
  await expect.poll(() => status(page), soon).toBe('Live');
  const price = () => page.locator('tr[data-symbol="BTC-USD"] .value').innerText();
  const first = await price();
  await expect.poll(price, soon).not.toBe(first);
}

describe('a cluster that requires a token', () => {
  it('asks for a token, says why a bad one is refused, and shows prices with a good one', async () => {
    const { page, unexpected } = await openForm();
    expect(await status(page)).toBe('Not signed in');
    expect(await reason(page)).toContain('Paste the token');
    expect(await page.locator('tbody').count()).toBe(0);

    await enter(page, secretToken(claimsOf('ann'), { secret: 'x'.repeat(32) }));
    await expect
      .poll(() => reason(page), soon)
      .toBe('This token is not taken here: its signature does not hold.');

    await enter(page, ` Bearer ${tokenOf('ann')}\n`);
    await seePrices(page);
    expect(await form(page).count()).toBe(0);
    expect(await page.locator('.user b').innerText()).toBe('ann');
    expect(unexpected()).toEqual([]);
  });

  it('keeps the token in this tab only, until the user signs out', async () => {
    const { page, unexpected } = await openForm();
    const token = tokenOf('ben');
    await enter(page, token);
    await seePrices(page);
    await page.reload();
    await seePrices(page);
    expect(await keptToken(page)).toBe(token);
    expect(
      await page.evaluate(() => JSON.stringify(localStorage) + document.cookie + location.href),
    ).not.toContain(token);
    const other = await page.context().newPage();
    await other.goto(cluster.url);
    await expect.poll(() => status(other), soon).toBe('Not signed in');

    await page.getByRole('button', { name: 'Sign out' }).click();
    await expect.poll(() => form(page).count(), soon).toBe(1);
    expect(await keptToken(page)).toBeNull();
    expect(unexpected()).toEqual([]);
  });

  it('asks again when the sign-in has ended, and accepts the next token', async () => {
    const { page } = await openForm();
    const words = await watchText(page, '.status .words');
    await enter(page, tokenOf('cleo', 4));
    await expect.poll(words, soon).toMatch(/Live.*Not signed in/);
    await expect.poll(() => form(page).count(), soon).toBe(1);
    expect(await reason(page)).toBe('Your sign-in has ended. Paste a new token.');
    expect(await status(page)).toBe('Not signed in');
    await enter(page, tokenOf('cleo'));
    await seePrices(page);
    expect(await form(page).count()).toBe(0);
  });

  it('stays signed in if a site puts the next token into the tab in time', async () => {
    const { page } = await openForm();
    const endsAt = Date.now() + 4_000;
    await enter(page, tokenOf('dora', 4));
    await expect.poll(() => status(page), soon).toBe('Live');
    const words = await watchText(page, '.status .words');
    await page.evaluate((token) => sessionStorage.setItem('tickwire.token', token), tokenOf('dora'));
    // Two seconds later it would have been refused at the latest.
    await expect.poll(() => Date.now(), soon).toBeGreaterThan(endsAt + 2_000);
    await seePrices(page);
    expect(await words()).toBe('Live');
  });
});

describe('the form', () => {
  it('has no serious accessibility violation, works with the keyboard only, and leaves the focus with the prices', async () => {
    const { page } = await openForm();
    expect(await violationsInBothThemes(page)).toEqual([]);
    await enter(page, 'no token');
    await expect.poll(() => reason(page), soon).toContain('not taken');
    expect(await violationsInBothThemes(page)).toEqual([]);

    await page.getByLabel('Token').fill('');
    await page.getByLabel('Token').focus();
    await page.keyboard.insertText(tokenOf('eve'));
    await page.keyboard.press('Enter');
    await seePrices(page);
    expect(await page.evaluate(() => document.activeElement?.localName)).toBe('main');
  });
});
