/** The strip of the replicas on the page: what it shows, against a server that says what each test needs, and on a true cluster. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startCluster } from '../support/start-cluster.ts';
import { startEmbeddedCluster } from '../support/embedded-cluster.ts';
import type { NodeStatistics } from '../../protocol/index.ts';
import { violationsOf } from './accessibility.ts';
import { launchBrowser, openPage, type PageOptions } from './browser.ts';
import { startScriptedServer } from './scripted-server.ts';

/** For conditions that come true by themselves. */
const soon = { timeout: 20_000, interval: 25 };

/** Seven pages and the death of a replica, on a machine that may be busy. */
const slowMs = 180_000;

let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
});

afterAll(() => browser.close());

afterEach(() => Promise.all(browser.contexts().map((context) => context.close())));

const strip = (page: Page) => page.getByRole('region', { name: 'Replicas' });
const status = (page: Page) => page.locator('.status .words').textContent();
/** What is shown of each replica, with one blank between words. */
const shown = async (page: Page): Promise<string[]> =>
  (await strip(page).getByRole('listitem').allInnerTexts()).map((text) => text.replace(/\s+/g, ' ').trim());
const usersShown = async (page: Page): Promise<number> =>
  (await shown(page)).reduce((sum, text) => sum + Number(/(\d+) users?\b/.exec(text)?.[1] ?? NaN), 0);
const servedBy = (page: Page) => page.locator('.status .node b').innerText();

function nodeOf(node: string, more: Partial<NodeStatistics> = {}): NodeStatistics {
  const counts = { connections: 1, users: 0, anonymous: 1 };
  return { node, state: 'serving', leader: false, uptimeMs: 1_000, ...counts, ...more };
}

describe('the strip of the replicas', () => {
  async function open(options: PageOptions = {}) {
    const server = await startScriptedServer([], ['NEW']);
    onTestFinished(() => server.close());
    const opened = await openPage(browser, server.url, options);
    await expect.poll(() => status(opened.page), soon).toBe('Live');
    return { ...opened, server };
  }

  it('names each with its users in words, the leader and who leaves', async () => {
    const { page, server, complaints } = await open();
    server.cluster([
      nodeOf('r1', { leader: true }),
      nodeOf('r2', { connections: 5, users: 2, anonymous: 1 }),
      nodeOf('<b>r3</b>', { state: 'draining', connections: 0, anonymous: 0 }),
    ]);
    await expect
      .poll(() => shown(page), soon)
      .toEqual(['r1 1 user leader', 'r2 3 users on 5 connections', '<b>r3</b> 0 users draining']);
    server.cluster([nodeOf('r1', { connections: 2, anonymous: 2 }), nodeOf('r2', { leader: true })]);
    await expect.poll(() => shown(page), soon).toEqual(['r1 2 users', 'r2 1 user leader']);
    expect(complaints).toEqual([]);
  });

  it('does not move what is below it or beside it as it changes', async () => {
    const { page, server } = await open();
    const top = async () => (await page.locator('main').boundingBox())?.y;
    const places = () =>
      strip(page)
        .getByRole('listitem')
        .evaluateAll((all) => all.map((one) => one.getBoundingClientRect().x));
    const before = await top();
    server.cluster([nodeOf('r1', { leader: true }), nodeOf('r2'), nodeOf('r3')]);
    await expect.poll(() => shown(page), soon).toHaveLength(3);
    const first = await places();
    server.cluster([
      nodeOf('r1', { connections: 12, anonymous: 12 }),
      nodeOf('r2', { leader: true }),
      nodeOf('r3'),
    ]);
    await expect.poll(() => shown(page), soon).toContain('r1 12 users');
    expect([await top(), await places()]).toEqual([before, first]);
  });

  it('says that what it shows is old while the page has no connection', async () => {
    const { page, server } = await open({ random: 0.9 });
    server.cluster([nodeOf('r1')]);
    await expect.poll(() => shown(page), soon).toEqual(['r1 1 user']);
    await expect.poll(() => strip(page).innerText(), soon).not.toContain('as last heard');
    server.refuse({ code: 4301, name: 'origin_not_allowed', message: 'not from this page', retry: 'never' });
    await expect.poll(() => strip(page).innerText(), soon).toContain('as last heard');
    expect(await shown(page)).toEqual(['r1 1 user']);
  });

  it.each([
    ['light', 1280],
    ['dark', 360],
  ] as const)(
    'has no serious accessibility violation in %s at %i pixels, and fits',
    async (colorScheme, width) => {
      const { page, server } = await open({ colorScheme, viewport: { width, height: 800 } });
      server.cluster(Array.from({ length: 6 }, (_, n) => nodeOf(`replica-${n}`, { leader: n === 1 })));
      await expect.poll(() => shown(page), soon).toHaveLength(6);
      expect(await violationsOf(page)).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    },
  );
});

/** Keeps when the strip said what, by this machine's clock. */
async function watchStrip(page: Page) {
  const seen = await strip(page).evaluateHandle((element) => {
    const texts: { at: number; text: string }[] = [];
    const note = (): void => void texts.push({ at: Date.now(), text: element.textContent });
    note();
    new MutationObserver(note).observe(element, { subtree: true, childList: true, characterData: true });
    return texts;
  });
  return {
    /** When it first said so at that moment or later; null while it did not. */
    saidAt: async (from: number, fits: (text: string) => boolean): Promise<number | null> =>
      (await seen.jsonValue()).find(({ at, text }) => at >= from && fits(text))?.at ?? null,
  };
}

async function openLive(url: string): Promise<Page> {
  const { page } = await openPage(browser, url);
  await expect.poll(() => status(page), soon).toBe('Live');
  return page;
}

describe('the strip on true replicas', () => {
  it(
    'changes within a second of a tab that opens or closes, and tells within two that a replica was killed',
    async () => {
      const cluster = await startCluster({ replicas: 3 });
      onTestFinished(() => cluster.stop());
      const page = await openLive(cluster.url);
      await expect.poll(() => shown(page), soon).toHaveLength(3);
      await expect.poll(() => usersShown(page), soon).toBe(1);
      expect((await shown(page)).filter((text) => text.includes('leader'))).toHaveLength(1);

      const watched = await watchStrip(page);
      const users = (text: string): number =>
        [...text.matchAll(/(\d+) users?/g)].reduce((sum, [, count]) => sum + Number(count), 0);
      const tabs: Page[] = [];
      for (let open = 2; open <= 5; open++) {
        const tab = await openLive(cluster.url);
        const liveAt = Date.now();
        tabs.push(tab);
        await expect.poll(() => usersShown(page), soon).toBe(open);
        const saidAt = await watched.saidAt(0, (text) => users(text) === open);
        expect((saidAt ?? Infinity) - liveAt).toBeLessThan(1_000);
        // The tab itself knew of everybody at once.
        await expect.poll(() => usersShown(tab), soon).toBe(open);
      }
      const [closed] = tabs.splice(0, 1);
      const closedAt = Date.now();
      await closed?.close();
      await expect.poll(() => usersShown(page), soon).toBe(4);
      expect(
        ((await watched.saidAt(closedAt, (text) => users(text) === 4)) ?? Infinity) - closedAt,
      ).toBeLessThan(1_000);

      const serving = await servedBy(page);
      const victim = cluster.replicas.find(({ node }) => node !== serving);
      const killedAt = Date.now();
      await victim?.kill('SIGKILL');
      await expect.poll(() => shown(page), soon).toHaveLength(2);
      const toldAt = await watched.saidAt(killedAt, (text) => !text.includes(victim?.node ?? ''));
      expect((toldAt ?? Infinity) - killedAt).toBeLessThan(2_000);
      // Its tabs are back on the others.
      await expect.poll(() => usersShown(page), soon).toBe(4);
      await victim?.restart();
      await expect.poll(() => shown(page), soon).toHaveLength(3);
    },
    slowMs,
  );

  it(
    'is there on one machine too, and tells of a worker that is killed and forked again',
    async () => {
      const cluster = await startEmbeddedCluster({ WORKERS: '2' });
      onTestFinished(() => cluster.close());
      const page = await openLive(cluster.url);
      await expect.poll(() => usersShown(page), soon).toBe(1);
      const tab = await openLive(cluster.url);
      await expect.poll(() => usersShown(page), soon).toBe(2);
      await tab.close();
      await expect.poll(() => usersShown(page), soon).toBe(1);
      expect(await shown(page)).toHaveLength(2);
      const watched = await watchStrip(page);
      const serving = await servedBy(page);
      const names = (await shown(page)).map((text) => text.split(' ', 1)[0]);
      const other = names.find((node) => node !== serving) ?? '';
      const killedAt = Date.now();
      cluster.kill(other);
      const gone = () => watched.saidAt(killedAt, (text) => !text.includes(other));
      await expect.poll(gone, soon).not.toBeNull();
      expect(((await gone()) ?? Infinity) - killedAt).toBeLessThan(2_000);
      await expect.poll(() => shown(page), soon).toHaveLength(2);
    },
    slowMs,
  );
});
