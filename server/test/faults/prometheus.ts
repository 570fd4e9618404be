/** A real Prometheus, and Prometheus' own checker, for tests. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startChild, type Child } from '../support/processes/start-child.ts';
import { freePort } from '../support/processes/free-port.ts';
import { prometheusConfig, prometheusFolder } from '../observability/files.ts';

/** Starts it with that configuration in that folder, where its data goes too; whoever starts it ends it. */
export async function startPrometheus(
  folder: string,
  config: string,
): Promise<{ url: string; child: Child }> {
  const file = join(folder, 'prometheus.yml');
  writeFileSync(file, config);
  const address = `127.0.0.1:${await freePort()}`;
  const child = await startChild({
    name: 'Prometheus',
    command: 'prometheus',
    args: [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${address}`,
    ],
    folder,
  });
  return { url: `http://${address}`, child };
}

/** One line of an answer to a query. */
export interface Sample {
  metric: Record<string, string>;
  value: [at: number, value: string];
}

/** The samples of an expression at this moment; throws if Prometheus rejects the expression. */
export async function queryPrometheus(url: string, expr: string): Promise<Sample[]> {
  const answer = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(expr)}`);
  const { error, data } = (await answer.json()) as { error?: string; data?: { result: Sample[] } };
  if (data === undefined) throw new Error(`${expr}: ${error}`);
  return data.result;
}

/** The project's configuration for these replicas, asked that often: no name stands for them outside of containers. */
export function configFor(targets: readonly string[], interval: string): string {
  return prometheusConfig
    .replace(
      /dns_sd_configs:.*?\n +- \{.*?\}\n/s,
      `static_configs: [{ targets: ${JSON.stringify(targets)} }]\n`,
    )
    .replaceAll('interval: 5s', `interval: ${interval}`);
}

/** Runs promtool, in the folder of the project's rules by default; gives its exit code and all that it printed. */
export function promtool(
  args: readonly string[],
  { cwd = prometheusFolder, input = '' } = {},
): { status: number | null; said: string } {
  const { status, stdout, stderr } = spawnSync('promtool', args, { cwd, input, encoding: 'utf8' });
  return { status, said: `${stdout}${stderr}` };
}
