/**
 * Figures of one process for Prometheus: prom-client with a registry of its own, `node` on every line. Knows no business
 * words. A figure that changes too often to be told of is read when somebody asks.
 */
import { AggregatorRegistry, collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import { createHistogram, type Note } from './histogram.ts';

/** What a figure is called, and a sentence for people. */
export interface Figure {
  name: string;
  help: string;
}

/** `add` counts up by `by`, 1 where absent; `label` is the value of the figure's label, where it has one. */
export interface CounterFigure<L extends string = string> {
  add(by?: number, label?: L): void;
}

type Collected = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

/**
 * The figures of one process, each begun once: a second one of the same name throws. Each `read` is asked at each `collect` and
 * `text`.
 */
export interface Metrics {
  /**
   * With `label`, counts apart for each of `values`, which are there from the start at 0: of a series that begins at 1 nobody
   * sees it rise. With `read`, is read when somebody asks, and never told.
   */
  counter: <L extends string>(
    figure: Figure & ({ label: string; values: readonly L[] } | { label?: never; read?: () => number }),
  ) => CounterFigure<L>;
  /** Several of `read` under one name, told apart by the label's values. */
  counters: <L extends string>(figure: Figure & { label: string; read: Record<L, () => number> }) => void;
  /** A figure that rises and falls; read when somebody asks. */
  gauge: (figure: Figure & { read: () => number }) => void;
  /** How values are spread over the buckets' upper bounds. Gives the function that notes one. */
  histogram: (figure: Figure & { buckets: readonly number[] }) => Note;
  /** Several under one name: gives what begins one, with the label's value. */
  histograms: (figure: Figure & { buckets: readonly number[]; label: string }) => (value: string) => Note;
  /** Everything in a form that travels as JSON to the `text` of another process. */
  collect(): Promise<unknown>;
  /** Everything in Prometheus' text form, together with what others collected. */
  text(others?: readonly unknown[]): Promise<string>;
  readonly contentType: string;
}

/** How often the lag of the event loop is measured: each look wakes the process, which every 10 ms took 0.5 % of a core. */
const lagLookMs = 100;

/** Has what prom-client knows of every Node process from the start: memory, collections, the event loop's lag. */
export function createMetrics({ node }: { node: string }): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ node });
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: lagLookMs });
  const registers = [registry];

  const collect = (): Promise<Collected> => registry.getMetricsAsJSON();

  return {
    counter: ({ name, help, ...rest }) => {
      if (rest.label !== undefined) {
        const { label, values } = rest;
        const counter: Counter = new Counter({ name, help, registers, labelNames: [label] });
        for (const value of values) counter.inc({ [label]: value }, 0);
        return { add: (by = 1, value) => counter.inc({ [label]: value ?? '' }, by) };
      }
      const { read } = rest;
      const counter = new Counter({
        name,
        help,
        registers,
        ...(read !== undefined && {
          collect(): void {
            counter.reset();
            counter.inc(read());
          },
        }),
      });
      return { add: (by = 1) => counter.inc(by) };
    },
    counters: ({ name, help, label, read }) => {
      const reads = Object.entries<() => number>(read);
      const counter: Counter = new Counter({
        name,
        help,
        registers,
        labelNames: [label],
        collect: () => {
          counter.reset();
          for (const [value, one] of reads) counter.inc({ [label]: value }, one());
        },
      });
    },
    gauge: ({ name, help, read }) => {
      const gauge: Gauge = new Gauge({ name, help, registers, collect: () => gauge.set(read()) });
    },
    histogram: (figure) => createHistogram({ ...figure, registry })(),
    histograms: (figure) => createHistogram({ ...figure, registry }),
    collect,
    text: async (others = []) => {
      if (others.length === 0) return registry.metrics();
      // Every line names its node, so nothing is added up; other ways to merge would drop lines.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- both ends are of one build: this is what `collect` gave
      const all = [await collect(), ...(others as Collected[])].map((figures) =>
        figures.map((figure) => ({ ...figure, aggregator: 'sum' as const })),
      );
      return AggregatorRegistry.aggregate(all).metrics();
    },
    contentType: registry.contentType,
  };
}
