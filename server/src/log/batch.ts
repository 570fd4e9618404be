/**
 * A batch: all ticks that the leader appended in one step, as one buffer. The buffer holds an index in JSON and then, per tick, the
 * finished WebSocket frame of its Socket.IO event. Replicas slice the frames; no replica encodes a tick again.
 */
import type { DayFigures, Decimal, Tick } from '../../protocol/index.ts';
import { headerBytes, payloadAt, writeHeader } from '../support/frames.ts';

/** A change that is no price. Records take effect in the order of the log, after the ticks of their batch. */
export type BatchRecord =
  | ({ kind: 'list' } & ListChange)
  /** The list of symbols by source in the leader's settings, which is the start list of every replica from then on. */
  | { kind: 'start list'; bySource: Readonly<Record<string, readonly string[]>> }
  | ({ kind: 'pause' } & PauseState);

/** Whether the feed is paused. */
export interface PauseState {
  /** Rises by 1 per change. */
  version: number;
  isPaused: boolean;
}

/** A change of the list of symbols, after which the list has that version. */
export interface ListChange {
  version: number;
  /** Symbols that were added, with their source, or retired (`null`), in the order of their changes. */
  set: readonly (readonly [symbol: string, feed: string | null])[];
  /** Symbols that are as the settings say again, or are no longer remembered as retired. */
  unset: readonly string[];
  /** Of `unset`, the symbols of which nothing is kept any more. */
  forgotten: readonly string[];
  /** `set` holds everything that differs from the settings: the store had lost it. */
  isWhole?: boolean;
}

/**
 * The day's figures after a tick; only the volume if nothing else changed since the symbol's tick before. Replicas need not work the
 * figures out, and so need not parse every tick.
 */
export type DayAfter = DayFigures | Decimal;

/** What the leader puts into a batch. Ticks are numbered; per symbol they are in the order of their seq. */
export interface BatchContent {
  gen: string;
  epoch: number;
  /** Rises by 1 per batch within a generation, from 1. */
  number: number;
  ticks: readonly Tick[];
  days: readonly DayAfter[];
  /** The source's own number of each tick in `ticks`, if its source has one. */
  sourceSeqs?: readonly (number | null)[];
  records?: readonly BatchRecord[];
}

/** The index of a batch as it travels. Lists are in the order of the frames. */
interface BatchIndex {
  gen: string;
  epoch: number;
  number: number;
  symbols: string[];
  seqs: number[];
  days: DayAfter[];
  /** Where each frame ends, in bytes from the first frame. */
  ends: number[];
  sourceSeqs?: (number | null)[];
  records?: BatchRecord[];
}

/** The bytes of a batch are damaged, or another version wrote them. */
export class BadBatch extends Error {
  override name = 'BadBatch';
}

/** Bytes before the index: its length as an unsigned 32-bit number. */
const lengthBytes = 4;
/** What stands before and after the tick's JSON in a frame: type 4 of Engine.IO, type 2 of Socket.IO, and the event's name. */
const opening = '42["tick",';
const closing = ']';

/** Encodes the batch. This is the one place where a tick becomes text. */
export function encodeBatch({ gen, epoch, number, ticks, days, sourceSeqs, records }: BatchContent): Buffer {
  const texts = ticks.map((tick) => opening + JSON.stringify(tick) + closing);
  const sizes = texts.map((text) => Buffer.byteLength(text));
  const ends: number[] = [];
  let end = 0;
  for (const size of sizes) ends.push((end += headerBytes(size) + size));
  const index: BatchIndex = {
    gen,
    epoch,
    number,
    symbols: ticks.map(({ symbol }) => symbol),
    seqs: ticks.map(({ seq }) => seq),
    days: [...days],
    ends,
  };
  if (sourceSeqs?.some((seq) => seq !== null) === true) index.sourceSeqs = [...sourceSeqs];
  if (records !== undefined && records.length > 0) index.records = [...records];

  const head = Buffer.from(JSON.stringify(index));
  const bytes = Buffer.allocUnsafe(lengthBytes + head.length + end);
  bytes.writeUInt32BE(head.length, 0);
  bytes.set(head, lengthBytes);
  let at = lengthBytes + head.length;
  for (const [place, text] of texts.entries()) {
    const size = sizes[place] ?? 0;
    at = writeHeader(bytes, at, size);
    // Almost every text is ASCII, and then `latin1` needs no look at each character.
    bytes.write(text, at, size === text.length ? 'latin1' : 'utf8');
    at += size;
  }
  return bytes;
}

/** A batch as a replica reads it. A class, because a replica keeps tens of thousands of them. */
export class Batch {
  readonly gen: string;
  readonly epoch: number;
  readonly number: number;
  /** The symbol of each tick. */
  readonly symbols: readonly string[];
  /** The seq of each tick. */
  readonly seqs: readonly number[];
  /** The source's own number of each tick; null if no tick has one. */
  readonly sourceSeqs: readonly (number | null)[] | null;
  readonly records: readonly BatchRecord[];
  /** The whole batch, as `encodeBatch` made it. */
  readonly bytes: Buffer;
  #days: DayAfter[];
  readonly #ends: readonly number[];
  readonly #framesAt: number;

  /** Keeps `bytes`, which must not change. Throws `BadBatch`. */
  constructor(bytes: Buffer) {
    const { index, framesAt } = readIndex(bytes);
    this.bytes = bytes;
    this.gen = index.gen;
    this.epoch = index.epoch;
    this.number = index.number;
    this.symbols = index.symbols;
    this.seqs = index.seqs;
    this.#days = index.days;
    this.sourceSeqs = index.sourceSeqs ?? null;
    this.records = index.records ?? [];
    this.#ends = index.ends;
    this.#framesAt = framesAt;
  }

  /** How many ticks it has. */
  get size(): number {
    return this.symbols.length;
  }

  /** The day's figures after each tick. They are the caller's, and are gone here. */
  takeDays(): DayAfter[] {
    const days = this.#days;
    this.#days = [];
    return days;
  }

  /** The frames of the ticks from place `from` up to, not including, `to`, in one piece. */
  frames(from = 0, to = this.size): Buffer {
    return this.bytes.subarray(this.#startOf(from), this.#startOf(to));
  }

  /** The bytes of one frame. */
  frameBytes(place: number): number {
    return this.#startOf(place + 1) - this.#startOf(place);
  }

  /** The JSON text of the tick. */
  json(place: number): string {
    const start = payloadAt(this.bytes, this.#startOf(place)) + opening.length;
    return this.bytes.toString('utf8', start, this.#startOf(place + 1) - closing.length);
  }

  /** The tick. Each call parses it. */
  tick(place: number): Tick {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the leader's `encodeBatch` wrote it
    return JSON.parse(this.json(place)) as Tick;
  }

  #startOf(place: number): number {
    return this.#framesAt + (place === 0 ? 0 : (this.#ends[place - 1] ?? 0));
  }
}

/** Reads the index and checks that it describes these bytes. */
function readIndex(bytes: Buffer): { index: BatchIndex; framesAt: number } {
  if (bytes.length < lengthBytes) throw new BadBatch(`a batch of ${bytes.length} bytes has no index`);
  const framesAt = lengthBytes + bytes.readUInt32BE(0);
  if (framesAt > bytes.length) throw new BadBatch('the index of a batch is cut off');
  let index: BatchIndex;
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- checked below as far as the slices depend on it
    index = JSON.parse(bytes.toString('utf8', lengthBytes, framesAt)) as BatchIndex;
  } catch (error) {
    throw new BadBatch('the index of a batch is no JSON', { cause: error });
  }
  const { gen, epoch, number, symbols, seqs, days, ends } = index;
  const isNamed = typeof gen === 'string' && Number.isSafeInteger(epoch) && Number.isSafeInteger(number);
  if (!isNamed || ![symbols, seqs, days, ends].every(Array.isArray))
    throw new BadBatch('the index of a batch lacks fields');
  if ([seqs, days, ends].some(({ length }) => length !== symbols.length))
    throw new BadBatch('the lists in the index of a batch differ in length');
  if (framesAt + (ends.at(-1) ?? 0) !== bytes.length)
    throw new BadBatch('the frames of a batch do not match its index');
  return { index, framesAt };
}
