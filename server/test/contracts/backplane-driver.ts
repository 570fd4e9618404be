/**
 * What the contract suite drives: one replica's view of a backplane, where every call is a promise and every value
 * plain data, so that a node may live in another process. `driveBackplane` makes one around a backplane in this
 * process; a home whose nodes are processes runs it over there and forwards the calls.
 */
import { Server } from 'socket.io';
import type { Append, AppendOutcome as LogAppendOutcome, Claim, TickLog } from '../../src/log/contract.ts';
import { Batch, encodeBatch, type BatchContent } from '../../src/log/batch.ts';
import type { Tick } from '../../protocol/index.ts';
import { createCalls } from '../../src/backplane/calls.ts';
import {
  announcementSchema,
  type AdapterClass,
  type Announcement,
  type Backplane,
  type BackplaneState,
  type CallCounts,
  type Lease,
  type UserSeats,
} from '../../src/backplane/contract.ts';
import { systemClock } from '../../src/support/clock.ts';
import { createLog } from '../../src/support/log.ts';
import type { LogWindow } from '../../src/log/contract.ts';

/** What a call to another node came to; an error is told by name and text, since classes do not cross processes. */
export type CallOutcome = { ok: true; answer: unknown } | { ok: false; name: string; message: string };

/** What reached a node, in the order of its arrival. */
export type Received =
  | { kind: 'emit'; room: string; payload: unknown }
  | { kind: 'announcement'; announcement: Announcement }
  | { kind: 'batch'; batch: ReadBatch }
  | { kind: 'held call'; held: string };

/** A batch as plain data. */
export type ReadBatch = Pick<Batch, 'gen' | 'epoch' | 'number'> & { ticks: Tick[] };

/** An append whose bytes the node makes. */
export type DrivenAppend = Omit<Append, 'bytes'> & { content: BatchContent };

/** The log, with batches as plain data. */
export interface LogDriver extends Pick<TickLog, 'readState'> {
  /** `known` is an empty log by default. */
  claim(epoch: number, known?: { gen: string; number: number }): Promise<Claim>;
  append(append: DrivenAppend): Promise<LogAppendOutcome>;
  readAfter(gen: string, number: number): Promise<ReadBatch[] | null>;
}

/** A request that makes the called node throw an Error with that text, or tell it among `received` and never answer. */
interface ScriptedRequest {
  fail?: string;
  hold?: string;
}

export interface BackplaneDriver {
  /** The node's id, which its lease records carry. */
  readonly node: string;
  readonly lease: Pick<Lease, 'read' | 'take' | 'beat' | 'release'>;
  readonly tickLog: LogDriver;
  readonly callCounts: CallCounts;
  readonly userSeats: Omit<UserSeats, 'node'>;
  /** The node's name among the seats. */
  seatNode(): Promise<string>;
  /** How often `onRelease` fired so far. */
  releases(): Promise<number>;
  /** Each node answers with `{ by: node, request }`, or does as a `ScriptedRequest` says. */
  call(node: string, request: unknown): Promise<CallOutcome>;
  announce(announcement: Announcement): Promise<void>;
  /** Puts a local member into the room, through the wrapped adapter class. */
  joinRoom(room: string): Promise<void>;
  /** `io.to(room).emit`: to the members on every node, this one included. */
  emitToRoom(room: string, payload: unknown): Promise<void>;
  /** One emit and then one announcement, in the same turn of the event loop. */
  emitThenAnnounce(room: string, payload: unknown, announcement: Announcement): Promise<void>;
  /** Everything that arrived so far: emits once for each joined member, announcements, and calls that are held. */
  received(): Promise<Received[]>;
  /** Whether the adapter in use is an instance of the class that the mixin returned, over a class the home gave it. */
  wrapped(): Promise<boolean>;
  state(): Promise<BackplaneState>;
  close(): Promise<void>;
}

/** Nodes that share one home of their own, all of them up. */
export interface Home {
  nodes: BackplaneDriver[];
  /** Closes the nodes that are still open and ends the home. */
  stop(): Promise<void>;
}

/** Opens a new, empty home with that many nodes and a log of that size; resolves when each one's state is up. */
export type OpenHome = (nodes: number, window?: Partial<LogWindow>) => Promise<Home>;

/** Drives a backplane of this process. A Socket.IO server without a listener stands on its adapter. */
export function driveBackplane(backplane: Backplane, node: string): BackplaneDriver {
  const received: Received[] = [];
  let releases = 0;
  backplane.lease.onRelease(() => void releases++);
  backplane.messages.onMessage('announcement', (payload) => {
    received.push({ kind: 'announcement', announcement: announcementSchema.parse(payload) });
  });

  backplane.tickLog.onBatch((bytes) => void received.push({ kind: 'batch', batch: readBatch(bytes) }));

  let Wrapped: AdapterClass | null = null;
  const io = new Server({
    adapter: backplane.adapter((base) => {
      Wrapped = class extends base {};
      return Wrapped;
    }),
  });
  const namespace = io.of('/');
  const members: Map<string, unknown> = namespace.sockets;
  const calls = createCalls({
    node,
    messages: backplane.messages,
    clock: systemClock,
    log: createLog({ level: 'silent', node }),
  });
  calls.answer('probe', answer);

  async function answer(request: unknown): Promise<unknown> {
    const { fail, hold } = Object(request) as ScriptedRequest;
    if (fail !== undefined) throw new Error(fail);
    if (hold !== undefined) {
      received.push({ kind: 'held call', held: hold });
      await new Promise<never>(() => {});
    }
    return { by: node, request };
  }

  return {
    node,
    lease: backplane.lease,
    tickLog: driveLog(backplane.tickLog),
    callCounts: backplane.callCounts,
    userSeats: backplane.userSeats,
    seatNode: async () => backplane.userSeats.node,
    releases: async () => releases,
    call: async (to, request) => {
      try {
        return { ok: true, answer: await calls.call(to, 'probe', request, 2_000) };
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        return { ok: false, name: error.name, message: error.message };
      }
    },
    announce: async (announcement) => backplane.messages.sendAll('announcement', announcement),
    joinRoom: async (room) => {
      const id = `member of ${room}`;
      // The least that the in-memory adapter asks of a socket in order to deliver to it.
      members.set(id, {
        notifyOutgoingListeners: ({ data: [, payload] }: { data: unknown[] }) =>
          void received.push({ kind: 'emit', room, payload }),
        client: { writeToEngine: () => {} },
      });
      await namespace.adapter.addAll(id, new Set([room]));
    },
    emitToRoom: async (room, payload) => void io.to(room).emit('probe', payload),
    emitThenAnnounce: async (room, payload, announcement) => {
      io.to(room).emit('probe', payload);
      backplane.messages.sendAll('announcement', announcement);
    },
    received: async () => [...received],
    wrapped: async () => Wrapped !== null && namespace.adapter instanceof Wrapped,
    state: async () => backplane.state(),
    close: async () => {
      await namespace.adapter.close();
      await backplane.close();
    },
  };
}

function driveLog(tickLog: TickLog): LogDriver {
  return {
    claim: (epoch, known = { gen: '', number: 0 }) => tickLog.claim(epoch, known),
    readState: () => tickLog.readState(),
    append: ({ content, ...append }) => tickLog.append({ ...append, bytes: encodeBatch(content) }),
    readAfter: async (gen, number) => (await tickLog.readAfter(gen, number))?.map(readBatch) ?? null,
  };
}

function readBatch(bytes: Buffer): ReadBatch {
  const batch = new Batch(bytes);
  const { gen, epoch, number } = batch;
  return { gen, epoch, number, ticks: batch.symbols.map((_, place) => batch.tick(place)) };
}
