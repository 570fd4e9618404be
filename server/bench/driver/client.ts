/**
 * One client on a raw socket: shakes hands as a WebSocket, speaks as much Socket.IO as it takes to join and subscribe,
 * and from then on only reads, answers pings and follows the seq of each of its symbols.
 */
import { connect, type Socket } from 'node:net';
import { clientFrame, FrameParser, opcodes } from './frame-parser.ts';
import { notAsked, unknown } from './heads.ts';
import type { SeenTick, TickReader } from './tick-reader.ts';

interface ClientOptions {
  port: number;
  /** What Nginx ties it to a replica by. */
  cid: string;
  reader: TickReader;
  symbols: readonly string[];
  /** Places of the symbols that it subscribes to. */
  group: readonly number[];
  awaitsSnapshot: boolean;
  /** Every client reads into the same memory: what is read is used up at once. */
  buffer: Buffer;
  /** Fires once, when it has joined and got everything that it asked for. */
  onReady: () => void;
  /** Fires for each tick; `size` is its frame's. */
  onTick: (client: Client, tick: SeenTick, size: number) => void;
  /** Fires once at its end, if nobody here asked for it; an error says why. */
  onClosed: (why: Error | null) => void;
}

const endOfHead = '\r\n\r\n';
const pong = clientFrame(opcodes.text, Buffer.from('3'));
const join = clientFrame(opcodes.text, Buffer.from('40'));
/** The beginnings of the messages that it receives while it joins. */
const beginnings = {
  open: '0{',
  joined: '40{',
  answer: '430[',
  snapshot: '42["snapshot"',
  refused: '44',
} as const;

/**
 * One client of a crowd, there from its making until its end. Any error, a refusal too, ends it and is reported
 * by `onClosed`. Nothing is thrown.
 */
export class Client {
  /** The last seq of each symbol. */
  readonly heads: Int32Array;
  readonly #options: ClientOptions;
  readonly #socket: Socket;
  readonly #parser = new FrameParser((...frame) => this.#take(...frame));
  /** What is still to come before it is there. */
  #owed: number;
  /** The response to the upgrade as far as it came; null once it is over. */
  #head: string | null = '';
  /** Answers to what came in one read, sent as one write. */
  #answers: Buffer[] = [];
  #isClosing = false;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.heads = new Int32Array(options.symbols.length).fill(notAsked);
    this.#owed = options.group.length === 0 ? 1 : options.awaitsSnapshot ? 3 : 2;
    this.#socket = connect({
      host: '127.0.0.1',
      port: options.port,
      noDelay: true,
      onread: { buffer: options.buffer, callback: (length) => this.#read(length) },
    });
    this.#socket.on('error', (error) => this.#end(error));
    this.#socket.on('close', () => this.#end(null));
    this.#socket.write(
      `GET /socket.io/?EIO=4&transport=websocket&cid=${options.cid} HTTP/1.1\r\n` +
        `Host: 127.0.0.1:${options.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Key: ${Buffer.from(options.cid.padEnd(16, '.').slice(-16)).toString('base64')}\r\n` +
        `Sec-WebSocket-Version: 13${endOfHead}`,
    );
  }

  /** Reads nothing more from now on. */
  stick(): void {
    this.#socket.pause();
  }

  /** Resolves when the connection is gone. */
  close(): Promise<void> {
    this.#isClosing = true;
    if (this.#socket.closed) return Promise.resolve();
    const closed = new Promise<void>((resolve) => this.#socket.once('close', () => resolve()));
    this.#socket.destroy();
    return closed;
  }

  #end(why: Error | null): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#options.onClosed(why);
    this.#socket.destroy();
  }

  #read(length: number): boolean {
    try {
      const piece = this.#options.buffer.subarray(0, length);
      if (this.#head === null) this.#parser.feed(piece);
      else this.#readHead(piece);
      if (this.#answers.length > 0) {
        this.#socket.write(
          this.#answers.length === 1 ? (this.#answers[0] ?? pong) : Buffer.concat(this.#answers),
        );
        this.#answers = [];
      }
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(String(error)));
    }
    return true;
  }

  #readHead(piece: Buffer): void {
    const text = this.#head + piece.toString('latin1');
    const end = text.indexOf(endOfHead);
    if (end === -1) {
      this.#head = text;
      return;
    }
    if (!text.startsWith('HTTP/1.1 101')) throw new Error(`the upgrade was answered ${text.slice(0, 200)}`);
    this.#head = null;
    this.#parser.feed(Buffer.from(text.slice(end + endOfHead.length), 'latin1'));
  }

  #take(opcode: number, bytes: Buffer, start: number, end: number, size: number): void {
    if (opcode === opcodes.text) {
      const tick = this.#options.reader.read(bytes, start, end);
      if (tick === null) this.#takeMessage(bytes.toString('utf8', start, end));
      else this.#options.onTick(this, tick, size);
    } else if (opcode === opcodes.ping) {
      this.#answers.push(clientFrame(opcodes.pong, bytes.subarray(start, end)));
    } else if (opcode === opcodes.close) throw new Error('the server sent a close frame');
  }

  #takeMessage(text: string): void {
    if (text === '2') this.#answers.push(pong);
    else if (text.startsWith(beginnings.open)) this.#answers.push(join);
    else if (text.startsWith(beginnings.joined)) this.#joined();
    else if (text.startsWith(beginnings.answer)) this.#subscribed(text.slice(beginnings.answer.length - 1));
    else if (text.startsWith(beginnings.snapshot)) {
      if (this.#options.awaitsSnapshot) this.#came();
    } else if (text.startsWith(beginnings.refused)) throw new Error(`refused: ${text}`);
  }

  #joined(): void {
    const { group, symbols } = this.#options;
    if (group.length > 0) {
      const wanted = group.map((place) => symbols[place]);
      this.#answers.push(
        clientFrame(opcodes.text, Buffer.from(`420${JSON.stringify(['subscribe', wanted])}`)),
      );
    }
    this.#came();
  }

  #subscribed(answers: string): void {
    const { group, symbols } = this.#options;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is not there is looked at as such
    const [answer] = JSON.parse(answers) as [
      { ok?: boolean; results?: Record<string, { ok?: boolean; seq?: number }> },
    ];
    if (answer.ok !== true) throw new Error(`not subscribed: ${answers.slice(0, 300)}`);
    for (const place of group) {
      const result = answer.results?.[symbols[place] ?? ''];
      if (result?.ok === false) throw new Error(`not subscribed: ${answers.slice(0, 300)}`);
      this.heads[place] = result?.seq ?? unknown;
    }
    this.#came();
  }

  #came(): void {
    this.#owed -= 1;
    if (this.#owed === 0) this.#options.onReady();
  }
}
