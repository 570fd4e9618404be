/** What the benchmark asks of its driver, the process that plays the clients. */

/** A crowd to open: where, how many, and what each client subscribes to. */
export interface CrowdRequest {
  /** The port at 127.0.0.1. */
  port: number;
  clients: number;
  /** Every symbol that may come. */
  symbols: readonly string[];
  /** Places in `symbols`. Client i subscribes to group i modulo the number of groups. Without groups, clients only connect. */
  groups: readonly (readonly number[])[];
  /** Connections that are opened at a time. */
  parallel: number;
  /** Whether a client is only there when its snapshot has come too. */
  awaitsSnapshot: boolean;
}

/** What a crowd saw since the last tally. */
export interface Tally {
  /** Ticks that came, and the bytes of their frames. */
  ticks: number;
  bytes: number;
  /** Ticks that others stand for. */
  merged: number;
  /** Holes in a symbol's seq, ticks that came before, and ticks that the client had not asked for. */
  gaps: number;
  repeats: number;
  strays: number;
  /** Connections that ended. */
  closed: number;
  /** Age of the ticks in milliseconds: the driver's clock minus `ts`. */
  ageP50: number;
  ageP99: number;
  /** How late the driver's own timer was, p99 in milliseconds, and the share of a core that the driver took. */
  lagP99: number;
  busy: number;
}

/** The driver's calls. A crowd goes by the number that `open` gave, until `close`; any other number rejects. */
export interface DriverCalls {
  /** Opens a crowd and gives its name, and how long it took until everyone was there. */
  open(request: CrowdRequest): Promise<{ crowd: number; ms: number }>;
  /** Resolves when every client of the crowd has every one of its symbols up to `seq`. Rejects after `withinMs`. */
  arrive(crowd: number, seq: number, withinMs: number): Promise<void>;
  /** What came since the last tally. */
  tally(crowd: number): Tally;
  /** Ticks since the crowd was opened, merged ones included. */
  seen(crowd: number): number;
  /** The highest seq of any symbol at any client. */
  head(crowd: number): number;
  /** The crowd stops reading. */
  stick(crowd: number): void;
  close(crowd: number): Promise<void>;
}
