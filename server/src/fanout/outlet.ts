/**
 * The way out to one client. Writes what its group got in one piece while the client keeps up; for one that does not,
 * holds the newest tick of each symbol, merged with those that it stands for, and gives them out as the client takes them.
 * Knows no rooms' rules and no other client. Keeps SPEC.md [SL1] to [SL3].
 */
import process from 'node:process';
import type { Tick } from '../../protocol/index.ts';
import { AckWindow } from './ack-window.ts';
import type { GroupWrite, WriteStage } from './group-write.ts';
import type { GroupMember } from './groups.ts';
import {
  takesFrames,
  type Connection,
  type RawSocket,
  type RawWebSocket,
  type Sender,
} from './engine-internals.ts';
import { HeldTicks } from './held-ticks.ts';
import type { OutletCounters } from './outlet-counters.ts';
import {
  joined,
  pingOfPong,
  prepared,
  type Dialect,
  type EncodedEvent,
  type TickFrame,
} from './tick-frames.ts';

/** What all outlets of a replica share. */
export interface OutletStage extends WriteStage {
  readonly counters: OutletCounters;
  /** Fires with the number of ticks in each of so many writes that were made for one client alone. */
  onSlowWrites(ticks: number, writes: number): void;
  /** The outlet holds ticks back, or waits for a poll: `sweep` it until `isIdle`. */
  onBehind(outlet: Outlet): void;
}

const noRooms: ReadonlySet<string> = new Set();
const uncompressed = { compress: false };
/** Packets in one answer to a poll: python-engineio refuses more. */
const maxPollPackets = 16;
/** Ticks of a replay that are written to a WebSocket at once. */
const maxSlice = 100;
/** The ready state of a WebSocket that may be written to. */
const rawOpen = 1;

/**
 * One client, plain or not, from its connecting to its end, through an upgrade of its transport. Reads no clock: each `now` is
 * in milliseconds of the monotonic one.
 */
export class Outlet implements GroupMember {
  /** Null before the first: many only wait. */
  #rooms: Set<string> | null = null;
  readonly socket: RawSocket;
  /** What it is written must be of this one. */
  readonly dialect: Dialect;
  /** As the socket and its WebSocket have them: each step on the way to them costs a write. */
  readonly #connection: Connection;
  #sender: Sender | null = null;
  /** When ticks or a heartbeat last went out, on the monotonic clock. */
  lastWriteAt: number;
  /** Whose pongs are awaited. */
  webSocket: RawWebSocket | null = null;
  readonly #stage: OutletStage;
  #window = new AckWindow();
  #mode: 'websocket' | 'polling' | 'stock' = 'stock';
  /** Null while the client keeps up. */
  #held: HeldTicks | null = null;
  /** Since when nothing was taken by polling. */
  #untakenSince = 0;
  /** Who waits until the client may be given more. */
  #waiters: (() => void)[] = [];

  constructor(socket: RawSocket, stage: OutletStage, now: number, dialect: Dialect = 'socket.io') {
    this.socket = socket;
    this.dialect = dialect;
    this.#connection = socket.conn;
    this.#stage = stage;
    this.lastWriteAt = now;
  }

  get rooms(): ReadonlySet<string> {
    return this.#rooms ?? noRooms;
  }

  /** False where it was there already. */
  join(room: string): boolean {
    this.#rooms ??= new Set();
    const { size } = this.#rooms;
    return this.#rooms.add(room).size > size;
  }

  /** False where it was not there. */
  leave(room: string): boolean {
    return this.#rooms?.delete(room) === true;
  }

  /** Takes up the connection's transport, first and after an upgrade; `onPong` listens at a WebSocket. */
  useTransport(onPong: (this: RawWebSocket, payload: unknown) => void, now: number): void {
    const { transport } = this.#connection;
    // What went before went by polling, and was taken: a client upgrades after its last poll.
    this.#window = new AckWindow();
    this.webSocket?.off('pong', onPong);
    this.webSocket = null;
    this.#sender = null;
    if (takesFrames(transport)) {
      this.#mode = 'websocket';
      this.webSocket = transport.socket ?? null;
      this.#sender = transport.socket?._sender ?? null;
      this.webSocket?.on('pong', onPong);
    } else this.#mode = transport.name === 'polling' ? 'polling' : 'stock';
    this.release(now);
  }

  write(group: GroupWrite, now: number): void {
    if (
      this.#mode === 'websocket' &&
      this.#held === null &&
      this.#window.fits(group.bytes) &&
      !this.#isStock()
    )
      this.#writeGroup(group, now);
    else this.#writeSlowly(group.frames, now);
  }

  /** How many ticks may be written at once. */
  get maxSlice(): number {
    return this.#mode === 'polling' ? maxPollPackets : maxSlice;
  }

  /** Counts what Socket.IO wrote by itself. */
  wroteOther(bytes: number): void {
    this.#window.wrote(bytes);
  }

  /** Writes ticks whatever the window says. Resolves when the client may be given more, or is gone. */
  writeAll(frames: readonly TickFrame[], bytes: number, now: number): Promise<void> {
    if (this.#isStock()) {
      this.give(now);
      for (const { text } of frames) this.#connection.write(text, uncompressed);
      this.#wroteSlowly(frames.length, frames.length, now);
      return Promise.resolve();
    }
    if (this.#mode === 'websocket') this.#writeAsking(frames, bytes, now);
    else this.#answerPoll(frames, now);
    if (this.#hasRoom()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiters.push(resolve);
      this.#stage.onBehind(this);
    });
  }

  /** An event that is no tick, encoded once for many. */
  writeEvent({ text, frame }: EncodedEvent, now: number): void {
    this.lastWriteAt = now;
    if (this.#mode === 'websocket') this.#send(frame, 1);
    else this.#connection.write(text, uncompressed);
  }

  /** What waits of the symbol is not sent any more: a snapshot takes its place, or nobody wants it. */
  forget(symbol: string): void {
    this.#held?.forget(symbol);
    this.#letGo();
  }

  /** Nothing that waits is sent any more: snapshots take its place. */
  forgetAll(): void {
    this.#held = null;
  }

  /** What waits, of that symbol or all, goes out whatever the window says: something else is about to, and not before it. */
  give(now: number, symbol?: string): void {
    if (this.#held === null) return;
    const frames = this.#held.take(symbol);
    this.#letGo();
    if (frames.length === 0) return;
    for (const { text } of frames) this.#connection.write(text, uncompressed);
    this.#wroteSlowly(frames.length, frames.length, now);
  }

  /** Takes a pong's payload; false where it answers none of our pings. */
  answered(payload: unknown, now: number): boolean {
    const ping = pingOfPong(payload);
    if (ping === null || !this.#window.answered(ping, now)) return false;
    this.release(now);
    return true;
  }

  /** Gives out what waits, as far as the client takes it. */
  release(now: number): void {
    if (this.#hasRoom()) this.#settle();
    if (this.#isStock()) this.give(now);
    else if (this.#mode === 'websocket') this.#releaseFitting(now);
    else if (this.#held !== null && this.#mode === 'polling' && this.#isPolled()) {
      const frames = this.#held.take();
      this.#held = null;
      this.#answerPoll(frames, now);
    }
    if (this.#held !== null) this.#stage.onBehind(this);
  }

  /** Nothing waits here, for the client or for what it should have taken. */
  isIdle(): boolean {
    return this.#held === null && this.#waiters.length === 0;
  }

  /** Since when a client that we hold ticks back for has taken nothing; null where it takes what it gets. */
  stuckSince(): number | null {
    if (this.isIdle()) return null;
    return this.#mode === 'polling' ? this.#untakenSince : this.#window.oldestPingAt();
  }

  close(): void {
    this.#held = null;
    this.#settle();
  }

  /** One by one, as Socket.IO itself delivers: frames are not taken as they are, or somebody in this process watches what goes out. */
  #isStock(): boolean {
    const watchers = this.socket._anyOutgoingListeners;
    return this.#mode === 'stock' || (watchers !== undefined && watchers.length > 0);
  }

  #wroteSlowly(ticks: number, writes: number, now: number): void {
    const { counters } = this.#stage;
    counters.deliveries += ticks;
    counters.writes += writes;
    counters.slowWrites += writes;
    if (writes > 0) this.#stage.onSlowWrites(ticks / writes, writes);
    this.lastWriteAt = now;
  }

  #isPolled(): boolean {
    const { transport, writeBuffer } = this.#connection;
    return transport.writable && writeBuffer.length === 0;
  }

  #writeSlowly(frames: readonly TickFrame[], now: number): void {
    if (this.#isStock()) {
      this.give(now);
      for (const { text, tick } of frames) {
        if (this.dialect === 'plain') this.#connection.write(text, uncompressed);
        else this.#emit(tick);
      }
      this.#wroteSlowly(frames.length, frames.length, now);
    } else if (this.#mode === 'polling' && this.#held === null && this.#isPolled())
      this.#answerPoll(frames, now);
    else {
      for (const frame of frames) this.#hold(frame, now);
      this.release(now);
    }
  }

  /** A listener of this process that throws is a bug: it ends the process, and leaves nothing half done here. */
  #emit(tick: Tick): void {
    try {
      this.socket.emit('tick', tick);
    } catch (error) {
      process.nextTick(() => {
        throw error;
      });
    }
  }

  #hold(frame: TickFrame, now: number): void {
    if (this.#held === null) {
      this.#held = new HeldTicks(this.dialect);
      this.#untakenSince = now;
    }
    if (this.#held.hold(frame)) this.#stage.counters.conflated++;
  }

  #letGo(): void {
    if (this.#held?.size === 0) this.#held = null;
  }

  #releaseFitting(now: number): void {
    if (this.#held === null) return;
    // One that is larger than the window goes when nothing else is on its way.
    const isAlone = this.#window.inFlight <= 0;
    const { frames, bytes } = this.#held.takeFitting((more) => this.#window.fits(more), isAlone);
    this.#letGo();
    // While ticks wait there must be an answer to come.
    if (frames.length > 0) this.#writeAsking(frames, bytes, now);
    else if (this.#held !== null && !this.#window.isAsked()) this.#writeAsking([], 0, now);
  }

  #writeGroup(group: GroupWrite, now: number): void {
    this.#count(group.frames.length, group.bytes, now);
    if (this.#window.wantsPing(group.bytes)) {
      const { piece, ping } = group.asking();
      this.#window.pinged(ping, now);
      this.#send(piece, group.frames.length);
    } else this.#send(group.plain(), group.frames.length);
  }

  #writeAsking(frames: readonly TickFrame[], bytes: number, now: number): void {
    const ping = this.#stage.makePing();
    this.#count(frames.length, bytes, now);
    if (frames.length > 0) {
      this.#stage.counters.slowWrites++;
      this.#stage.onSlowWrites(frames.length, 1);
    }
    this.#window.pinged(ping, now);
    this.#send(joined(frames, bytes, { ping }), frames.length);
  }

  #count(frames: number, bytes: number, now: number): void {
    if (frames === 0) return;
    const { counters } = this.#stage;
    counters.deliveries += frames;
    counters.writes++;
    this.lastWriteAt = now;
    this.#window.wrote(bytes);
  }

  /**
   * Past engine.io, whose events and buffers cost as much as the rest of a write (bench: 1.7 times the floor with them), while
   * it has nothing of its own to write before.
   */
  #send(piece: Buffer, frames: number): void {
    const connection = this.#connection;
    const sender = this.#sender;
    if (connection.writeBuffer.length > 0 || sender === null) {
      this.#stage.memory.keep();
      connection.write('', prepared([piece], frames));
    } else if (connection.readyState === 'open' && this.webSocket?.readyState === rawOpen) {
      this.#stage.counters.direct += frames;
      sender.sendFrame([piece]);
      if (this.webSocket._socket?.writableLength !== 0) this.#stage.memory.keep();
    }
  }

  /** All packets but the last go into the buffer first, so that one answer carries them all. What is too much waits for the next poll. */
  #answerPoll(frames: readonly TickFrame[], now: number): void {
    const connection = this.#connection;
    const fitting = frames.slice(0, maxPollPackets);
    for (const { text } of fitting.slice(0, -1))
      connection.writeBuffer.push({ type: 'message', data: text, options: uncompressed });
    const last = fitting.at(-1);
    if (last !== undefined) connection.write(last.text, uncompressed);
    this.#untakenSince = now;
    this.#wroteSlowly(fitting.length, 1, now);
    for (const frame of frames.slice(maxPollPackets)) this.#hold(frame, now);
    if (this.#held !== null) this.#stage.onBehind(this);
  }

  #hasRoom(): boolean {
    return this.#mode === 'polling' ? this.#isPolled() : this.#window.inFlight < this.#window.limit;
  }

  #settle(): void {
    if (this.#waiters.length === 0) return;
    const due = this.#waiters;
    this.#waiters = [];
    for (const resolve of due) resolve();
  }
}
