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

const logScripts = 'server/src/backplane/redis/redis-log-scripts.ts';
const memoryLog = 'server/src/log/memory-log.ts';
const logReader = 'server/src/log/log-reader.ts';
const priceBook = 'server/src/log/price-book.ts';

const redisContract = ['server/test/contracts/redis-backplane.test.ts'];
const localContract = ['server/test/contracts/local-backplane.test.ts'];
const redisLives = ['server/test/contracts/redis-lives.test.ts'];
const readerTests = ['server/src/log/log-reader.test.ts'];
const bookTests = ['server/src/log/price-book.test.ts'];
const replayTests = ['server/src/session/replay.test.ts'];
const unreadTests = ['server/test/wire/unread.test.ts'];
const originTests = ['server/test/wire/handshake.test.ts'];

/** All mutations; their names are what `npm run test:mutations` takes as arguments. */
export const mutations: readonly Mutation[] = [
  {
    name: 'fence',
    rule: 'The log in Redis refuses an append of any epoch but the claimed one.',
    file: logScripts,
    find: "if meta[2] ~= ARGV[2] then return 'epoch' end\n",
    replace: '',
    tests: redisContract,
  },
  {
    name: 'fence-memory',
    rule: 'The log in memory refuses an append of any epoch but the claimed one.',
    file: memoryLog,
    find: "      if (epoch !== claimed.epoch) return { ok: false, reason: 'epoch' };\n",
    replace: '',
    tests: localContract,
  },
  {
    name: 'claim',
    rule: 'A claim in Redis writes its epoch, so that the earlier leader can append nothing more.',
    file: logScripts,
    find: "redis.call('HSET', KEYS[1], 'gen', gen, 'epoch', ARGV[1], 'owner', ARGV[2], 'run', run, 'number', number)",
    replace:
      "redis.call('HSET', KEYS[1], 'gen', gen, 'owner', ARGV[2], 'run', run, 'number', number)\nredis.call('HSETNX', KEYS[1], 'epoch', ARGV[1])",
    tests: redisContract,
  },
  {
    name: 'claim-memory',
    rule: 'A claim in memory writes its epoch, so that the earlier leader can append nothing more.',
    file: memoryLog,
    find: '      claimed = { epoch, owner };\n',
    replace: '      if (claimed.epoch === 0) claimed = { epoch, owner };\n',
    tests: localContract,
  },
  {
    name: 'run-id-claim',
    rule: 'A claim in a restarted Redis begins a new generation.',
    file: logScripts,
    find: 'if not gen or meta[4] ~= run or isBehind then',
    replace: 'if not gen or isBehind then',
    tests: redisLives,
  },
  {
    name: 'number',
    rule: 'The log in Redis refuses a batch whose number does not follow: a server that lost batches fails this check.',
    file: logScripts,
    find: "if tonumber(ARGV[3]) ~= tonumber(meta[3]) + 1 then return 'number' end\n",
    replace: '',
    tests: redisContract,
  },
  {
    name: 'number-memory',
    rule: 'The log in memory refuses a batch whose number does not follow.',
    file: memoryLog,
    find: "      if (number !== book.number() + 1) return { ok: false, reason: 'number' };\n",
    replace: '',
    tests: localContract,
  },
  {
    name: 'same-number',
    rule: 'The log in Redis stores a batch once, although it is sent again.',
    file: logScripts,
    find: "if meta[3] == ARGV[3] then return 'ok' end\n",
    replace: '',
    tests: redisContract,
  },
  {
    name: 'push-ids',
    rule: '[PB5] The log in Redis stores a push with an Idempotency-Key once.',
    file: logScripts,
    find: 'if #known > 0 then return known end\n',
    replace: '',
    tests: redisContract,
  },
  {
    name: 'push-ids-memory',
    rule: '[PB5] The log in memory stores a push with an Idempotency-Key once.',
    file: memoryLog,
    find: "      if (known.length > 0) return { ok: false, reason: 'pushes', known };\n",
    replace: '',
    tests: localContract,
  },
  {
    name: 'unsure-append',
    rule: '[PB6] Ticks of a source whose append got no answer are appended again only if it was not stored.',
    file: 'server/src/leader/term.ts',
    find: 'if (before !== null && isMissing(before, gen)) {',
    replace: 'if (before !== null) {',
    tests: ['server/src/leader/term.test.ts'],
  },
  {
    name: 'gap-repair',
    rule: '[SQ3] A batch that is ahead waits until the missing batches were read.',
    file: logReader,
    find: '    else if (isNext(batch)) apply(batch);\n',
    replace: '    else if (!isNext(batch)) apply(batch);\n',
    tests: readerTests,
  },
  {
    name: 'gap-beat',
    rule: '[SQ8] A replica that is behind the batch that the leader names reads the log.',
    file: logReader,
    find: '      if (!isReached({ gen, number })) catchUp();\n',
    replace: '      void isReached({ gen, number });\n',
    tests: readerTests,
  },
  {
    name: 'gap-wiring',
    rule: '[SQ8] The number that the leader names reaches the reader of every replica.',
    file: 'server/src/replica.ts',
    find: '    reader.expect(announcement.gen, announcement.number);\n',
    replace: '',
    tests: ['server/test/wire/repair.test.ts'],
  },
  {
    name: 'gap-gone',
    rule: '[RC2] The log in Redis says that batches are gone, and never gives later ones instead.',
    file: logScripts,
    find: 'if not found[1] or found[1][1] ~= id then return false end\n',
    replace: '',
    tests: redisLives,
  },
  {
    name: 'recovery-window',
    rule: '[RC2] A replica gives all missed ticks or none.',
    file: priceBook,
    find: 'missing < 0 || missing > (symbols.get(symbol)?.kept ?? 0) ? null : missing;',
    replace: 'missing < 0 ? null : missing;',
    tests: bookTests,
  },
  {
    name: 'recovery-generation',
    rule: '[RC2] A position in another generation is not recovered.',
    file: priceBook,
    find: 'inGen === gen && Number.isInteger(seq)',
    replace: 'Number.isInteger(seq)',
    tests: bookTests,
  },
  {
    name: 'recovery-gap',
    rule: '[RC3] Ticks that have left the window when a replay ends are replaced by a snapshot.',
    file: 'server/src/session/replay.ts',
    find: "      sendSnapshot(prices.gen() === gen ? 'gap' : 'generation');\n",
    replace: '',
    tests: replayTests,
  },
  {
    name: 'recovery-answer',
    rule: '[RC2] The answer says `recovered: true` only if every missed tick follows.',
    file: 'server/src/session/subscriptions.ts',
    find: 'everyMs > 0 ? null : prices.missedCount(symbol, position)',
    replace: 'everyMs > 0 ? null : (prices.missedCount(symbol, position) ?? 0)',
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
    find: '      this.#window.fits(group.bytes) &&\n',
    replace: '',
    tests: ['server/src/fanout/outlet.test.ts'],
  },
  {
    name: 'origin',
    rule: '[CN1] A page of a foreign origin may not connect.',
    file: 'server/src/session/origins.ts',
    find: 'origin === undefined || isNamed(origin) || isOwn(origin, host),',
    replace: 'origin === undefined || isNamed(origin) || URL.canParse(origin),',
    tests: originTests,
  },
  {
    name: 'origin-handshake',
    rule: '[CN1] Every handshake is checked for its origin.',
    file: 'server/src/session/door.ts',
    find: "return origins.mayConnect(request) ? null : 'origin_not_allowed';",
    replace: 'return null;',
    tests: originTests,
  },
];
