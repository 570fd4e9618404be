/** The files in observability/ as the tests read them: what is asked of Prometheus, and which figures that names. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const folder = join(import.meta.dirname, '../../../observability');
export const prometheusFolder = join(folder, 'prometheus');

interface Panel {
  title: string;
  type: string;
  description?: string;
  datasource?: { uid: string };
  targets?: { expr: string; datasource: { uid: string } }[];
}

interface Board {
  uid: string;
  panels: Panel[];
  templating: { list: { query: { query: string } }[] };
  annotations: { list: { expr: string }[] };
}

const read = (path: string): string => readFileSync(join(folder, path), 'utf8');

export const board = JSON.parse(read('grafana/dashboards/tickwire.json')) as Board;
export const datasource = read('grafana/provisioning/datasources/prometheus.yml');
export const boards = read('grafana/provisioning/dashboards/tickwire.yml');
export const prometheusConfig = read('prometheus/prometheus.yml');

/** What Grafana puts in the place of its variables. */
const filledIn = (expr: string): string =>
  expr.replaceAll('$__rate_interval', '1m').replaceAll('$node', '.*');

/** Every query of the board's panels, as it reaches Prometheus. */
export const boardQueries: readonly { title: string; expr: string }[] = board.panels.flatMap(
  ({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr: filledIn(expr) })),
);

/** Those that are not drawn: marks on the time axis, and what the list of replicas is made of. */
export const otherQueries: readonly string[] = [
  ...board.annotations.list.map(({ expr }) => filledIn(expr)),
  ...board.templating.list.map(
    ({ query }) => /^label_values\((\w+), \w+\)$/.exec(query.query)?.[1] ?? 'not a query that is known',
  ),
];

/** The rules by name; each expression has a line. */
export const alerts: readonly { name: string; expr: string }[] = [
  ...read('prometheus/alerts.yml').matchAll(/^ +- alert: (\w+)\n +expr: (.+)$/gm),
].map(([, name = '', expr = '']) => ({ name, expr }));

/** The figures that a text names, without those that Prometheus makes itself. */
export function figuresIn(text: string): string[] {
  return [...new Set(text.match(/\b(?:tickwire|socket|nodejs|process)_\w+/g) ?? [])];
}
