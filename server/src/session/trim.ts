/**
 * The memory of a connection that waits. Node makes the table of an emitter's listeners as a hash table of 400 bytes, and an
 * array that grew by one has room for sixteen more: of a connection that is there for hours, half is such air. Each is put
 * in place of itself as small as what is in it (bench: memory). Knows the insides of Socket.IO's and engine.io's sockets,
 * and lets be what it does not find.
 */
import { rawSocketOf } from './connection.ts';
import type { ClientSocket } from './session.ts';

/** What nobody looks up; as a prototype it keeps a table of listeners from being a hash table. */
const none: object = Object.freeze(Object.create(null));

/** These come once in an emitter's life: who asked to hear of them once needs no wrapper that sees to it. */
const last: ReadonlySet<PropertyKey> = new Set(['close', 'error']);
/** What engine.io leaves on a WebSocket from the time before the connection listened. */
const leftOver = 'onUpgradeError';
const noExtensions = Object.freeze({});

/** To be called once for each socket, when all of its lasting listeners are there, and never while one of them runs. */
export function trim(socket: ClientSocket): void {
  const { conn, client } = socket;
  const raw = rawSocketOf(conn);
  for (const emitter of [socket, conn, conn.transport, raw]) if (emitter !== null) trimListeners(emitter);
  trimArray(conn, 'cleanupFn');
  trimArray(socket, '_anyListeners');
  const decoder: unknown = Reflect.get(client, 'decoder');
  const callbacks: unknown = isObject(decoder) ? Reflect.get(decoder, '_callbacks') : null;
  if (isObject(callbacks)) trimArray(callbacks, '$decoded');
  const extensions: unknown = raw === null ? null : Reflect.get(raw, '_extensions');
  if (raw !== null && isObject(extensions) && Object.keys(extensions).length === 0)
    Reflect.set(raw, '_extensions', noExtensions);
}

/** Gives the emitter a table of the same listeners, in the same order. */
function trimListeners(emitter: object): void {
  const events: unknown = Reflect.get(emitter, '_events');
  if (!isObject(events) || Object.getPrototypeOf(events) !== null) return;
  const small: Record<PropertyKey, unknown> = Object.create(none);
  for (const name of Reflect.ownKeys(events)) small[name] = trimmed(name, Reflect.get(events, name));
  Reflect.set(emitter, '_events', small);
}

/**
 * One listener, or a list of several. A list stays the same array: Node 24 notes in the array that the list is being emitted, and
 * would skip a listener of a copy when the one before it removes itself.
 */
function trimmed(name: PropertyKey, listeners: unknown): unknown {
  if (!Array.isArray(listeners)) return unwrapped(name, listeners);
  const kept = listeners
    .filter((one) => typeof one !== 'function' || one.name !== leftOver)
    .map((one) => unwrapped(name, one));
  if (kept.length === 1) return kept[0];
  if (kept.length > 0) listeners.splice(0, listeners.length, ...kept);
  return listeners;
}

function unwrapped(name: PropertyKey, listener: unknown): unknown {
  if (!last.has(name) || typeof listener !== 'function' || !('listener' in listener)) return listener;
  return listener.listener;
}

function trimArray(owner: object, name: PropertyKey): void {
  const array: unknown = Reflect.get(owner, name);
  if (Array.isArray(array)) Reflect.set(owner, name, array.slice());
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
