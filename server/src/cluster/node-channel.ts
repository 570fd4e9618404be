/** Messages between replicas over the Socket.IO adapter, which both homes of the backplane have. Lost while its link is down. */
import type { Server } from 'socket.io';
import type { Log } from '../support/log.ts';
import type { NodeChannel } from './node-line.ts';

const prefix = 'tickwire:';

/** A message that a listener does not understand is logged and dropped. */
export function createNodeChannel({ io, log }: { io: Server; log: Log }): NodeChannel {
  return {
    send: (topic, payload) => void io.serverSideEmit(prefix + topic, payload),
    onMessage: (topic, listener) => {
      io.on(prefix + topic, (payload: unknown) => {
        try {
          listener(payload);
        } catch (error) {
          log.warn({ err: error, topic }, 'a message of another replica was not understood');
        }
      });
    },
  };
}
