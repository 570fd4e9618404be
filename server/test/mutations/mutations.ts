/**
 * The guards of the server that tests must cover: for each one a change of the source that takes the guard out, and the
 * quickest test files that turn red with the change. Knows nothing of how a mutation is run.
 */

/** One change of one source file, and the tests that must notice the change. Paths begin at the project's folder. */
export interface Mutation {
  readonly name: string;
  /** The rule that the change breaks, in one sentence. */
  readonly rule: string;
  readonly file: string;
  /** Text that occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** At least one test of these files must fail. All of them are part of `npm test`. */
  readonly tests: readonly string[];
}

const tickScripts = 'server/src/backplane/redis/tick-scripts.ts';
const redisTickStore = 'server/src/backplane/redis/tick-store.ts';
const memoryShard = 'server/src/backplane/local/memory-shard.ts';
const sequencer = 'server/src/fanout/sequencer.ts';

const redisContract = ['server/test/contracts/redis-backplane.test.ts'];
const localContract = ['server/test/contracts/local-backplane.test.ts'];
const redisLives = ['server/test/contracts/redis-lives.test.ts'];
const sequencerTests = ['server/src/fanout/sequencer.test.ts'];
const replayTests = ['server/src/session/replay.test.ts'];
const unreadTests = ['server/test/wire/unread.test.ts'];
const doorTests = ['server/test/wire/door.test.ts'];

/** All mutations; their names are what `npm run test:mutations` takes as arguments. */
export const mutations: readonly Mutation[] = [
  {
    name: 'fence',
    rule: 'The store in Redis refuses an append of any epoch but the claimed one.',
    file: tickScripts,
    find: "if meta[2] ~= ARGV[2] then return 'epoch' end\n",
    replace: '',
    tests: redisContract,
  },
  {
    name: 'fence-memory',
    rule: 'The store in memory refuses an append of any epoch but the claimed one.',
    file: memoryShard,
    find: "      if (epoch !== life.epoch) return { ok: false, reason: 'epoch' };\n",
    replace: '',
    tests: localContract,
  },
  {
    name: 'claim',
    rule: 'A claim in Redis writes its epoch, so that the earlier leader can append nothing more.',
    file: tickScripts,
    find: "redis.call('HSET', KEYS[1], 'gen', gen, 'epoch', ARGV[1], 'run', run)",
    replace:
      "redis.call('HSET', KEYS[1], 'gen', gen, 'run', run)\nredis.call('HSETNX', KEYS[1], 'epoch', ARGV[1])",
    tests: redisContract,
  },
  {
    name: 'claim-memory',
    rule: 'A claim in memory writes its epoch, so that the earlier leader can append nothing more.',
    file: memoryShard,
    find: 'life = { gen: life?.gen ?? makeGeneration(), epoch };',
    replace: 'life = { gen: life?.gen ?? makeGeneration(), epoch: life?.epoch ?? epoch };',
    tests: localContract,
  },
  {
    name: 'run-id-claim',
    rule: 'A claim in a restarted Redis begins a new generation.',
    file: tickScripts,
    find: 'if not gen or meta[3] ~= run then',
    replace: 'if not gen then',
    tests: redisLives,
  },
  {
    name: 'run-id-append',
    rule: 'A restarted Redis refuses the append of a leader that claimed before the restart.',
    file: tickScripts,
    find: "if not string.find(redis.call('INFO', 'server'), 'run_id:' .. meta[3], 1, true) then return 'generation' end\n",
    replace: '',
    tests: redisLives,
  },
  {
    name: 'batch-id',
    rule: 'The store in Redis appends a batch once, although the leader sends it again.',
    file: tickScripts,
    find: 'if meta[4] == ARGV[3] then return {1, meta[5]} end\n',
    replace: '',
    tests: redisContract,
  },
  {
    name: 'batch-id-memory',
    rule: 'The store in memory appends a batch once, although the leader sends it again.',
    file: memoryShard,
    find: '      if (batchId === last?.batchId) return { ok: true, seqs: last.seqs, replayed: true };\n',
    replace: '',
    tests: localContract,
  },
  {
    name: 'repair-hole',
    rule: '[SQ3] A tick that is ahead waits until the missing ticks were read from the store.',
    file: sequencer,
    find: '      hold(tick, deliverIt);\n      startRead();\n',
    replace: '      pass(tick, deliverIt);\n',
    tests: sequencerTests,
  },
  {
    name: 'repair-digest',
    rule: '[SQ8] A sequencer that is behind the head that the leader announced reads the store.',
    file: sequencer,
    find: "if (state === 'closed' || (expectedGen === gen && seq <= (head?.seq ?? 0))) return;",
    replace: 'if (seq >= 0) return;',
    tests: sequencerTests,
  },
  {
    name: 'repair-announcement',
    rule: '[SQ8] The heads that the leader announced reach the sequencers.',
    file: 'server/src/fanout/fanout.ts',
    find: 'for (const [symbol, gen, seq] of heads) sequencers.get(symbol)?.expect(gen, seq);',
    replace: 'void heads;',
    tests: ['server/test/wire/repair.test.ts'],
  },
  {
    name: 'repair-wiring',
    rule: '[SQ8] The heads that the leader announced reach the fan-out of every replica.',
    file: 'server/src/replica.ts',
    find: '    fanout.expect(announcement.heads);\n',
    replace: '',
    tests: ['server/test/wire/repair.test.ts'],
  },
  {
    name: 'recovery-redis-count',
    rule: '[RC2] The store in Redis gives all missed ticks or none, although the end of a history is gone.',
    file: redisTickStore,
    find: 'if (!Array.isArray(reply) || reply.length !== head - seq) return null;',
    replace: 'if (!Array.isArray(reply)) return null;',
    tests: redisLives,
  },
  {
    name: 'recovery-redis-seq',
    rule: '[RC2] The store in Redis gives all missed ticks or none, although a history has a hole.',
    file: redisTickStore,
    find: '    if (entry.slice(0, colon) !== String(own)) return null;\n',
    replace: '',
    tests: redisLives,
  },
  {
    name: 'recovery-memory',
    rule: '[RC2] The store in memory gives all missed ticks or none.',
    file: 'server/src/backplane/local/tick-history.ts',
    find: 'if (!(missed >= 0 && missed <= ring.length)) return null;',
    replace: 'if (!(missed >= 0)) return null;',
    tests: ['server/src/backplane/local/tick-history.test.ts'],
  },
  {
    name: 'recovery-part',
    rule: '[RC2] A session never replays a part of what its client missed.',
    file: 'server/src/session/replay.ts',
    find: 'return rest === null ? null : [...ticks, ...rest];',
    replace: 'return [...ticks, ...(rest ?? [])];',
    tests: replayTests,
  },
  {
    name: 'recovery-generation',
    rule: '[RC2] A position in another generation is not recovered.',
    file: 'server/src/session/replay.ts',
    find: 'if (missed === null || stream.gen() !== gen || seq > head) return null;',
    replace: 'if (missed === null || seq > head) return null;',
    tests: replayTests,
  },
  {
    name: 'recovery-gap',
    rule: '[RC3] Ticks that are gone when a replay ends are replaced by a snapshot.',
    file: 'server/src/session/replay.ts',
    find: "if (passed === null) sendSnapshot(stream.gen() === gen ? 'gap' : 'generation');\n  else if (passed.length > 0)",
    replace: 'if (passed !== null && passed.length > 0)',
    tests: replayTests,
  },
  {
    name: 'recovery-answer',
    rule: '[RC2] The answer says `recovered: true` only if every missed tick follows.',
    file: 'server/src/session/subscriptions.ts',
    find: 'missedUpToHead(missed.get(symbol) ?? null, position, stream)',
    replace: '(missedUpToHead(missed.get(symbol) ?? null, position, stream) ?? [])',
    tests: ['server/test/wire/recovery.test.ts'],
  },
  {
    name: 'write-buffer',
    rule: '[LM2] A client that never reads is disconnected when its write buffer is too large.',
    file: 'server/src/session/connection-guard.ts',
    find: "      if (bytes > maxUnreadBytes) end(connection, 'unread');\n",
    replace: '',
    tests: unreadTests,
  },
  {
    name: 'ack-window',
    rule: '[SL1] The bytes on their way to a client are limited.',
    file: 'server/src/fanout/ack-window.ts',
    find: 'return this.#written - this.#acked + bytes <= this.#limit;',
    replace: 'return this.#written - this.#acked + bytes >= 0;',
    tests: ['server/src/fanout/ack-window.test.ts'],
  },
  {
    name: 'ack-window-write',
    rule: '[SL1] A batch that does not fit the window of a client is held back.',
    file: 'server/src/fanout/outlet.ts',
    find: '      this.#window.fits(batch.bytes) &&\n',
    replace: '',
    tests: ['server/src/fanout/outlet.test.ts'],
  },
  {
    name: 'origin',
    rule: '[CN1] A page of a foreign origin may not connect.',
    file: 'server/src/session/origins.ts',
    find: 'origin === undefined || isNamed(origin) || isOwn(origin, host),',
    replace: 'origin === undefined || isNamed(origin) || URL.canParse(origin),',
    tests: doorTests,
  },
  {
    name: 'origin-handshake',
    rule: '[CN1] Every handshake is checked for its origin.',
    file: 'server/src/session/door.ts',
    find: "return origins.mayConnect(request) ? null : 'origin_not_allowed';",
    replace: 'return null;',
    tests: doorTests,
  },
];
