/** One end of the calls between the primary and a worker: birpc, fed frame by frame by whoever owns the IPC pipe. */
import { createBirpc, type BirpcReturn } from 'birpc';
import { callTimeoutMs } from './ipc.ts';

/** One end. It does not notice by itself that the other one is gone: until its owner closes `remote`, calls end by their time. */
export interface Calls<Remote extends object, Local extends object> {
  /** Calls the other end. Rejects when no answer came within `callTimeoutMs`, and when this end is closed. */
  remote: BirpcReturn<Remote, Local>;
  /** Takes one frame that the other end posted. */
  receive(frame: unknown): void;
}

/** Answers the other end with `local`. `post` brings one frame there. */
export function createCalls<Remote extends object, Local extends object>(
  local: Local,
  post: (frame: unknown) => void,
): Calls<Remote, Local> {
  const listeners: ((frame: unknown) => void)[] = [];
  const remote = createBirpc<Remote, Local>(local, {
    post,
    on: (listener) => void listeners.push(listener),
    timeout: callTimeoutMs,
  });
  return {
    remote,
    receive: (frame) => {
      for (const listener of listeners) listener(frame);
    },
  };
}
