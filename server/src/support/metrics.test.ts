import { describe, expect, it } from 'vitest';
import { createMetrics } from './metrics.ts';

function linesOf(text: string, name: string): string[] {
  return text.split('\n').filter((line) => line.startsWith(name));
}

describe('metrics', () => {
  it('names the node on every line, the process figures too', async () => {
    const metrics = createMetrics({ node: 'n1' });
    const text = await metrics.text();
    expect(linesOf(text, 'process_resident_memory_bytes')).toEqual([
      expect.stringMatching(/^process_resident_memory_bytes\{node="n1"\} \d+$/),
    ]);
    expect(metrics.contentType).toMatch(/^text\/plain; version=0\.0\.4/);
  });

  it('counts, apart by label, and reads what is read', async () => {
    const metrics = createMetrics({ node: 'n1' });
    const reasons = { label: 'reason', values: ['epoch', 'once', 'generation'] } as const;
    const refusals = metrics.counter({ name: 'refusals_total', help: 'Refusals.', ...reasons });
    refusals.add(1, 'epoch');
    refusals.add(2, 'epoch');
    refusals.add(1, 'once');
    let sent = 5;
    metrics.counter({ name: 'sent_total', help: 'Sent.', read: () => sent });
    metrics.gauge({ name: 'active', help: 'Active.', read: () => sent * 2 });
    const paths = { label: 'path', read: { fast: () => sent * 3, slow: () => 1 } };
    metrics.counters({ name: 'writes_total', help: 'Writes.', ...paths });
    await metrics.text();
    sent = 7;
    const text = await metrics.text();
    expect(linesOf(text, 'refusals_total').toSorted()).toEqual([
      'refusals_total{reason="epoch",node="n1"} 3',
      'refusals_total{reason="generation",node="n1"} 0',
      'refusals_total{reason="once",node="n1"} 1',
    ]);
    expect(linesOf(text, 'sent_total')).toEqual(['sent_total{node="n1"} 7']);
    expect(linesOf(text, 'active')).toEqual(['active{node="n1"} 14']);
    expect(linesOf(text, 'writes_total')).toEqual([
      'writes_total{path="fast",node="n1"} 21',
      'writes_total{path="slow",node="n1"} 1',
    ]);
  });

  it('spreads values over buckets, a value on a bound below it, apart by label', async () => {
    const metrics = createMetrics({ node: 'n1' });
    const note = metrics.histogram({ name: 'frames', help: 'Frames.', buckets: [1, 2] });
    note(1);
    note(1.5);
    note(20, 3);
    const begin = metrics.histograms({ name: 'age', help: 'Age.', buckets: [0.5], label: 'hop' });
    const [source] = [begin('source'), begin('write')];
    source(0.25);
    const text = await metrics.text();
    expect(linesOf(text, 'frames')).toEqual([
      'frames_bucket{le="1",node="n1"} 1',
      'frames_bucket{le="2",node="n1"} 2',
      'frames_bucket{le="+Inf",node="n1"} 5',
      'frames_sum{node="n1"} 62.5',
      'frames_count{node="n1"} 5',
    ]);
    expect(linesOf(text, 'age')).toEqual([
      'age_bucket{le="0.5",hop="source",node="n1"} 1',
      'age_bucket{le="+Inf",hop="source",node="n1"} 1',
      'age_sum{hop="source",node="n1"} 0.25',
      'age_count{hop="source",node="n1"} 1',
      'age_bucket{le="0.5",hop="write",node="n1"} 0',
      'age_bucket{le="+Inf",hop="write",node="n1"} 0',
      'age_sum{hop="write",node="n1"} 0',
      'age_count{hop="write",node="n1"} 0',
    ]);
    expect(linesOf(text, '# TYPE age')).toEqual(['# TYPE age histogram']);
  });

  it('tells what other processes collected beside its own, each figure once', async () => {
    const all = ['n1', 'n2', 'n3'].map((node, index) => {
      const metrics = createMetrics({ node });
      metrics.counter({ name: 'sent_total', help: 'Sent.' }).add(index);
      metrics.histogram({ name: 'age', help: 'Age.', buckets: [1] })(index);
      return metrics;
    });
    const others = await Promise.all(all.slice(1).map((metrics) => metrics.collect()));
    const text = await all[0]?.text(JSON.parse(JSON.stringify(others)));
    expect(linesOf(text ?? '', 'sent_total')).toEqual([
      'sent_total{node="n1"} 0',
      'sent_total{node="n2"} 1',
      'sent_total{node="n3"} 2',
    ]);
    expect(linesOf(text ?? '', '# TYPE sent_total')).toHaveLength(1);
    expect(linesOf(text ?? '', 'age_sum')).toHaveLength(3);
    for (const name of ['process_start_time_seconds', 'nodejs_version_info', 'nodejs_eventloop_lag_seconds'])
      expect(linesOf(text ?? '', `${name}{`)).toHaveLength(3);
  });
});
