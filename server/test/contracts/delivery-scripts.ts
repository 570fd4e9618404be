/** What a server's own code may do with rooms that ticks go to, among ticks; each is run on a stock server and on ours. */
import type { Server, Socket } from 'socket.io';
import type { Tick } from '../../protocol/index.ts';

/** Where a script runs. */
export interface Scene {
  readonly io: Server;
  /** Gives a tick of the log to every node: a stock server emits it to the symbol's room. */
  deliver(tick: Tick): void;
  /** Keeps what the server saw; compared as well. */
  note(...what: unknown[]): void;
  /** A client of this server, by its name. */
  socket(name: string): Socket;
}

type Script = (scene: Scene) => void | Promise<void>;

export function tickOf(symbol: string, seq: number): Tick {
  return { symbol, gen: 'gen001', seq, ts: 1_700_000_000_000, price: `${seq}.5` };
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
const names = (sockets: readonly { data: { name?: string } }[]): unknown[] =>
  sockets.map(({ data }) => String(data.name)).toSorted();

let streaming = false;
let streamed = 0;

function emitTick(scene: Scene, symbol: string, seq: number): void {
  scene.deliver(tickOf(symbol, seq));
}

export const deliveryScripts = {
  fence: ({ io }) => {
    io.emit('fence');
    io.of('/other').emit('fence');
  },

  'ticks of one turn': (scene) => {
    for (const [symbol, seq] of [
      ['A', 1],
      ['B', 1],
      ['A', 2],
      ['C', 1],
      ['B', 2],
      ['A', 3],
    ] as const)
      emitTick(scene, symbol, seq);
  },

  'ticks of many turns': async (scene) => {
    for (let seq = 1; seq <= 40; seq++) {
      emitTick(scene, 'A', seq);
      emitTick(scene, 'B', seq);
      if (seq % 4 === 0) await turn();
    }
  },

  'joins and leaves among ticks': async (scene) => {
    const seqs = { A: 0, C: 0, D: 0 };
    const emitNext = (symbol: keyof typeof seqs): void => emitTick(scene, symbol, ++seqs[symbol]);
    for (const name of ['ws-0', 'poll-0']) {
      const socket = scene.socket(name);
      emitNext('A');
      void socket.join(['tick:C', 'tick:D', 'elsewhere']);
      emitNext('C');
      emitNext('A');
      void socket.leave('tick:A');
      emitNext('A');
      emitNext('C');
      void socket.leave('elsewhere');
      void socket.join('tick:A');
      void socket.leave('tick:C');
      emitNext('C');
      emitNext('A');
      void socket.join('tick:A');
      void socket.leave('tick:D');
      emitNext('D');
      await turn();
      emitNext('A');
      emitNext('C');
    }
  },

  'sockets are made to join and to leave': (scene) => {
    const { io } = scene;
    emitTick(scene, 'A', 1);
    io.in('tick:A').socketsJoin(['tick:C']);
    emitTick(scene, 'C', 1);
    io.in('name:ws-0').socketsLeave('tick:A');
    emitTick(scene, 'A', 2);
    io.in('name:poll-1').socketsLeave(['tick:C', 'tick:B']);
    emitTick(scene, 'C', 2);
    emitTick(scene, 'B', 1);
  },

  'sockets are disconnected': (scene) => {
    const { io } = scene;
    emitTick(scene, 'A', 1);
    io.in('name:ws-0').disconnectSockets();
    emitTick(scene, 'A', 2);
    io.in(['name:poll-0', 'name:ws-1']).disconnectSockets(true);
    emitTick(scene, 'A', 3);
  },

  'the sockets of a tick room are disconnected': (scene) => {
    emitTick(scene, 'A', 1);
    emitTick(scene, 'B', 1);
    scene.io.in('tick:B').disconnectSockets();
    emitTick(scene, 'A', 2);
  },

  'middleware of the server and of sockets': (scene) => {
    for (const name of ['ws-0', 'poll-0', 'early-0']) {
      const { data, rooms, id } = scene.socket(name);
      scene.note(
        name,
        data['used'],
        [...rooms].filter((room) => room !== id),
      );
    }
    emitTick(scene, 'A', 1);
  },

  'listeners of what goes out': async (scene) => {
    const sockets = ['ws-0', 'poll-0'].map((name) => scene.socket(name));
    scene.io.local.to('tick:A').emit('mark', tickOf('A', 1));
    await turn();
    for (const socket of sockets) {
      socket.onAnyOutgoing((...args: unknown[]) => scene.note(socket.data['name'], 'second', args));
      socket.prependAnyOutgoing((...args: unknown[]) => scene.note(socket.data['name'], 'first', args));
    }
    emitTick(scene, 'A', 2);
    emitTick(scene, 'A', 3);
    scene.io.to('tick:A').emit('note', 'between');
    scene.io.to(['tick:A', 'tick:B']).emit('mark', tickOf('A', 4));
    await turn();
    for (const socket of sockets) socket.offAnyOutgoing();
    scene.io.local.to('tick:A').emit('mark', tickOf('A', 5));
  },

  'ticks that ask for an answer': async (scene) => {
    const { io, note } = scene;
    // Without a way over the bus, which some adapters wait for, and not where an answer is asked for.
    io.local.to('tick:A').emit('mark', tickOf('A', 1));
    const asked = io.to('tick:A').timeout(5_000).emitWithAck('mark', tickOf('A', 2));
    emitTick(scene, 'A', 3);
    const called = new Promise<void>((resolve) => {
      io.to('tick:B')
        .timeout(5_000)
        .emit('mark', tickOf('B', 1), (error: Error | null, answers: string[]) => {
          note('called', error, answers.toSorted());
          resolve();
        });
    });
    note('asked', (await asked).toSorted());
    await called;
    note('one', await scene.socket('ws-0').timeout(5_000).emitWithAck('mark', tickOf('A', 4)));
  },

  'ticks to some of a room': (scene) => {
    const { io } = scene;
    emitTick(scene, 'A', 1);
    io.to('tick:A').except('tick:B').emit('mark', tickOf('A', 2));
    emitTick(scene, 'A', 3);
    io.to('tick:A').except(['name:ws-0', 'name:poll-1']).emit('mark', tickOf('A', 4));
    scene.socket('ws-0').to('tick:A').emit('mark', tickOf('A', 5));
    scene.socket('poll-0').broadcast.to('tick:B').emit('mark', tickOf('B', 1));
    emitTick(scene, 'A', 6);
  },

  'ticks to this server alone': (scene) => {
    scene.io.local.to('tick:A').emit('mark', tickOf('A', 1));
    scene.socket('ws-0').local.to('tick:A').emit('mark', tickOf('A', 2));
    scene.io.local.to('tick:B').emit('note', 'local');
  },

  /** Nothing: a node runs it when each of its polls waits for an answer. */
  settle: () => {},

  'a tick that may be lost': ({ io }) => {
    io.to('tick:A').volatile.emit('mark', tickOf('A', 1));
  },

  'ticks to several rooms at once': (scene) => {
    const { io } = scene;
    emitTick(scene, 'A', 1);
    io.to(['tick:A', 'tick:B']).emit('mark', tickOf('A', 2));
    io.to('tick:B').to('name:ws-0').to('tick:A').emit('mark', tickOf('B', 1));
    emitTick(scene, 'A', 3);
    io.emit('mark', tickOf('A', 4));
  },

  'other events in a tick room': (scene) => {
    const { io } = scene;
    const room = io.to('tick:A');
    emitTick(scene, 'A', 1);
    room.emit('note', { about: 'A' });
    emitTick(scene, 'A', 2);
    room.emit('tick', { symbol: 'A', seq: 'three' });
    room.emit('tick', null);
    room.emit('tick');
    emitTick(scene, 'A', 3);
    room.emit('mark', tickOf('A', 4), 'and more');
    room.emit('mark', tickOf('B', 9));
    room.emit('mark', { ...tickOf('A', 5), price: 'é\u2028"', extra: [{ deep: null }] });
    emitTick(scene, 'A', 6);
    room.emit('another', 1, [2], { three: 3 });
  },

  'binary in a tick room': (scene) => {
    const { io } = scene;
    emitTick(scene, 'A', 1);
    io.to('tick:A').emit('mark', { ...tickOf('A', 2), blob: Buffer.from([1, 2, 3]) });
    emitTick(scene, 'A', 3);
    io.to('tick:A').emit('note', Buffer.from('raw'), { deep: Buffer.alloc(3) });
    emitTick(scene, 'A', 4);
  },

  'another namespace': (scene) => {
    const other = scene.io.of('/other');
    emitTick(scene, 'A', 1);
    other.to('tick:A').emit('tick', tickOf('A', 100));
    other.to('tick:A').emit('note', 'other');
    emitTick(scene, 'A', 2);
    other.to('tick:A').emit('tick', tickOf('A', 101));
    other.in('tick:A').socketsLeave('tick:A');
    other.to('tick:A').emit('tick', tickOf('A', 102));
  },

  'who is in the rooms': async (scene) => {
    const { io, note } = scene;
    emitTick(scene, 'A', 1);
    note(names(await io.in('tick:A').fetchSockets()));
    note(names(await io.in('tick:A').except('tick:B').fetchSockets()));
    note(names(await io.local.fetchSockets()));
    for (const { data, rooms, id } of await io.in('name:ws-0').fetchSockets())
      note(data, [...rooms].filter((room) => room !== id).toSorted());
    emitTick(scene, 'A', 2);
  },

  'events to single sockets among ticks': (scene) => {
    emitTick(scene, 'A', 1);
    scene.socket('ws-0').emit('note', 1);
    emitTick(scene, 'A', 2);
    scene.socket('poll-0').emit('note', 2);
    scene.io.to('name:ws-1').emit('note', 3);
    scene.io.emit('note', 4);
    emitTick(scene, 'B', 1);
  },

  'more than a client takes at once': async (scene) => {
    for (let seq = 1; seq <= 3_000; seq++) {
      emitTick(scene, 'A', seq);
      if (seq % 3 === 0) emitTick(scene, 'B', seq / 3);
      if (seq % 50 === 0) await turn();
    }
  },

  'one write for each turn': async (scene) => {
    const socket = scene.socket('ws-0');
    const { _socket: tcp } = (socket.conn.transport as unknown as { socket: { _socket: { write: unknown } } })
      .socket;
    const write = tcp.write as (...args: unknown[]) => boolean;
    let writes = 0;
    tcp.write = (...args: unknown[]) => {
      writes++;
      return write.apply(tcp, args);
    };
    void socket.join(['tick:C', 'tick:D']);
    for (let round = 1; round <= 3; round++) {
      for (let seq = 1; seq <= 10; seq++) {
        for (const symbol of ['A', 'B', 'C', 'D']) emitTick(scene, symbol, round * 10 + seq);
      }
      await turn();
      await turn();
    }
    Reflect.deleteProperty(tcp, 'write');
    scene.note('writes', writes);
  },

  'a stream begins': async (scene) => {
    streaming = true;
    for (streamed = 0; streaming && streamed < 20_000;) {
      emitTick(scene, 'A', ++streamed);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  },

  'the stream ends': ({ note }) => {
    streaming = false;
    note('streamed', streamed);
  },
} satisfies Record<string, Script>;

export type ScriptName = keyof typeof deliveryScripts;
