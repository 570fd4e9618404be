/**
 * The classic Redis adapter of Socket.IO over our links. The package publishes and subscribes without catching, and
 * forgets a subscription that broke on its way; so it gets stand-ins for its clients that do neither.
 */
import { RedisAdapter } from '@socket.io/redis-adapter';
import type { Namespace } from 'socket.io';
import type { AdapterFactory, AdapterMixin } from '../contract.ts';
import type { Commands } from './commands.ts';
import type { Publisher } from './publisher.ts';
import type { MessageListener, Subscriptions } from './subscriptions.ts';

/** What the adapter is made of. */
export interface RedisAdapterOptions {
  /** What its channels begin with. */
  key: string;
  publisher: Publisher;
  subscriptions: Subscriptions;
  commands: Commands;
}

/** The factory of one adapter class: `wrap` runs once, here. */
export function createAdapterFactory(wrap: AdapterMixin, options: RedisAdapterOptions): AdapterFactory {
  const { key } = options;
  const publishing = createPublishingClient(options);
  const Base = class extends RedisAdapter {
    constructor(nsp: Namespace) {
      const own: { opening: Buffer | null } = { opening: null };
      super(nsp, publishing, createSubscribingClient(options.subscriptions, own), {
        key,
        publishOnSpecificResponseChannel: true,
      });
      // Each message is an array of three, its sender first; a null is one byte.
      own.opening = this.parser.encode([this.uid, null, null]).subarray(0, -2);
    }
  };
  const Wrapped = wrap(Base);
  return function createRedisAdapter(nsp) {
    // What a mixin's class takes is not known to its type; it passes on what it gets.
    return Reflect.construct(Wrapped, [nsp]);
  };
}

/** The adapter takes a client with `pSubscribe` and `sSubscribe` for one of the redis package. */
function createPublishingClient({ publisher, commands }: RedisAdapterOptions) {
  return {
    publish: (channel: string, message: string | Buffer) => publisher.publish(channel, message),
    sendCommand: (args: readonly string[]) => commands.run(args),
    pSubscribe: nothing,
    sSubscribe: nothing,
    on: nothing,
    off: nothing,
  };
}

/** One for each namespace. Redis sends us our own messages too: they are dropped undecoded. What it ends is not heard any more. */
function createSubscribingClient(subscriptions: Subscriptions, own: { opening: Buffer | null }) {
  let isClosed = false;
  function add(kind: 'channel' | 'pattern', name: string, listener: MessageListener): void {
    subscriptions.add(kind, name, (message, channel) => {
      if (!isClosed) listener(message, channel);
    });
  }
  const close = (): void => void (isClosed = true);
  return {
    subscribe: (channels: readonly string[], listener: MessageListener) => {
      for (const channel of channels) add('channel', channel, listener);
    },
    pSubscribe: (pattern: string, listener: MessageListener) =>
      add('pattern', pattern, (message, channel) => {
        if (own.opening === null || !startsWith(message, own.opening)) listener(message, channel);
      }),
    // The adapter ends its subscriptions when it closes, and all of them.
    unsubscribe: close,
    pUnsubscribe: close,
    on: nothing,
    off: nothing,
  };
}

function startsWith(message: Buffer, opening: Buffer): boolean {
  const { length } = opening;
  return message.length >= length && message.compare(opening, 0, length, 0, length) === 0;
}

function nothing(): void {}
