/** The log in Redis. What a batch looks like as a message of the Socket.IO adapter is given to it. */
import { z } from 'zod';
import { isDecimal } from '../../../protocol/index.ts';
import type { BatchMessages } from './batch-messages.ts';
import type { Commands } from './commands.ts';
import type { Keys } from './keys.ts';
import {
  maxReadBatches,
  maxReadBytes,
  noNotes,
  pushTtlMs,
  type LogNotes,
  type StoredPush,
  type TickLog,
} from '../../log/contract.ts';
import { makeGeneration } from '../../log/generation.ts';
import { appendScript, claimScript, readAfterScript, stateScript } from './redis-log-scripts.ts';

/** What the log is made of. */
export interface RedisLogOptions {
  keys: Keys['log'];
  commands: Commands;
  messages: BatchMessages;
  onBatch: TickLog['onBatch'];
  /** Names this process; no other one, before or beside it, has the name. */
  owner: string;
  /** Fires when a claim is refused, with the epoch that is claimed. */
  onRefusedClaim: (claimed: number) => void;
}

const decimal = z.string().refine(isDecimal);
const stored = z.object({
  quote: z.object({
    symbol: z.string(),
    price: decimal,
    size: decimal.exactOptional(),
    gen: z.string(),
    seq: z.int(),
    ts: z.number(),
    stale: z.boolean(),
    open: decimal,
    high: decimal,
    low: decimal,
    volume: decimal,
    prevClose: decimal.exactOptional(),
  }),
  sourceSeq: z.number().nullable(),
});
const listNote = z.object({
  version: z.int().min(0),
  feeds: z.array(z.tuple([z.string(), z.string().nullable()])),
});

const pauseNote = z.object({ version: z.int().min(0), isPaused: z.boolean() });
/** Stands for a message of the store that is no batch. */
const damaged = Buffer.alloc(0);
const startListNote = z.record(z.string(), z.array(z.string())).nullable();

/** Every call is one script. */
export function createRedisLog(options: RedisLogOptions): TickLog {
  const { keys, commands, messages, onBatch, owner, onRefusedClaim } = options;
  const names = [keys.meta, keys.quotes, keys.batches, keys.notes];

  return {
    async claim(epoch, known) {
      const args = [String(epoch), owner, makeGeneration(), known.gen ?? '', String(known.number)];
      const reply = await commands.runScript(claimScript, names, args);
      if (typeof reply === 'number') {
        onRefusedClaim(reply);
        return { ok: false, reason: 'epoch' };
      }
      const [gen, number] = z.tuple([z.string(), z.coerce.number()]).parse(reply);
      return { ok: true, gen, number };
    },

    async append({ gen, epoch, number, bytes, quotes, pushes, oldest, notes = {}, forgotten }) {
      const args: (string | Buffer)[] = [gen, String(epoch), String(number), messages.encode(bytes)];
      args.push(messages.channel, String(oldest), String(pushTtlMs), String(quotes.length));
      for (const one of quotes) args.push(one.quote.symbol, JSON.stringify(one));
      const changed = Object.entries(notes);
      args.push(String(changed.length));
      for (const [name, value] of changed) args.push(name, JSON.stringify(value));
      args.push(String(forgotten?.symbols.length ?? 0), ...(forgotten?.symbols ?? []));
      args.push(String(forgotten?.floor ?? 0));
      for (const { hash, answer } of pushes) args.push(`${hash}\n${answer}`);
      const reply = await commands.runScript(
        appendScript,
        [...names, ...pushes.map(({ id }) => keys.push(id))],
        args,
      );
      if (reply === 'ok') return { ok: true };
      if (reply === 'generation' || reply === 'epoch' || reply === 'number')
        return { ok: false, reason: reply };
      return { ok: false, reason: 'pushes', known: readPushes(reply, pushes) };
    },

    async readState() {
      const reply = await commands.runScript(stateScript, names, []);
      if (reply === null) return null;
      const [gen, number, oldest, floor, quotes, notes] = stateReply.parse(reply);
      return {
        gen,
        number,
        oldest: oldest === '' ? number + 1 : Number.parseInt(oldest, 10),
        quotes: quotes.map((text) => stored.parse(JSON.parse(text))),
        floor,
        notes: readNotes(notes),
      };
    },

    async readAfter(gen, number) {
      const args = [gen, String(number), String(maxReadBatches), String(maxReadBytes)];
      const reply = await commands.runScript(readAfterScript, names, args, { asBuffers: true });
      if (reply === null) return null;
      return z
        .array(z.instanceof(Buffer))
        .parse(reply)
        .map((message) => messages.decode(message) ?? damaged);
    },

    onBatch,
  };
}

const stateReply = z.tuple([
  z.string(),
  z.coerce.number(),
  z.string(),
  z.coerce.number(),
  z.array(z.string()),
  z.array(z.string()),
]);

/** A hash as Redis lists it. */
function readNotes(list: readonly string[]): LogNotes {
  const texts = new Map<string, string>();
  for (let index = 0; index < list.length; index += 2) texts.set(list[index] ?? '', list[index + 1] ?? '');
  const listText = texts.get('list');
  const pauseText = texts.get('pause');
  return {
    startList: startListNote.parse(JSON.parse(texts.get('startList') ?? 'null')),
    list: listText === undefined ? noNotes.list : listNote.parse(JSON.parse(listText)),
    pause: pauseText === undefined ? noNotes.pause : pauseNote.parse(JSON.parse(pauseText)),
  };
}

/** Places and texts, as the script lists them. */
function readPushes(reply: unknown, asked: readonly StoredPush[]): StoredPush[] {
  const list = z.array(z.union([z.number(), z.string()])).parse(reply);
  const known: StoredPush[] = [];
  for (let index = 0; index < list.length; index += 2) {
    const text = String(list[index + 1]);
    const end = text.indexOf('\n');
    const { id = '' } = asked[Number(list[index])] ?? {};
    known.push({ id, hash: text.slice(0, end), answer: text.slice(end + 1) });
  }
  return known;
}
