/** What every experiment is given, and how it starts what it measures. */
import { nodeArgs as shippedNodeArgs } from '../../../scripts/lib/server-program.mjs';
import type { CalledProcess } from '../child-calls.ts';
import { startCalled } from '../child-calls.ts';
import type { DriverCalls, Tally } from '../driver/driver-calls.ts';
import { median } from '../median.ts';
import type { ServerCalls, StartRequest } from '../peers/server-calls.ts';
import type { DriverState, Round } from '../results.ts';
import type { Result, Row } from '../rows.ts';

/** How long a run may take to arrive, in milliseconds. */
export const arriveWithinMs = 60_000;

/** One run, as its experiments see it: the driver, how much is to be done, and where to put what came out. */
export interface Bench {
  readonly driver: CalledProcess<DriverCalls>;
  /** Less of everything, for CI. */
  readonly quick: boolean;
  readonly rounds: number;
  /** Where CPU profiles of the servers go; they cost time themselves. */
  readonly profiles: string | null;
  startServer(request: StartRequest, nodeArgs?: readonly string[]): Promise<Server>;
  /** Gives the result of a row, and tells it. */
  report(row: Row, rounds: readonly Round[]): Result;
  /** Tells what stands behind a row. */
  note(line: string): void;
  /** The driver's own figures of an experiment. */
  noteDriver(experiment: string, tallies: readonly Tally[]): void;
}

/** A peer in a process of its own that listens at 127.0.0.1. Its calls reject once it has ended. */
export interface Server {
  readonly port: number;
  readonly pid: number;
  readonly calls: CalledProcess<ServerCalls>['calls'];
  close(): Promise<void>;
}

/** Resolves when the peer listens. Rejects where it cannot, and has ended its process then. */
export async function startServer(
  program: string,
  request: StartRequest,
  nodeArgs: readonly string[],
): Promise<Server> {
  // Ours runs as it is shipped.
  const shippedArgs = request.peer === 'ours' || request.peer === 'our replica' ? shippedNodeArgs : [];
  const started = startCalled<ServerCalls>(program, { nodeArgs: [...shippedArgs, ...nodeArgs] });
  try {
    const port = await started.calls.start(request);
    return { port, pid: started.pid, calls: started.calls, close: () => started.close() };
  } catch (error) {
    await started.close();
    throw error;
  }
}

/** What the driver was like over these rounds. */
export function driverState(experiment: string, tallies: readonly Tally[]): DriverState {
  return {
    experiment,
    lagP99: median(tallies.map(({ lagP99 }) => lagP99)),
    busy: median(tallies.map(({ busy }) => busy)),
  };
}

/** Throws where a tally is no result: something was missing, came twice or was not asked for. */
export function assertClean(what: string, tally: Tally): void {
  const { gaps, repeats, strays, closed } = tally;
  if (gaps + repeats + strays + closed > 0)
    throw new Error(`${what} is no result: ${JSON.stringify({ gaps, repeats, strays, closed })}`);
}
