/**
 * JSON that was made before it is sent: what many clients are told alike is encoded once for all of them, and Socket.IO's
 * encoder, which would look through it for binary and encode it for each, takes it as it is (bench: connects).
 */
import * as parser from 'socket.io-parser';
import type { SnapshotReason } from '../../protocol/index.ts';

/** Stands for the payload of an event or an answer, as its last argument. */
export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** What it stands for, where another encoder or a listener looks at it. */
  toJSON(): object {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- payloads are objects
    return JSON.parse(this.text) as object;
  }
}

/** The payload of `snapshot`. Its quotes are at hand one by one for who is told each by itself. */
export class SnapshotText extends JsonText {
  readonly quotes: readonly string[];
  readonly reason: SnapshotReason;

  /** The quotes are JSON. */
  constructor(quotes: readonly string[], reason: SnapshotReason) {
    super(`{"quotes":[${quotes.join()}],"reason":"${reason}"}`);
    this.quotes = quotes;
    this.reason = reason;
  }
}

class TextEncoder extends parser.Encoder {
  override encode(packet: parser.Packet): unknown[] {
    const data: unknown = packet.data;
    const last: unknown = Array.isArray(data) ? data.at(-1) : null;
    if (!Array.isArray(data) || !(last instanceof JsonText) || packet.nsp !== '/')
      return super.encode(packet);
    // As socket.io-protocol 5 has it: the type, the id where an answer has one, the arguments.
    const before = data.slice(0, -1).map((part: unknown) => `${JSON.stringify(part)},`);
    return [`${packet.type}${packet.id ?? ''}[${before.join('')}${last.text}]`];
  }
}

/** Socket.IO's own parser, whose encoder also takes a `JsonText`; for its `parser` option. */
export const textParser = { ...parser, Encoder: TextEncoder };
