/**
 * One connection: greets it and answers each of its calls exactly once, in their turn. A class, and its listeners shared:
 * thousands of them wait for most of their time. Knows no store and no other session. Keeps SPEC.md [LM4] to [LM6], [MS1], [MS2].
 */
import type { DefaultEventsMap, Socket } from 'socket.io';
import {
  refusal,
  type MessageAck,
  type MessageRequest,
  type Refusal,
  type ServerEvents,
} from '../../protocol/index.ts';
import type { SignIn } from '../users/identity.ts';
import { parseBackendEvent, type Backend, type BackendLine } from './backend.ts';
import type { CallBudgets } from './call-budgets.ts';
import { answersRead, CallLine } from './call-line.ts';
import type { Client } from './client.ts';
import { renew, type SocketData } from './identify.ts';
import { JsonText } from './json-text.ts';
import { parseMessage } from './message-request.ts';
import { parseSubscribe, parseUnsubscribe, type SubscribeCall, type Wanted } from './subscribe-request.ts';
import { emitText, Subscriptions, type SubscriptionsStage } from './subscriptions.ts';
import { parseTopics } from './watch-request.ts';
import type { Watchers } from './watchers.ts';

/** One Socket.IO client, server side: what it emits is `unknown` until it is parsed, what it is sent is typed. */
export type ClientSocket = Socket<
  Record<string, (...args: unknown[]) => void>,
  ServerEvents,
  DefaultEventsMap,
  SocketData
>;

/** What all sessions of a replica share. */
export interface SessionStage extends SubscriptionsStage {
  /** Calls that a connection may make; a list counts one more per 20 symbols. */
  callBudgets: Pick<CallBudgets, 'of' | 'charge'>;
  /** Says who a client is, as it joins and when it shows another token. */
  signIn: SignIn;
  watchers: Pick<Watchers, 'watch' | 'unwatch'>;
  /** Sends what that user wrote to another, wherever that one is. */
  sendMessage: (from: string, request: MessageRequest) => Promise<MessageAck>;
  /** Takes events that are none of ours; null where nobody does. */
  backend: Backend | null;
  /** Fires for an error of ours while a call was answered; the client was told `internal`. */
  onError: (socketId: string, error: unknown) => void;
}

type Ack = (answer: object) => void;

/** Symbols in a call that count as much as another call. */
const symbolsPerCall = 20;

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
  readonly #subscriptions: Subscriptions;
  #isOver = false;

  constructor(socket: Client, stage: SessionStage, { id, secret }: { id: string; secret: string }) {
    this.socket = socket;
    this.id = id;
    this.secret = secret;
    this.#stage = stage;
    this.#subscriptions = new Subscriptions(socket, stage);
    const { user } = socket.data.identity;
    this.#backendLine =
      stage.backend?.open({ session: id, user, ready: () => answersRead(socket.conn) }) ?? null;
  }

  /** Both as JSON. */
  greet({ hello, feed }: { hello: string; feed: string }): void {
    emitText(this.socket, 'hello', new JsonText(hello));
    emitText(this.socket, 'feed', new JsonText(feed));
  }

  /** From now on it joins no room; what it has joined, others leave. */
  end(): void {
    this.#isOver = true;
    this.#subscriptions.end();
    this.#backendLine?.end();
  }

  /** Its connection is about to be closed, and may still be told something: nothing that it waits for of a backend will come. */
  settle(): void {
    this.#backendLine?.leave();
  }

  /** No tick of these symbols comes any more; those that it does not have are no error. */
  drop(symbols: readonly string[]): void {
    this.#subscriptions.drop(symbols);
  }

  /** The room of the symbol's ticks at the rate at which it has them, whether or not it has joined already; null where it has not subscribed. */
  roomOf(symbol: string): string | null {
    return this.#subscriptions.roomOf(symbol);
  }

  /** Sends the quotes of all symbols that it receives ticks of, in one snapshot: it starts again from them. */
  restart(textOf: (symbols: readonly string[]) => JsonText | null): void {
    const text = textOf(this.#subscriptions.joined());
    if (text !== null) emitText(this.socket, 'snapshot', text);
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

  #refuse(ack: Ack | null, why: Refusal): void {
    this.#stage.onRefused(this.socket.id, why.name);
    this.#answerRefused(ack, why);
  }

  #answerRefused(ack: Ack | null, why: Refusal): void {
    ack?.({ ok: false, symbols: this.#subscriptions.symbols(), ...why });
  }

  #inTurn(ack: Ack | null, call: () => void | Promise<void>, symbolCount = 0): void {
    const weight = 1 + symbolCount / symbolsPerCall;
    const isTaken = this.#line().take(call, weight, (error) => this.#failed(ack, error));
    if (!isTaken) this.#refuseOneTooMany(ack);
  }

  #line(): CallLine {
    const { conn } = this.socket;
    return (this.#calls ??= new CallLine({ conn, mayCall: this.#stage.callBudgets.of(conn) }));
  }

  #failed(ack: Ack | null, error: unknown): void {
    this.#stage.onError(this.socket.id, error);
    this.#answerRefused(ack, refusal('internal'));
  }

  #subscribe(call: SubscribeCall, ack: Ack | null): void | Promise<void> {
    const tooMany = this.#subscriptions.whyTooMany(call.wanted);
    if (tooMany === null) return this.#subscriptions.take(call, (answer) => ack?.(answer));
    this.#refuse(ack, tooMany);
    return undefined;
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
    this.drop(this.#subscriptions.symbols().filter((symbol) => !identity.maySee(symbol)));
    ack?.({ ok: true, expiresAt: identity.expiresAt, symbols: this.#subscriptions.symbols() });
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
    const leaving =
      wanted === null ? this.#subscriptions.symbols() : wanted.flatMap(({ symbol }) => symbol ?? []);
    this.drop(leaving);
    ack?.({ ok: true, symbols: this.#subscriptions.symbols() });
  }
}

/** Socket.IO puts a function last where the client waits for an answer; nothing else that a client sends is one. */
function isAck(value: unknown): value is Ack {
  return typeof value === 'function';
}
