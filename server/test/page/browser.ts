/** Chromium for the page's tests, and pages that remember what they complained about. */
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll } from 'vitest';

const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** Starts the browser; nothing in it calls home. `CHROMIUM` names another than Debian's. */
function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** The browser of this file, and a function that returns it. Each test closes its pages. */
export function startBrowserForFile(): () => Browser {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterEach(() => Promise.all(browser.contexts().map((context) => context.close())));
  afterAll(() => browser.close());
  return () => browser;
}

/** For conditions that come true by themselves. */
export const soon = { timeout: 30_000, interval: 25 };

/** The words for the state of the connection. */
export const status = (page: Page) => page.locator('.status .words').textContent();

export interface WatchedPage {
  page: Page;
  /** Errors and warnings on the console, exceptions, and answers of 400 and above, in order. */
  complaints: string[];
}

export interface PageOptions extends BrowserContextOptions {
  /** What `Math.random` gives, for states that last a random time: one of almost nothing would be over before it is drawn. */
  random?: number;
}

/** Opens the address in a fresh profile. */
export async function openPage(
  browser: Browser,
  url: string,
  { random, ...options }: PageOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  if (random !== undefined) await page.addInitScript((value) => (Math.random = () => value), random);
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') {
      complaints.push(`${message.text()} (${message.location().url})`);
    }
  });
  page.on('pageerror', (error) => void complaints.push(String(error)));
  page.on('response', (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()} ${response.url()}`);
  });
  await page.goto(url);
  return { page, complaints };
}

/** Gives every text that the element shows, from now on. */
export async function watchText(page: Page, selector: string): Promise<() => Promise<string>> {
  const seen = await page.locator(selector).evaluateHandle((element) => {
    const texts = [element.textContent];
    const watch = new MutationObserver(() => texts.push(element.textContent));
    watch.observe(element, { subtree: true, childList: true, characterData: true });
    return texts;
  });
  return async () => (await seen.jsonValue()).join(' | ');
}

/** The strip of the replicas. */
export const strip = (page: Page) => page.getByRole('region', { name: 'Replicas' });

/** What the strip shows of each replica, with one blank between words. */
export async function replicasShown(page: Page): Promise<string[]> {
  const texts = await strip(page).getByRole('listitem').allInnerTexts();
  return texts.map((text) => text.replace(/\s+/g, ' ').trim());
}
