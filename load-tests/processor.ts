/**
 * The steps of the scenarios, as Artillery calls them, and the metrics that they leave behind, all named `tickwire.*`.
 * A step that throws ends its user, who then counts in `vusers.failed`, with the reason as an `errors.*` counter.
 *
 * Artillery bundles this file. It waits for a step only where the function is declared `async`.
 */
import { watchDriverLag } from './driver-lag.ts';
import { createPricedSymbols } from './priced-symbols.ts';
import { createUser, type User, type UserSocket } from './user.ts';

/** What Artillery's Socket.IO engine hands to a step; the socket of the default namespace has an empty name. */
interface Context {
  sockets: Record<string, UserSocket>;
  vars: Record<string, unknown>;
}

interface Events {
  emit(type: 'histogram' | 'counter', name: string, value: number): void;
  emit(type: 'error', reason: string): void;
}

/** What a user who changes its mind takes and drops at once. */
const changedSymbols = 2;
/** How long nothing must come after the last symbol was dropped. */
const fenceMs = 300;
const maxAwayMs = 1_000;

const users = new WeakMap<Context, User>();
const priced = createPricedSymbols();
let present = 0;
let stopLag = (): void => {};

function arrive(context: Context, events: Events): User {
  const socket = context.sockets[''];
  if (socket === undefined) throw new Error('the engine connects before the first step');
  const user = createUser({
    socket,
    measure: (name, ms) => events.emit('histogram', `tickwire.${name}`, ms),
  });
  users.set(context, user);
  events.emit('counter', 'tickwire.connected', 1);
  if (present++ === 0) stopLag = watchDriverLag((ms) => events.emit('histogram', 'tickwire.driver_lag', ms));
  return user;
}

function depart(context: Context, user: User, events: Events): void {
  if (!users.delete(context)) return;
  user.end();
  // Zeros too: a check on a metric that does not exist cannot hold.
  for (const [name, count] of Object.entries(user.counts)) events.emit('counter', `tickwire.${name}`, count);
  if (--present === 0) stopLag();
}

async function step(context: Context, events: Events, run: (user: User) => Promise<void>): Promise<void> {
  const user = users.get(context) ?? arrive(context, events);
  try {
    await run(user);
  } catch (error) {
    events.emit('error', error instanceof Error ? error.message : String(error));
    depart(context, user, events);
    throw error;
  }
}

function number(context: Context, name: string): number {
  const value = Number(context.vars[name]);
  if (!Number.isFinite(value) || value <= 0)
    throw new Error(`config.variables.${name} must be a positive number`);
  return value;
}

/** Subscribes to `symbols` symbols that have prices. */
export async function subscribe(context: Context, events: Events): Promise<void> {
  await step(context, events, async (user) => {
    await user.subscribe(await priced.take(user, number(context, 'symbols')));
  });
}

/** Stays for `seconds`, then makes sure that no symbol stood still, and ends the user's part. */
export async function hold(context: Context, events: Events): Promise<void> {
  await step(context, events, async (user) => {
    await user.watch(number(context, 'seconds') * 1000);
    await user.confirm();
    depart(context, user, events);
  });
}

/** Looks for a tenth of `seconds`. */
export async function look(context: Context, events: Events): Promise<void> {
  await step(context, events, (user) => user.watch(number(context, 'seconds') * 100));
}

/** Takes other symbols and drops as many. */
export async function change(context: Context, events: Events): Promise<void> {
  await step(context, events, async (user) => {
    const dropped = [...user.symbols].slice(0, changedSymbols);
    const taken = await priced.take(user, changedSymbols);
    await user.subscribe(taken);
    await user.unsubscribe(dropped.filter((symbol) => !taken.includes(symbol)));
  });
}

/** Drops every symbol, after which no tick may come, and takes them again. */
export async function dropAndRetake(context: Context, events: Events): Promise<void> {
  await step(context, events, async (user) => {
    const symbols = [...user.symbols];
    await user.unsubscribe(symbols);
    await user.watch(fenceMs);
    await user.subscribe(symbols);
  });
}

/** Leaves, stays away for up to a second, comes back and goes on from where it was. */
export async function leaveAndComeBack(context: Context, events: Events): Promise<void> {
  await step(context, events, async (user) => {
    user.leave();
    await user.watch(Math.random() * maxAwayMs);
    await user.comeBack();
    await user.subscribe([...user.symbols], { since: true });
  });
}

/** Ends the user's part: it must have seen ticks. */
export async function finish(context: Context, events: Events): Promise<void> {
  await step(context, events, async (user) => {
    await user.confirm();
    depart(context, user, events);
  });
}
