/** The strip of the replicas on the page, against a scripted server. page.test.ts shows it on true replicas. */
import { describe, expect, it, onTestFinished } from 'vitest';
import type { NodeStatistics } from '../../protocol/index.ts';
import { violationsInBothThemes } from './accessibility.ts';
import {
  openPage,
  replicasShown as shown,
  soon,
  startBrowserForFile,
  status,
  strip,
  type PageOptions,
} from './browser.ts';
import { startScriptedServer } from './scripted-server.ts';

const browser = startBrowserForFile();

function nodeOf(node: string, more: Partial<NodeStatistics> = {}): NodeStatistics {
  const counts = { connections: 1, users: 0, anonymous: 1 };
  return { node, state: 'serving', leader: false, uptimeMs: 1_000, ...counts, ...more };
}

describe('the strip of the replicas', () => {
  async function open(options: PageOptions = {}) {
    const server = await startScriptedServer([], ['NEW']);
    onTestFinished(() => server.close());
    const opened = await openPage(browser(), server.url, options);
    await expect.poll(() => status(opened.page), soon).toBe('Live');
    return { ...opened, server };
  }

  it('names each replica with its users, and marks the leader and a draining one', async () => {
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

  it('says that its replicas are as last heard while the page has no connection', async () => {
    const { page, server } = await open({ random: 0.9 });
    server.cluster([nodeOf('r1')]);
    await expect.poll(() => shown(page), soon).toEqual(['r1 1 user']);
    await expect.poll(() => strip(page).innerText(), soon).not.toContain('as last heard');
    server.refuse({ code: 4301, name: 'origin_not_allowed', message: 'not from this page', retry: 'never' });
    await expect.poll(() => strip(page).innerText(), soon).toContain('as last heard');
    expect(await shown(page)).toEqual(['r1 1 user']);
  });

  it('has no serious accessibility violation, and fits 1280 and 360 pixels', async () => {
    const { page, server } = await open();
    server.cluster(Array.from({ length: 6 }, (_, n) => nodeOf(`replica-${n}`, { leader: n === 1 })));
    await expect.poll(() => shown(page), soon).toHaveLength(6);
    for (const width of [1280, 360]) {
      await page.setViewportSize({ width, height: 800 });
      expect(await violationsInBothThemes(page)).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    }
  });
});
