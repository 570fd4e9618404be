/**
 * What a plain client asks, as calls of its session: the symbols of its address, and each text message, which adds more.
 * Each is answered once: with `subscribed`, or with `error` where it was refused whole. Keeps SPEC.md [PW2], [PW4].
 */
import { refusal, type Position } from '../../protocol/index.ts';
import { JsonText } from './json-text.ts';
import type { PlainSocket } from './plain-socket.ts';
import type { Session } from './session.ts';

/** The begin of every answer that is no refusal. */
const accepted = '{"ok":true,';

/** Asks for what the address says, and for what comes from now on. */
export function servePlainCalls(socket: PlainSocket, session: Session): void {
  const { symbols, everyMs, since } = socket.request;

  function answer(said: object): void {
    if (said instanceof JsonText)
      socket.emit('subscribed', new JsonText(`{${said.text.slice(accepted.length)}`));
    else {
      const isForm = 'name' in said && said.name === notSymbols.name;
      socket.emit('error', { ...said, ...(isForm && { message: notSymbols.message }), ok: undefined });
    }
  }

  function subscribe(texts: readonly string[], positions?: Record<string, Position>): void {
    const payload =
      everyMs === 0 && positions === undefined ? texts : { symbols: texts, everyMs, since: positions ?? {} };
    session.take(['subscribe', payload, answer]);
  }

  socket.conn.on('packet', ({ data, isBinary }: { data: Buffer; isBinary: boolean }) => {
    if (!socket.connected) return;
    const texts = isBinary
      ? []
      : data
          .toString()
          .split(',')
          .map((text) => text.trim());
    // What is no list of texts is refused as one.
    if (texts.join('') === '') session.take(['subscribe', null, answer]);
    else subscribe(texts);
  });
  if (symbols.length > 0) subscribe(symbols, Object.keys(since).length > 0 ? since : undefined);
}

const notSymbols = refusal(
  'bad_payload',
  'a message is a text of symbols with commas between: SYM or SYM,SYM',
);
