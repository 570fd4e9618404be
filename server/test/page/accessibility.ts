/** axe-core in the page, with what it found in words. */
import axe from 'axe-core';
import type { Page } from 'playwright-core';

declare global {
  interface Window {
    axe: typeof axe;
  }
}

/** The serious and critical violations, each with the elements that it is about. */
export async function violationsOf(page: Page): Promise<string[]> {
  // Evaluated from outside, where the page's content security policy does not reach.
  await page.evaluate(axe.source);
  const result = await page.evaluate(async () => {
    const { violations } = await window.axe.run();
    return violations.map(({ id, impact, nodes }) => ({
      id,
      impact,
      where: nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`),
    }));
  });
  return result
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, where }) => `${id}: ${where.join('; ')}`);
}
