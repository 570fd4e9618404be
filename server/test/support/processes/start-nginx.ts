/**
 * Starts a real Nginx in front of given replicas, as a plain process with its files in a temporary folder. What the replicas
 * answer is left to others.
 */
import { chmod, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CertificatePaths } from '../../../../scripts/lib/certificate.mjs';
import { assertPortFree, freePort } from './free-port.ts';
import { hostInUrl, type NginxConfig, renderNginx } from './render-nginx.ts';
import type { Child, Exit } from './start-child.ts';
import { type Program, startProgram } from './start-program.ts';

/** Debian installs Nginx in a folder that only root's PATH has. */
const programFolders = '/usr/sbin:/usr/local/sbin:/usr/local/bin:/opt/homebrew/bin';
const startDeadlineMs = 10_000;
const graceMs = 5_000;

/** Nginx' master process. SIGKILL ends its workers too. */
export interface NginxServer extends Program {
  readonly port: number;
  readonly url: string;
  /** Null without TLS. */
  readonly tlsUrl: string | null;
  /** Reloads with other replicas. Resolves when new workers have taken over; rejects with Nginx' error when it kept the old ones. */
  setReplicas(replicas: NginxConfig['replicas']): Promise<void>;
}

/** Ports are free ones by default. */
export interface NginxOptions extends Omit<NginxConfig, 'port' | 'tls' | 'dir'> {
  port?: number | undefined;
  tls?: (CertificatePaths & { port?: number }) | undefined;
  logFile?: string | undefined;
  /** Fires when Nginx ends and no caller of this handle ended it. */
  onExit?: (exit: Exit) => void;
}

/**
 * Starts Nginx and resolves when it accepts connections. Rejects with a sentence for people when the program is missing, a
 * port is taken or the configuration is invalid.
 */
export async function startNginx(options: NginxOptions): Promise<NginxServer> {
  const { host = '127.0.0.1', logFile, onExit, ...config } = options;
  const port = options.port ?? (await freePort(host));
  const tls = options.tls && { ...options.tls, port: options.tls.port ?? (await freePort(host)) };
  const dir = await mkdtemp(join(tmpdir(), 'tickwire-nginx-'));
  await chmod(dir, 0o755); // The workers of a root's Nginx run as nobody.
  const configPath = join(dir, 'nginx.conf');
  let { replicas } = options;
  let child: Child | null = null;

  const writeConfig = async (): Promise<void> =>
    writeFile(configPath, await renderNginx({ ...config, host, port, tls, dir, replicas }));

  const program = await startProgram({
    launch: async () => {
      for (const own of tls === undefined ? [port] : [port, tls.port]) await assertPortFree(own, host);
      await writeConfig();
      return {
        name: 'Nginx',
        command: 'nginx',
        debianPackage: 'nginx-light',
        args: ['-p', dir, '-e', 'stderr', '-c', configPath],
        env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:${programFolders}` },
        logFile,
      };
    },
    folder: dir,
    untilReady: (started) => {
      child = started;
      return started.until(() => workersStarted(started.logs()) > 0, {
        what: 'running',
        withinMs: startDeadlineMs,
      });
    },
    stopSignal: 'SIGTERM',
    graceMs,
    onExit,
  });

  const reachableHost = host === '' || host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  const name = hostInUrl(reachableHost);
  return Object.assign(program, {
    port,
    url: `http://${name}:${port}`,
    tlsUrl: tls === undefined ? null : `https://${name}:${tls.port}`,
    setReplicas: async (next: NginxConfig['replicas']) => {
      replicas = next;
      await writeConfig();
      if (child === null) throw new Error('Nginx is not running');
      await reload(child);
    },
  });
}

async function reload(child: Child): Promise<void> {
  const before = child.logged();
  const news = (): string[] => child.logs(before);
  await child.kill('SIGHUP');
  await child.until(
    () => {
      const refused = news().find((line) => line.includes('[emerg]'));
      if (refused !== undefined) throw new Error(`Nginx kept its configuration: ${refused}`);
      // The old workers accept until they are told to stop, about 100 ms after the new ones started.
      const started = workersStarted(news());
      return started > 0 && count(news(), 'gracefully shutting down') >= started;
    },
    { what: 'reloaded', withinMs: startDeadlineMs },
  );
}

const workersStarted = (lines: string[]): number => count(lines, 'start worker process ');

function count(lines: string[], words: string): number {
  return lines.filter((line) => line.includes(words)).length;
}
