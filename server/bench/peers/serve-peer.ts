/** The process of one peer: answers the benchmark, makes the ticks and sends them when it says so. Runs in Node and in Bun. */
import { writeFileSync } from 'node:fs';
import type { Session } from 'node:inspector/promises';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import type { Tick } from '../../protocol/index.ts';
import { answerParent } from '../child-calls.ts';
import { serverText } from '../driver/frame-parser.ts';
import { createScript, tickMessage, type Script } from '../script.ts';
import type { Peer } from './peer.ts';
import type { Phases, ServerCalls, StartRequest } from './server-calls.ts';

/** Collections until all garbage is gone, and the pause between them, in which finalizers run. */
const collections = 4;
const pauseMs = 100;
/** Multiples of it, without their whole part, are spread evenly over 0 to 1, however many there are. */
const goldenRatio = 0.618_033_988_75;

/** Ticks that are sent in one turn, and when, in milliseconds from the first one. */
interface Turn {
  ticks: Tick[];
  dueMs: number;
}

/** Answers the benchmark with the peer that `startPeer` gives. */
export function servePeer(startPeer: (request: StartRequest) => Promise<Peer>): void {
  let running: { peer: Peer; script: Script } | null = null;
  let profiler: Session | null = null;
  let prepared: Turn[] = [];
  let next = 0;

  function theRunning(): { peer: Peer; script: Script } {
    if (running === null) throw new Error('no peer was started');
    return running;
  }

  function sendNext(peer: Peer): void {
    const ticks = prepared[next]?.ticks ?? [];
    next += 1;
    const ts = Date.now();
    for (const tick of ticks) tick.ts = ts;
    peer.turn(ticks);
  }

  answerParent({
    start: async (request) => {
      const peer = await startPeer(request);
      running = { peer, script: createScript(request.symbols, peer.gen, peer.seq) };
      return peer.port;
    },
    prepare: (rounds, phases) => {
      const { peer, script } = theRunning();
      const bytes: number[] = [];
      prepared = [];
      next = 0;
      for (let round = 0; round < rounds; round++) {
        const ticks = script.next();
        for (const [place, tick] of ticks.entries())
          bytes[place] = (bytes[place] ?? 0) + serverText(tickMessage(tick)).length;
        prepared.push(...turnsOf(ticks, round, phases));
      }
      peer.prepare?.(prepared.map(({ ticks }) => ticks));
      return { seq: script.seq(), bytes };
    },
    turn: () => sendNext(theRunning().peer),
    play: async () => {
      const { peer } = theRunning();
      const startedAt = performance.now();
      for (;;) {
        let due = prepared[next];
        while (due !== undefined && due.dueMs <= performance.now() - startedAt) {
          sendNext(peer);
          due = prepared[next];
        }
        if (due === undefined) return;
        await delay(Math.max(0, due.dueMs - (performance.now() - startedAt)));
      }
    },
    cpu: () => {
      const { user, system } = process.cpuUsage();
      return user + system;
    },
    startProfile: async () => {
      const { Session: ProfiledSession } = await import('node:inspector/promises');
      profiler = new ProfiledSession();
      profiler.connect();
      await profiler.post('Profiler.enable');
      await profiler.post('Profiler.start');
    },
    writeProfile: async (path) => {
      if (profiler === null) throw new Error('no profile was started');
      const { profile } = await profiler.post('Profiler.stop');
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
}

/** The turns of one round of all symbols. */
function turnsOf(ticks: Tick[], round: number, phases: Phases): Turn[] {
  if (phases.are === 'together') return [{ ticks, dueMs: 0 }];
  const { everyMs } = phases;
  return ticks
    .map((tick, place) => ({ ticks: [tick], dueMs: (round + ((place * goldenRatio) % 1)) * everyMs }))
    .toSorted((a, b) => a.dueMs - b.dueMs);
}
