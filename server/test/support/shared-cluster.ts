/**
 * The one running cluster that the files of the project `cluster` share: three replicas, Redis and Nginx. A test keeps apart from the
 * others by its own symbols and users. A test that kills, pauses or configures anything starts its own cluster instead.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { inject, onTestFinished } from 'vitest';
import { createRecorder, type Recorder } from './clients/recorder.ts';

/** Symbols that only a push moves. `claimSymbols` hands them out. */
export const pushSymbols: readonly string[] = Array.from({ length: 300 }, (_, index) => `OWN${index + 1}`);

interface SharedClusterInfo {
  url: string;
  redisUrl: string;
  redisPrefix: string;
  replicas: { node: string; url: string; pid: number }[];
  /** A folder with one entry per symbol that a test has claimed. */
  claims: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    sharedCluster: SharedClusterInfo;
  }
}

export interface SharedCluster extends Omit<SharedClusterInfo, 'claims'> {
  /** A stock client that closes with the test. It connects through Nginx unless `url` names a replica. */
  connect(options?: Parameters<typeof createRecorder>[1], url?: string): Recorder;
  /** Symbols without a price that no other test of this run uses. Throws if none is left. */
  claimSymbols(count: number): string[];
}

/** The running cluster, for use inside a test. */
export function sharedCluster(): SharedCluster {
  const { claims, ...cluster } = inject('sharedCluster');
  return {
    ...cluster,
    connect: (options, url = cluster.url) => {
      const recorder = createRecorder(url, options);
      onTestFinished(() => recorder.close());
      return recorder;
    },
    claimSymbols: (count) => {
      const claimed: string[] = [];
      for (const symbol of pushSymbols) {
        if (claimed.length === count) break;
        if (claim(join(claims, symbol))) claimed.push(symbol);
      }
      if (claimed.length < count)
        throw new Error(`All ${pushSymbols.length} symbols of pushSymbols are claimed.`);
      return claimed;
    },
  };
}

/** Makes the folder; false if another test has made it before. */
function claim(path: string): boolean {
  try {
    mkdirSync(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
