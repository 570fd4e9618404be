/** What the measurement of the bus and its replicas say to each other over IPC. */

/** `keep` serves every symbol from now on; `keep` and `usage` are answered with `usage`. */
export interface ToReplica {
  type: 'keep' | 'usage' | 'close';
}

/** CPU of the process so far, in microseconds. */
export interface Usage {
  user: number;
  system: number;
}

export type FromReplica = { type: 'listening'; port: number } | ({ type: 'usage' } & Usage);
