/** What the compose tests ask of Docker: one project of our own, and the programs that answer. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../..', import.meta.url));

/** The name of the project that the script around these tests removes at its end, whatever happened. */
export const project = process.env['COMPOSE_PROJECT_NAME'] ?? '';

/** Services of the observability profile whose images that script found. */
export const optionalServices = (process.env['COMPOSE_TEST_SERVICES'] ?? '').split(' ');

/** Lines of Docker's output that an error shows: a failed build says why some way above its end. */
const shownLines = 60;

/** Runs `docker` with these arguments and gives its output without the last line's end; rejects with what it said. */
export async function docker(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const options = { cwd: root, env: { ...process.env, ...env }, maxBuffer: 64_000_000 };
  try {
    return (await run('docker', args, options)).stdout.trim();
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    const said = `${stdout}\n${stderr}`.trim().split('\n').slice(-shownLines).join('\n');
    throw new Error(`docker ${args.join(' ')} failed:\n${said}`, { cause: error });
  }
}

/** Ids of what Docker calls `kind` and belongs to the project. */
export async function leftOf(kind: 'container' | 'network' | 'volume'): Promise<string[]> {
  const all = kind === 'container' ? ['--all'] : [];
  const ours = `label=com.docker.compose.project=${project}`;
  const found = await docker([kind, 'ls', ...all, '--quiet', '--filter', ours]);
  return found === '' ? [] : found.split('\n');
}
