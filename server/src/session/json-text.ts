/**
 * JSON that was made before it is sent: what many clients are told alike is encoded once for all of them, and Socket.IO's
 * encoder, which would look through it for binary and encode it for each, takes it as it is (bench: connects).
 */
import * as parser from 'socket.io-parser';

/** Stands for the payload of an event or an answer, as its last argument. */
export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** What it stands for, where another encoder or a listener looks at it. */
  toJSON(): unknown {
    return JSON.parse(this.text);
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
