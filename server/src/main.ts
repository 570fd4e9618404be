/**
 * The process edge: the environment and the exit code. What runs with a good configuration takes longer to load than a bad one takes to
 * be told of, and is loaded after it.
 */
import { readFileSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import process from 'node:process';
import { parseEnv } from 'node:util';
import { parseConfig, type Environment } from './config.ts';

/** `.env` and `.env.<NODE_ENV>` in the working directory, where they exist; the environment itself comes first. */
function readEnvironment(): Environment {
  const mode = process.env['NODE_ENV'];
  return {
    ...readEnvFile('.env'),
    ...(mode !== undefined && mode !== '' && readEnvFile(`.env.${mode}`)),
    ...process.env,
  };
}

function readEnvFile(path: string): Environment {
  try {
    return parseEnv(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
    throw new Error(`${path} cannot be read`, { cause: error });
  }
}

/** Before the end of the process, which would not wait for a stream. */
function say(lines: readonly string[]): void {
  try {
    writeSync(2, `${lines.join('\n')}\n`);
  } catch {
    // Nobody is there to be told.
  }
}

async function main(): Promise<void> {
  const parsed = parseConfig(readEnvironment(), `${hostname()}-${process.pid}`);
  if (!parsed.ok) {
    say([
      'Tickwire cannot start with this configuration:',
      ...[...parsed.problems, ...parsed.warnings].map((line) => `  ${line}`),
    ]);
    process.exit(1);
  }
  const { run } = await import('./run.ts');
  await run({ ...parsed, say });
}

main().catch((error: unknown) => {
  say([`Tickwire cannot start: ${error instanceof Error ? error.message : String(error)}`]);
  process.exit(1);
});
