/** What every experiment is given, and how it starts what it measures. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeArgs as shippedNodeArgs } from '../../../scripts/lib/server-program.mjs';
import type { CalledProcess } from '../child-calls.ts';
import { startCalled } from '../child-calls.ts';
import type { DriverCalls, Tally } from '../driver/driver-calls.ts';
import { median } from '../statistics.ts';
import type { ServerCalls, StartRequest } from '../peers/server-calls.ts';
import type { DriverState, Round } from '../results.ts';
import type { Result, Row } from '../rows.ts';

/** How long a run may take to arrive, in milliseconds. */
export const arriveWithinMs = 60_000;

/** One run, as its experiments see it: the driver, how much is to be done, and where results go. */
export interface Bench {
  readonly driver: CalledProcess<DriverCalls>;
  /** Less of everything, for CI. */
  readonly quick: boolean;
  readonly rounds: number;
  /** Where CPU profiles of the servers go; they cost time themselves. */
  readonly profiles: string | null;
  startServer(request: StartRequest, nodeArgs?: readonly string[]): Promise<Server>;
  /** Prints the result of a row and returns it. */
  report(row: Row, rounds: readonly Round[]): Result;
  /** Adds a line below the table. */
  note(line: string): void;
  /** How late and how busy the driver was in an experiment. */
  noteDriver(experiment: string, tallies: readonly Tally[]): void;
}

/** A peer in a process of its own that listens at 127.0.0.1. Its calls reject once it has ended. */
export interface Server {
  readonly port: number;
  readonly pid: number;
  readonly calls: CalledProcess<ServerCalls>['calls'];
  close(): Promise<void>;
}

/** The bundles of the processes that run peers. */
export interface PeerPrograms {
  node: string;
  bun: string;
}

/** Resolves when the peer listens. Rejects if it cannot; its process has ended then. */
export async function startServer(
  programs: PeerPrograms,
  request: StartRequest,
  nodeArgs: readonly string[],
): Promise<Server> {
  // Ours runs as it is shipped.
  const shippedArgs = request.peer.startsWith('our') ? shippedNodeArgs : [];
  const started =
    request.peer === 'bun'
      ? startCalled<ServerCalls>(programs.bun, { execPath: bunPath() })
      : startCalled<ServerCalls>(programs.node, { nodeArgs: [...shippedArgs, ...nodeArgs] });
  try {
    const port = await started.calls.start(request);
    return { port, pid: started.pid, calls: started.calls, close: () => started.close() };
  } catch (error) {
    await started.close();
    throw error;
  }
}

/** Bun comes as a package per machine, of which npm installs the one that fits. */
function bunPath(): string {
  const folder = fileURLToPath(new URL('../node_modules/@oven', import.meta.url));
  const [packageName = ''] = readdirSync(folder);
  return join(folder, packageName, 'bin/bun');
}

/** What the driver was like over these rounds. */
export function driverState(experiment: string, tallies: readonly Tally[]): DriverState {
  return {
    experiment,
    lagP99: median(tallies.map(({ lagP99 }) => lagP99)),
    busy: median(tallies.map(({ busy }) => busy)),
  };
}

/** Throws if a tally is no result: something was missing, came twice or was not asked for. */
export function assertClean(what: string, tally: Tally): void {
  const { gaps, repeats, strays, closed } = tally;
  if (gaps + repeats + strays + closed > 0)
    throw new Error(`${what} is no result: ${JSON.stringify({ gaps, repeats, strays, closed })}`);
}
