/**
 * For tests: a project in a temporary folder with the true scripts and quick stand-ins for npm, tsc, Vite and the server, which
 * record what they were asked to do and hang or fail where they are told to.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const scripts = fileURLToPath(new URL('..', import.meta.url));

/** A step that may be told to hang or to fail. */
export type Step = 'npm' | 'tsc' | 'vite';

export interface Run {
  child: ChildProcess;
  /** What it wrote so far, both streams. */
  output(): string;
  /** The exit code; null when a signal ended it. */
  ended: Promise<number | null>;
}

export interface SmallProject {
  root: string;
  /**
   * Starts a script of `scripts/`. In `env`, HANGS names a step that never ends, STUBBORN one that ignores TERM too, FAILS one
   * that fails, and GATE one that goes on once there is a file `open`.
   */
  run(script: string, env?: Record<string, string>): Run;
  /** What the stand-ins were asked to do, one line each, oldest first. */
  asked(): string[];
  /** Process numbers that hanging steps, and what they started, wrote down. */
  hanging(): number[];
  remove(): void;
}

const record = 'echo "$(basename "$0") $*" >> "$PROJECT/asked"';
const hang = `
while [ "$GATE" = "$(basename "$0")" ] && [ ! -e "$PROJECT/open" ]; do sleep 0.02; done
if [ "$HANGS" = "$(basename "$0")" ] || [ "$STUBBORN" = "$(basename "$0")" ]; then
  [ -z "$STUBBORN" ] || trap '' TERM
  sleep 600 &
  echo "$$ $!" >> "$PROJECT/hanging"
  wait
  wait
fi
if [ "$FAILS" = "$(basename "$0")" ]; then echo "the reason of the failure" >&2; exit 3; fi`;
const standIns = {
  'bin/npm': `${hang}
mkdir -p "$PROJECT/node_modules/a"
cp -r "$PROJECT/kept/.bin" "$PROJECT/node_modules/"
echo {} > "$PROJECT/node_modules/a/package.json"
cp "$PROJECT/package-lock.json" "$PROJECT/node_modules/.package-lock.json"`,
  'kept/.bin/tsc': `
mkdir -p "$PROJECT/dist/server/src"
cp "$PROJECT/server/src/main.ts" "$PROJECT/dist/server/src/main.js"${hang}`,
  'kept/.bin/vite': `
mkdir -p "$PROJECT/dist/client"
echo '<html>' > "$PROJECT/dist/client/index.html"${hang}`,
};
const server = `
process.on('SIGTERM', () => { console.log('drained'); process.exit(0); });
console.log('live with', process.env.LOG_LEVEL, process.env.NODE_ENV, process.pid);
if (process.env.EXIT) process.exit(Number(process.env.EXIT));
setTimeout(() => {}, 600_000);
`;

/** Everything in it is new: nothing is installed or built. */
export function createSmallProject(): SmallProject {
  const root = mkdtempSync(join(tmpdir(), 'tickwire-project-'));
  cpSync(scripts, join(root, 'scripts'), { recursive: true, filter: (path) => !path.endsWith('.ts') });
  const put = (path: string, content: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content, { mode: 0o755 });
  };
  for (const [path, content] of Object.entries(standIns)) put(path, `#!/bin/sh\n${record}${content}\n`);
  put('package.json', '{ "type": "module" }');
  put('package-lock.json', '{ "packages": { "": {}, "node_modules/a": { "version": "1.0.0" } } }');
  put('server/src/main.ts', server);

  const lines = (path: string) =>
    existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8').trim().split('\n') : [];

  return {
    root,
    run(script, env = {}) {
      const child = spawn(process.execPath, [join(root, 'scripts', script)], {
        env: { PATH: `${root}/bin:${process.env['PATH']}`, PROJECT: root, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let output = '';
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (bytes) => (output += String(bytes)));
      return {
        child,
        output: () => output,
        ended: new Promise((resolve) => child.once('close', resolve)),
      };
    },
    asked: () => lines('asked'),
    hanging: () => lines('hanging').flatMap((line) => line.split(' ').map(Number)),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** False for a process that is gone, and for one that has ended and only waits to be reaped. */
export function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const stat = `/proc/${pid}/stat`;
  return !existsSync(stat) || !/^\d+ \(.*\) [ZX]/s.test(readFileSync(stat, 'utf8'));
}
