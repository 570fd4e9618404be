/**
 * One connection: greets it, keeps the set of its symbols, and answers each call exactly once. Subscribing ends in one
 * synchronous step (answer, snapshot, join), so that no tick is missing and none comes twice.
 * A class, and its listeners shared: thousands of them wait for most of their time. Knows no store and no other session. Keeps SPEC.md [SB1] to [SB6], [LM4] to [LM6], [MS1], [MS2].
 */
import type { DefaultEventsMap, Socket } from 'socket.io';
import {
  refusal,
  tickRoom,
  type MessageAck,
  type MessageRequest,
  type Quote,
  type CodeName,
  type Refusal,
  type ServerEvents,
  type SubscribeResult,
  type Tick,
} from '../../protocol/index.ts';
import type { Clock } from '../support/clock.ts';
import type { SignIn } from '../users/identity.ts';
import { parseBackendEvent, type Backend, type BackendLine } from './backend.ts';
import { answersRead, CallLine } from './call-line.ts';
import type { Client } from './client.ts';
import { renew, type SocketData } from './identify.ts';
import { JsonText, SnapshotText } from './json-text.ts';
import { parseMessage } from './message-request.ts';
import { missedAsOne, missedUpToHead, replay, type ReplayOptions } from './replay.ts';
import { parseSubscribe, parseUnsubscribe, type SubscribeCall, type Wanted } from './subscribe-request.ts';
import type { Streams } from './streams.ts';
import { parseTopics } from './watch-request.ts';
import type { Watchers } from './watchers.ts';
import { answerText, type BasketTexts, type SymbolTexts } from './symbol-texts.ts';
import type { Rate } from './token-bucket.ts';

export type ClientSocket = Socket<
  Record<string, (...args: unknown[]) => void>,
  ServerEvents,
  DefaultEventsMap,
  SocketData
>;

/** What all sessions of a replica share. */
export interface SessionStage {
  clock: Pick<Clock, 'monotonic'>;
  /** Calls that a session may make; a list counts one more for each 20 symbols. */
  calls: Rate;
  /** The most symbols that a session may have. */
  maxSubscriptions: number;
  /** Null where it is listed. */
  whyUnlisted: (symbol: string) => 'unknown_symbol' | 'retired' | null;
  textsOf: (head: Quote) => SymbolTexts;
  basketTexts: (list: readonly SymbolTexts[]) => BasketTexts;
  streams: Streams;
  /** Says who a client is, as it joins and when it shows another token. */
  signIn: SignIn;
  watchers: Pick<Watchers, 'watch' | 'unwatch'>;
  /** Sends what that user wrote to another, wherever that one is. */
  sendMessage: (from: string, request: MessageRequest) => Promise<MessageAck>;
  /** Takes events that are none of ours; null where nobody does. */
  backend: Backend | null;
  /** Fires for each symbol that a client asked to go on with. */
  onRecovery: (isRecovered: boolean, replayed: number) => void;
  /** Fires for each call that is refused, with its code's name. */
  onRefused: (socketId: string, name: string) => void;
  /** Fires for an error of ours while a call was answered; the client was told `internal`. */
  onError: (socketId: string, error: unknown) => void;
}

type Ack = (answer: object) => void;

/** Symbols in a call that count as much as another call. */
const symbolsPerCall = 20;

/** Of every session that has asked for nothing yet. */
const noRates = new Map<string, number>();
const nothingMissed: ReadonlyMap<string, Tick[] | null> = new Map();

/** Its caller hands it every call of its client, from `greet` on. */
export class Session {
  readonly socket: Client;
  /** Unlike the socket's known to the session alone. */
  readonly id: string;
  /** Proves to the HTTP API that a caller is this session. */
  readonly secret: string;
  readonly #stage: SessionStage;
  readonly #backendLine: BackendLine | null;
  /** Since its first call. */
  #calls: CallLine | null = null;
  /** The rate of each symbol that it has. */
  #rates = noRates;
  #isOver = false;

  constructor(socket: Client, stage: SessionStage, { id, secret }: { id: string; secret: string }) {
    this.socket = socket;
    this.id = id;
    this.secret = secret;
    this.#stage = stage;
    const { user } = socket.data.identity;
    this.#backendLine =
      stage.backend?.open({ session: id, user, ready: () => answersRead(socket.conn) }) ?? null;
  }

  /** Both as JSON. */
  greet({ hello, feed }: { hello: string; feed: string }): void {
    this.#emit('hello', new JsonText(hello));
    this.#emit('feed', new JsonText(feed));
  }

  /** From now on it joins no room; what it has joined, others leave. */
  end(): void {
    this.#isOver = true;
    this.#rates.clear();
    this.#backendLine?.end();
  }

  /** Its connection is about to be closed, and may still be told something: nothing that it waits for of a backend will come. */
  settle(): void {
    this.#backendLine?.leave();
  }

  /** No tick of these symbols comes any more; those that it does not have are no error. */
  drop(symbols: readonly string[]): void {
    for (const symbol of symbols) {
      this.#leaveRoom(symbol);
      this.#rates.delete(symbol);
    }
  }

  #emit(event: 'hello' | 'feed' | 'snapshot', payload: JsonText): void {
    const isWatched = this.socket.listenersAnyOutgoing().length > 0;
    this.socket.emit(event, isWatched ? payload.toJSON() : payload);
  }

  /** Takes what the client sent with an event, its name first. */
  take(args: readonly unknown[]): void {
    const last = args.at(-1);
    const ack = isAck(last) ? last : null;
    // A number, or nothing at all, may stand where the name belongs.
    const [event, ...payload] = ack === null ? args : args.slice(0, -1);
    if (event === 'subscribe') {
      const parsed = parseSubscribe(payload);
      if (parsed.ok) this.#inTurn(ack, () => this.#subscribe(parsed.value, ack), parsed.value.wanted.length);
      else this.#inTurn(ack, () => this.#refuse(ack, parsed.refusal));
    } else if (event === 'unsubscribe') {
      const parsed = parseUnsubscribe(payload);
      if (parsed.ok) this.#inTurn(ack, () => this.#unsubscribe(parsed.value, ack), parsed.value?.length);
      else this.#inTurn(ack, () => this.#refuse(ack, parsed.refusal));
    } else if (event === 'refresh_token') {
      const [token] = payload;
      if (payload.length === 1) this.#inTurn(ack, () => this.#refresh(token, ack));
      else
        this.#inTurn(ack, () => this.#refuse(ack, refusal('bad_payload', 'refresh_token takes one token')));
    } else if (event === 'send_message') {
      const parsed = parseMessage(payload);
      if (parsed.ok) this.#inTurn(ack, () => this.#sendMessage(parsed.value, ack));
      else this.#inTurn(ack, () => this.#refuse(ack, parsed.refusal));
    } else if (event === 'watch' || event === 'unwatch') {
      const parsed = parseTopics(event, payload);
      this.#inTurn(ack, () => (parsed.ok ? this.#watch(event, ack) : this.#refuse(ack, parsed.refusal)));
    } else this.#forward(event, payload, ack);
  }

  /** Past the calls of ours, which do not wait for a backend. */
  #forward(event: unknown, payload: readonly unknown[], ack: Ack | null): void {
    const line = this.#backendLine;
    if (line === null) {
      this.#inTurn(ack, () => this.#refuse(ack, refusal('unknown_event')));
      return;
    }
    const parsed = parseBackendEvent(event, payload);
    if (!parsed.ok) {
      this.#inTurn(ack, () => this.#refuse(ack, parsed.refusal));
      return;
    }
    if (!this.#line().mayCall(1)) {
      this.#refuseOneTooMany(ack);
      return;
    }
    const { event: name, data } = parsed.value;
    if (ack === null) line.send(name, data, null);
    else
      line.send(name, data, (answered) => {
        if (this.#isOver) return;
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- any JSON is an answer
        if (answered.ok) ack(answered.answer as object);
        else this.#refuse(ack, answered.refusal);
      });
  }

  #refuseOneTooMany(ack: Ack | null): void {
    this.#stage.onRefused(this.socket.id, 'too_many_calls');
    // Without the set: who calls too often is not to be sent it a thousand times.
    ack?.({ ok: false, ...refusal('too_many_calls') });
  }

  /** The room of the symbol's ticks at the rate at which it has them, whether or not it has joined already; null where it has not subscribed. */
  roomOf(symbol: string): string | null {
    const everyMs = this.#rates.get(symbol);
    return everyMs === undefined ? null : tickRoom(symbol, everyMs);
  }

  /** Listed, and permitted. */
  #mayHave(symbol: string): boolean {
    return this.#stage.whyUnlisted(symbol) === null && this.socket.data.identity.maySee(symbol);
  }

  #refuse(ack: Ack | null, why: Refusal): void {
    this.#stage.onRefused(this.socket.id, why.name);
    ack?.({ ok: false, symbols: [...this.#rates.keys()], ...why });
  }

  #inTurn(ack: Ack | null, call: () => void | Promise<void>, symbolCount = 0): void {
    const weight = 1 + symbolCount / symbolsPerCall;
    const isTaken = this.#line().take(call, weight, (error) => this.#failed(ack, error));
    if (!isTaken) this.#refuseOneTooMany(ack);
  }

  #line(): CallLine {
    const { calls: rate, clock } = this.#stage;
    return (this.#calls ??= new CallLine({ conn: this.socket.conn, rate, clock }));
  }

  #failed(ack: Ack | null, error: unknown): void {
    this.#stage.onError(this.socket.id, error);
    this.#refuse(ack, refusal('internal'));
  }

  /** Done when it returns, where every head is known and nothing was missed. */
  #subscribe(call: SubscribeCall, ack: Ack | null): void | Promise<void> {
    const tooMany = this.#firstBeyondLimit(call.wanted);
    if (tooMany !== null) {
      this.#refuse(
        ack,
        refusal(
          'too_many_subscriptions',
          `at most ${this.#stage.maxSubscriptions} symbols on one connection: ${tooMany} is one more`,
        ),
      );
      return undefined;
    }
    if (this.#isAtHand(call)) return this.#begin(call, nothingMissed, ack);
    return this.#prepare(call).then((missed) => this.#begin(call, missed, ack));
  }

  #isAtHand({ wanted, since }: SubscribeCall): boolean {
    if (since.size > 0) return false;
    for (const { symbol } of wanted) {
      if (symbol === null || !this.#mayHave(symbol)) continue;
      if (this.#stage.streams.open(symbol).head() === undefined) return false;
    }
    return true;
  }

  /** Answers, sends the snapshot and joins. */
  #begin(
    { wanted, everyMs, since }: SubscribeCall,
    missed: ReadonlyMap<string, Tick[] | null>,
    ack: Ack | null,
  ): void | Promise<void> {
    if (this.#isOver) return undefined;

    // From here to the join nothing may wait: a tick that passes in between would be lost, or come twice.
    const { streams, textsOf } = this.#stage;
    streams.beforeSnapshot(
      this.socket.id,
      wanted.flatMap(({ symbol }) => symbol ?? []),
    );
    /** Where every symbol begins at its head and there are no others: what all who ask for the same are told. */
    let basket: SymbolTexts[] | null = this.#rates.size === 0 ? [] : null;
    const results: string[] = [];
    const quotes: string[] = [];
    const joining: string[] = [];
    const merged: Tick[] = [];
    const replays: ReplayOptions[] = [];
    for (const { key, symbol } of wanted) {
      const stream = symbol === null || !this.#mayHave(symbol) ? null : streams.open(symbol);
      const head = stream?.head();
      if (symbol === null) results.push(this.#fail(key, 'bad_symbol'));
      else if (stream === null) {
        results.push(this.#fail(key, this.#stage.whyUnlisted(symbol) ?? 'symbol_not_permitted'));
      } else if (head === undefined) results.push(this.#fail(key, 'store_unavailable'));
      else {
        const texts = head === null ? null : textsOf(head);
        const position = since.get(symbol);
        const ticks =
          position === undefined
            ? null
            : everyMs === 0
              ? missedUpToHead(missed.get(symbol) ?? null, position, stream)
              : missedAsOne(position, stream);
        if (position !== undefined) this.#stage.onRecovery(ticks !== null, ticks?.length ?? 0);
        // Still a member, it would get what is new before what is old.
        this.#leaveRoom(symbol);
        if (position !== undefined && ticks !== null && everyMs === 0) {
          replays.push({
            socket: this.socket,
            symbol,
            position,
            ticks,
            stream,
            // Retired meanwhile, it is not joined any more.
            isOver: () => this.#isOver || !this.#rates.has(symbol),
            write: (slice) => streams.writeTo(this.socket.id, slice),
            sendSnapshot: (reason) => this.#sendSnapshot(symbol, reason),
          });
        } else {
          if (ticks !== null) merged.push(...ticks);
          else if (texts !== null) quotes.push(texts.quote);
          joining.push(symbol);
        }
        const gen = stream.gen() ?? '';
        const isPlain = texts !== null && ticks === null && everyMs === 0 && head?.gen === gen;
        if (isPlain) basket?.push(texts);
        results.push(
          isPlain
            ? texts.result
            : resultText(key, {
                ok: true,
                gen,
                seq: head?.seq ?? 0,
                everyMs,
                recovered: ticks !== null,
                replayed: ticks?.length ?? 0,
              }),
        );
        this.#setRate(symbol, everyMs);
      }
    }
    if (basket?.length !== results.length || basket.length === 0) basket = null;
    const told =
      basket === null
        ? {
            answer: answerText([...this.#rates.keys()], results),
            snapshot: new SnapshotText(quotes, 'subscribe'),
          }
        : this.#stage.basketTexts(basket);
    ack?.(new JsonText(told.answer));
    if (joining.length === 0 && replays.length === 0) return undefined;
    this.#emit('snapshot', told.snapshot);
    const taken = merged.length === 0 ? undefined : streams.writeTo(this.socket.id, merged);
    this.#joinRooms(joining, everyMs);
    return taken === undefined && replays.length === 0 ? undefined : this.#replayAll(taken, replays);
  }

  #setRate(symbol: string, everyMs: number): void {
    if (this.#rates === noRates) this.#rates = new Map();
    this.#rates.set(symbol, everyMs);
  }

  async #replayAll(taken: Promise<void> | undefined, replays: readonly ReplayOptions[]): Promise<void> {
    await taken;
    for (const one of replays) await replay(one);
  }

  /** The first new symbol that this session may not have too, or null. */
  #firstBeyondLimit(wanted: readonly Wanted[]): string | null {
    let left = this.#stage.maxSubscriptions - this.#rates.size;
    for (const { symbol } of wanted) {
      if (symbol === null || this.#rates.has(symbol) || !this.#mayHave(symbol)) continue;
      if (left === 0) return symbol;
      left--;
    }
    return null;
  }

  /** Waits for every head, and gives what was missed of each symbol that goes on. What fails here is told by its head. */
  async #prepare({ wanted, everyMs, since }: SubscribeCall): Promise<Map<string, Tick[] | null>> {
    const missed = new Map<string, Tick[] | null>();
    const listed = wanted.flatMap(({ symbol }) => (symbol !== null && this.#mayHave(symbol) ? [symbol] : []));
    await Promise.allSettled(
      listed.map(async (symbol) => {
        const position = since.get(symbol);
        if (position === undefined) await this.#stage.streams.open(symbol).ready();
        else if (everyMs === 0) missed.set(symbol, await this.#stage.streams.missedSince(symbol, position));
        else await this.#stage.streams.reaches(symbol, position);
      }),
    );
    return missed;
  }

  #joinRooms(symbols: readonly string[], everyMs: number): void {
    const join = (symbol: string): void => {
      if (this.socket.connected && this.#rates.get(symbol) === everyMs)
        void this.socket.join(tickRoom(symbol, everyMs));
    };
    const free = symbols.filter((symbol) =>
      this.#stage.streams.enter(symbol, everyMs, this.socket.id, () => join(symbol)),
    );
    void this.socket.join(free.map((symbol) => tickRoom(symbol, everyMs)));
  }

  #leaveRoom(symbol: string): void {
    const everyMs = this.#rates.get(symbol);
    if (everyMs !== undefined) void this.socket.leave(tickRoom(symbol, everyMs));
  }

  #sendSnapshot(symbol: string, reason: 'gap' | 'generation'): void {
    const head = this.#stage.streams.open(symbol).head();
    if (head !== null && head !== undefined)
      this.#emit('snapshot', new SnapshotText([this.#stage.textsOf(head).quote], reason));
  }

  /** Gives the entry of the symbol in the results. */
  #fail(key: string, name: CodeName): string {
    this.#stage.onRefused(this.socket.id, name);
    return resultText(key, { ok: false, ...refusal(name) });
  }

  /** From its answer on the new token counts. */
  async #refresh(token: unknown, ack: Ack | null): Promise<void> {
    const { data } = this.socket;
    const renewed = await renew(this.#stage.signIn, data.identity, token);
    if (this.#isOver) return;
    if (!renewed.ok) {
      this.#refuse(ack, renewed.refusal);
      return;
    }
    const { identity } = renewed;
    data.identity = identity;
    this.drop([...this.#rates.keys()].filter((symbol) => !identity.maySee(symbol)));
    ack?.({ ok: true, expiresAt: identity.expiresAt, symbols: [...this.#rates.keys()] });
  }

  async #sendMessage(request: MessageRequest, ack: Ack | null): Promise<void> {
    const { user } = this.socket.data.identity;
    if (user === null) {
      this.#refuse(ack, refusal('user_required'));
      return;
    }
    const answer = await this.#stage.sendMessage(user, request);
    if (this.#isOver) return;
    if (answer.ok) ack?.(answer);
    else this.#refuse(ack, answer);
  }

  #watch(how: 'watch' | 'unwatch', ack: Ack | null): void {
    if (this.#isOver) return;
    ack?.({ ok: true });
    this.#stage.watchers[how](this.socket);
  }

  #unsubscribe(wanted: readonly Wanted[] | null, ack: Ack | null): void {
    const leaving = wanted === null ? [...this.#rates.keys()] : wanted.flatMap(({ symbol }) => symbol ?? []);
    this.drop(leaving);
    ack?.({ ok: true, symbols: [...this.#rates.keys()] });
  }
}

function resultText(key: string, result: SubscribeResult): string {
  return `${JSON.stringify(key)}:${JSON.stringify(result)}`;
}

/** Socket.IO puts a function last where the client waits for an answer; nothing else that a client sends is one. */
function isAck(value: unknown): value is Ack {
  return typeof value === 'function';
}
