/** The page of the API in Chromium: styled under the strict content security policy, and clean for who cannot see it. */
import { expect, it, onTestFinished } from 'vitest';
import { startEmbeddedCluster } from '../support/embedded-cluster.ts';
import { violationsOf } from './accessibility.ts';
import { launchBrowser, openPage } from './browser.ts';

it('the page of the API is styled, leads to each call and complains of nothing', async () => {
  const [browser, cluster] = await Promise.all([launchBrowser(), startEmbeddedCluster()]);
  onTestFinished(() => cluster.close());
  onTestFinished(() => browser.close());
  const { page, complaints } = await openPage(browser, new URL('/api/docs', cluster.url).href);
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
