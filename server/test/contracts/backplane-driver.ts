/**
 * What the contract suite drives: one replica's view of a backplane, where every call is a promise and every value
 * plain data, so that a node may live in another process. `driveBackplane` makes one around a backplane in this
 * process; a home whose nodes are processes runs it over there and forwards the calls.
 */
import { Server } from 'socket.io';
import type {
  AdapterClass,
  Announcement,
  Backplane,
  BackplaneState,
  CallCounts,
  Lease,
  LeaderNotes,
  TickStore,
  UserSeats,
} from '../../src/backplane/contract.ts';
import type { StoreSettings } from '../../src/backplane/store-settings.ts';

/** What a call to the leader came to; an error is told by name and text, since classes do not cross processes. */
export type CallOutcome = { ok: true; answer: unknown } | { ok: false; name: string; message: string };

/** What reached a node, in the order of its arrival. */
export type Received =
  | { kind: 'emit'; room: string; payload: unknown }
  | { kind: 'announcement'; announcement: Announcement }
  | { kind: 'held call'; held: string };

/** A request that makes the serving node throw an Error with that text, or tell it among `received` and never answer. */
interface ScriptedRequest {
  fail?: string;
  hold?: string;
}

export interface BackplaneDriver {
  /** The node's id, which its lease records carry. */
  readonly node: string;
  readonly lease: Pick<Lease, 'read' | 'take' | 'beat' | 'release'>;
  readonly leaderNotes: LeaderNotes;
  readonly tickStore: TickStore;
  readonly callCounts: CallCounts;
  readonly userSeats: Omit<UserSeats, 'node'>;
  /** The node's name among the seats. */
  seatNode(): Promise<string>;
  /** How often `onRelease` fired so far. */
  releases(): Promise<number>;
  /** Serves that epoch: answers each request with `{ by: node, request }`, or does as a `ScriptedRequest` says. */
  serve(epoch: number): Promise<void>;
  stopServing(epoch: number): Promise<void>;
  call(epoch: number, request: unknown): Promise<CallOutcome>;
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

/** Opens a new, empty home with that many nodes and a store of that size; resolves when each one's state is up. */
export type OpenHome = (nodes: number, settings?: Partial<StoreSettings>) => Promise<Home>;

/** Drives a backplane of this process. A Socket.IO server without a listener stands on its adapter. */
export function driveBackplane(backplane: Backplane, node: string): BackplaneDriver {
  const received: Received[] = [];
  let releases = 0;
  backplane.lease.onRelease(() => void releases++);
  backplane.onAnnouncement((announcement) => void received.push({ kind: 'announcement', announcement }));

  let Wrapped: AdapterClass | null = null;
  const io = new Server({
    adapter: backplane.adapter((base) => {
      Wrapped = class extends base {};
      return Wrapped;
    }),
  });
  const namespace = io.of('/');
  const members: Map<string, unknown> = namespace.sockets;
  const serving = new Map<number, () => void>();

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
    leaderNotes: backplane.leaderNotes,
    tickStore: backplane.tickStore,
    callCounts: backplane.callCounts,
    userSeats: backplane.userSeats,
    seatNode: async () => backplane.userSeats.node,
    releases: async () => releases,
    serve: async (epoch) => void serving.set(epoch, backplane.leaderLine.serve(epoch, answer)),
    stopServing: async (epoch) => serving.get(epoch)?.(),
    call: async (epoch, request) => {
      try {
        return { ok: true, answer: await backplane.leaderLine.call(epoch, request) };
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        return { ok: false, name: error.name, message: error.message };
      }
    },
    announce: async (announcement) => backplane.announce(announcement),
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
      backplane.announce(announcement);
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
