/** Names of events: those that have a meaning here, in Socket.IO or in JavaScript, and those that an API caller may choose [MS4]. */
import { limits } from './limits.ts';
import type { ClientEvents, ServerEvents } from './types.ts';

type KnownEvent = keyof ServerEvents | keyof ClientEvents;

/** Whether an event of ours has a meaning that a caller of the API could feign. */
const isOurs: Readonly<Record<KnownEvent, boolean>> = {
  hello: true,
  snapshot: true,
  tick: true,
  feed: true,
  heartbeat: true,
  symbols: true,
  shutdown: true,
  refused: true,
  cluster: true,
  quote: true,
  // It is what a backend sends where it chooses no name.
  message: false,
  subscribe: true,
  unsubscribe: true,
  watch: true,
  unwatch: true,
  send_message: true,
  refresh_token: true,
};

/** Clients of Socket.IO raise these themselves, and its servers refuse to send them. */
const ofSocketIo = [
  'connect',
  'connect_error',
  'connecting',
  'disconnect',
  'disconnecting',
  'reconnect',
  'reconnect_attempt',
  'reconnect_error',
  'reconnect_failed',
  'error',
  'ping',
  'pong',
  'newListener',
  'removeListener',
];

/** By these a backend is told what no client may say; the others are among Socket.IO's. */
const ofBridge = ['node_gone'];

const reserved: ReadonlySet<string> = new Set([
  ...Object.entries(isOurs).flatMap(([name, isReserved]) => (isReserved ? [name] : [])),
  ...ofSocketIo,
  ...ofBridge,
  // A client that looks its listeners up on an object would find these there.
  ...Object.getOwnPropertyNames(Object.prototype),
  'prototype',
  'then',
]);

const form = /^[A-Za-z_][\w.:-]*$/;

/** Whether the text is a name of an event: a letter or `_`, then letters, digits and `_ . : -`, 64 characters at most. */
export function isEventName(text: unknown): text is string {
  return typeof text === 'string' && text.length <= limits.maxEventLength && form.test(text);
}

/** Whether that name has a meaning of its own, so that nobody else may send an event of it. */
export function isReservedEvent(name: string): boolean {
  return reserved.has(name);
}
