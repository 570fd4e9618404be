/**
 * What a load run means, from the report that Artillery writes: one table, and remarks where the figures are not to be
 * believed. Pure.
 */

/** From this p99 of the driver's own lag on, in milliseconds, the ages are in part its own. */
const maxDriverLagMs = 100;

/**
 * @typedef {Partial<Record<'min' | 'max' | 'p50' | 'p95' | 'p99' | 'count', number>>} Summary
 * @typedef {object} Aggregate The part of Artillery's report that is read here; a metric that was never measured is absent.
 * @property {Record<string, number>} counters
 * @property {Record<string, Summary>} [summaries]
 * @property {number} [firstHistogramAt] Epoch milliseconds.
 * @property {number} [lastHistogramAt]
 */

/**
 * The lines to print.
 *
 * @param {Aggregate} aggregate
 * @returns {string[]}
 */
export function loadReport({ counters, summaries = {}, firstHistogramAt = 0, lastHistogramAt = 0 }) {
  const count = (/** @type {string} */ name) => counters[name] ?? 0;
  const seconds = (lastHistogramAt - firstHistogramAt) / 1000;
  const ticks = count('tickwire.ticks');
  /** @type {[string, string][]} */
  const rows = [
    ['users', String(count('vusers.created'))],
    ['connected', String(count('tickwire.connected'))],
    ['failed', String(count('vusers.failed'))],
    ['ticks', String(ticks)],
    ['ticks/s', seconds > 0 ? String(Math.round(ticks / seconds)) : '-'],
    ['gaps', String(count('tickwire.gaps'))],
    ['repeats', String(count('tickwire.repeats'))],
    ['strays', String(count('tickwire.strays'))],
    ['tick age ms', quantiles(summaries['tickwire.tick_age'])],
    ['subscribe ack ms', quantiles(summaries['tickwire.subscribe_ack'])],
    ['snapshot ms', quantiles(summaries['tickwire.snapshot'])],
    ['first tick ms', quantiles(summaries['tickwire.first_tick'])],
    ...(summaries['tickwire.back'] ? [back(summaries['tickwire.back'])] : []),
    ['driver lag ms', quantiles(summaries['tickwire.driver_lag'])],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return [
    ...rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`),
    ...failures(counters),
    ...lagRemark(summaries['tickwire.driver_lag']),
  ];
}

/** @param {Summary} summary @returns {[string, string]} */
function back(summary) {
  return ['back again ms', quantiles(summary)];
}

/** @param {Summary | undefined} summary */
function quantiles(summary) {
  if (summary === undefined) return '-';
  const { p50, p95, p99, max } = summary;
  return Object.entries({ p50, p95, p99, max })
    .map(([name, value]) => `${name} ${value === undefined ? '-' : Math.round(value * 10) / 10}`)
    .join('   ');
}

/** @param {Record<string, number>} counters */
function failures(counters) {
  const prefix = 'errors.';
  return Object.entries(counters)
    .filter(([name]) => name.startsWith(prefix))
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, times]) => `  failed ${times} x: ${name.slice(prefix.length)}`);
}

/** @param {Summary | undefined} lag */
function lagRemark(lag) {
  if (lag?.p99 === undefined || lag.p99 <= maxDriverLagMs) return [];
  return [
    `  The driver itself came ${Math.round(lag.p99)} ms late (p99): the ages are in part its own. Use fewer users, or another machine.`,
  ];
}
