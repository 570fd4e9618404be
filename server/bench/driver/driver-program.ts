/** The driver's process: plays the clients, and watches how late it is itself. Ends with the benchmark. */
import { answerParent } from '../child-calls.ts';
import { count, createCrowd, quantile, type Crowd } from './crowd.ts';
import type { DriverCalls } from './driver-calls.ts';

const lagEveryMs = 10;
const maxLagMs = 10_000;
const lags = new Uint32Array(maxLagMs + 1);
const crowds = new Map<number, Crowd>();
const buffer = Buffer.allocUnsafeSlow(262_144);
let names = 0;

let expectedAt = performance.now() + lagEveryMs;
setInterval(() => {
  const now = performance.now();
  count(lags, now - expectedAt);
  expectedAt = now + lagEveryMs;
}, lagEveryMs);

let usage = process.cpuUsage();
let talliedAt = performance.now();

/** How late and how busy the driver was since the last call, whichever crowd was asked for. */
function ownState(): { lagP99: number; busy: number } {
  const { user, system } = process.cpuUsage(usage);
  const now = performance.now();
  const state = { lagP99: quantile(lags, 0.99), busy: (user + system) / 1_000 / (now - talliedAt) };
  lags.fill(0);
  usage = process.cpuUsage();
  talliedAt = now;
  return state;
}

function crowdOf(name: number): Crowd {
  const crowd = crowds.get(name);
  if (crowd === undefined) throw new Error(`there is no crowd ${name}`);
  return crowd;
}

answerParent({
  open: async (request) => {
    names += 1;
    const crowd = names;
    const opened = createCrowd(crowd, request, buffer);
    crowds.set(crowd, opened);
    return { crowd, ms: await opened.opened };
  },
  arrive: (crowd, seq, withinMs) => crowdOf(crowd).arrive(seq, withinMs),
  tally: (crowd) => ({ ...crowdOf(crowd).tally(), ...ownState() }),
  seen: (crowd) => crowdOf(crowd).seen(),
  head: (crowd) => crowdOf(crowd).head(),
  stick: (crowd) => crowdOf(crowd).stick(),
  close: async (crowd) => {
    await crowdOf(crowd).close();
    crowds.delete(crowd);
  },
} satisfies DriverCalls);
