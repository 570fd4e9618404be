/** The process of one peer, told what to send and asked what it took. Ends with the benchmark. */
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import type { Tick } from '../../protocol/index.ts';
import { answerParent } from '../child-calls.ts';
import { serverText } from '../driver/frame-parser.ts';
import { createScript, tickMessage, type Script } from '../script.ts';
import { createFloorPeer } from './floor.ts';
import { createOurReplica } from './our-replica.ts';
import { createOursPeer } from './ours.ts';
import type { Peer } from './peer.ts';
import type { PeerName, ServerCalls, StartRequest } from './server-calls.ts';
import { createStockPeer, createStockReplica } from './stock.ts';
import { createWsPeer } from './ws.ts';

/** Collections until what was let go is gone, and the pause between them, in which finalizers run. */
const collections = 4;
const pauseMs = 100;

let running: { peer: Peer; script: Script } | null = null;
const inspector = new Session();
/** The ticks of each turn to come. */
let prepared: Tick[][] = [];

function theRunning(): { peer: Peer; script: Script } {
  if (running === null) throw new Error('no peer was started');
  return running;
}

const peers: Record<PeerName, (request: StartRequest) => Promise<Peer>> = {
  ours: createOursPeer,
  'our replica': createOurReplica,
  stock: createStockPeer,
  'stock replica': ({ redisUrl = '' }) => createStockReplica({ redisUrl }),
  ws: createWsPeer,
  floor: createFloorPeer,
};

answerParent({
  start: async (request) => {
    const peer = await peers[request.peer](request);
    running = { peer, script: createScript(request.symbols, peer.gen) };
    return peer.port;
  },
  prepare: (turns) => {
    const { peer, script } = theRunning();
    const bytes: number[] = [];
    prepared = Array.from({ length: turns }, () => script.next());
    for (const ticks of prepared)
      for (const [place, tick] of ticks.entries())
        bytes[place] = (bytes[place] ?? 0) + serverText(tickMessage(tick)).length;
    peer.prepare?.(prepared);
    return { seq: script.seq(), bytes };
  },
  turn: () => {
    const { peer } = theRunning();
    const ticks = prepared.shift() ?? [];
    const ts = Date.now();
    for (const tick of ticks) tick.ts = ts;
    peer.turn(ticks);
  },
  cpu: () => {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
  startProfile: async () => {
    inspector.connect();
    await inspector.post('Profiler.enable');
    await inspector.post('Profiler.start');
  },
  writeProfile: async (path) => {
    const { profile } = await inspector.post('Profiler.stop');
    writeFileSync(path, JSON.stringify(profile));
  },
  memory: async () => {
    for (let i = 0; i < collections; i++) {
      globalThis.gc?.();
      await delay(pauseMs);
    }
    return process.memoryUsage.rss();
  },
} satisfies ServerCalls);
