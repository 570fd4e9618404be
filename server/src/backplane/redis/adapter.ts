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
      super(nsp, publishing, createSubscribingClient(options.subscriptions), {
        key,
        publishOnSpecificResponseChannel: true,
      });
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

/** One for each namespace, since it remembers what to end. */
function createSubscribingClient(subscriptions: Subscriptions) {
  const stops = new Map<string, () => void>();
  function stop(name: string): void {
    stops.get(name)?.();
    stops.delete(name);
  }
  return {
    subscribe: (channels: readonly string[], listener: MessageListener) => {
      for (const channel of channels) stops.set(channel, subscriptions.add('channel', channel, listener));
    },
    pSubscribe: (pattern: string, listener: MessageListener) => {
      stops.set(pattern, subscriptions.add('pattern', pattern, listener));
    },
    unsubscribe: stop,
    pUnsubscribe: stop,
    on: nothing,
    off: nothing,
  };
}

function nothing(): void {}
