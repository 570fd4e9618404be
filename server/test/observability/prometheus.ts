/** A real Prometheus beside a test. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startChild, type Child } from '../../../scripts/lib/child.mjs';
import { freePort } from '../../../scripts/lib/free-port.mjs';

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
