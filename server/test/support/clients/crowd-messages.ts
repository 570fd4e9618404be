/** What a test calls in the process of its crowd, and what the process answers. */
import type { CheckCounts, Head } from '../checks/client-check.ts';
import type { BookEntry } from '../checks/payload-book.ts';

/** A client that the crowd is to open; the name is its own in reports. */
export interface CrowdClient {
  name: string;
  url: string;
  /** `raw` is our stream library over a bare WebSocket, `stream` the same over socket.io-client, polling first, then the upgrade. */
  kind: 'raw' | 'stream' | 'stock';
  symbols: string[];
  /** The rate of all of them, in milliseconds; each tick where it is absent. */
  everyMs?: number;
}

/** What one client saw since it was added, by I2 and by the clock. */
export interface ClientReport {
  name: string;
  kind: CrowdClient['kind'];
  everyMs: number;
  isLive: boolean;
  heads: Record<string, Head>;
  counts: CheckCounts;
  faults: string[];
  /** Epoch milliseconds with fractions; `backAt` is null while it is away. */
  outages: { lostAt: number; backAt: number | null; recovered: boolean }[];
  connections: number;
}

/** What every client of a crowd saw. */
export interface CrowdReport {
  clients: ClientReport[];
  /** What is new in this process's book since the last report. */
  entries: BookEntry[];
  conflicts: string[];
  /** The longest that a timer of this process came late since the last report. */
  lagMs: number;
}

/** What the test calls in the process. */
export interface CrowdCalls {
  /** The clients begin to connect, `perSecond` of them in a second. */
  add(clients: CrowdClient[], perSecond: number): void;
  /** Cuts the connection of every raw client at once. */
  cut(): void;
  report(): CrowdReport;
}
