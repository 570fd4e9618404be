/**
 * HTTP on a bare TCP socket: sends bytes that no library would, reads what comes back, and asks another question on the same
 * connection to see whether it lives and whether what was left in it is taken for a request.
 */
import { connect } from 'node:net';
import { until } from '../support/until.ts';

export interface RawAnswer {
  readonly status: number;
  /** By lower-case name; the last one of several. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Exchange {
  /** Of what was sent, and of the question behind it where the connection took one; null where it was closed without a word. */
  readonly answer: RawAnswer | null;
  readonly next: RawAnswer | null;
  /** Answers besides those: what somebody smuggled in. */
  readonly more: readonly RawAnswer[];
}

const question = 'GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';

/** Sends the bytes to a port of this machine, and the question when the answer came. */
export async function exchange(port: number, bytes: string): Promise<Exchange> {
  const socket = connect(port, '127.0.0.1');
  let received = Buffer.alloc(0);
  let isOver = false;
  socket.on('data', (chunk: Buffer) => void (received = Buffer.concat([received, chunk])));
  for (const end of ['error', 'end', 'close']) socket.on(end, () => void (isOver = true));
  // Latin-1, so that every byte is sent as it is written.
  socket.write(bytes, 'latin1');
  const isHead = bytes.startsWith('HEAD ');
  const answers = () => answersIn(received, { isOver, isHead });
  const answered = (count: number) => () => isOver || answers().length >= count;
  const waits = { withinMs: 10_000, saw: () => received.toString('latin1').slice(0, 300) };
  try {
    await until(answered(1), waits);
    const [answer = null] = answers();
    if (!isOver && answer?.status !== 101 && answer?.headers['connection'] !== 'close') {
      socket.write(question);
      await until(answered(2), waits);
    } else if (answer?.status !== 101) await until(() => isOver, waits);
    const [, next = null, ...more] = answers();
    return { answer, next, more };
  } finally {
    socket.destroy();
  }
}

/** The whole answers so far, but for the interim ones; the first one to HEAD has no body, whatever it says. */
function answersIn(received: Buffer, { isOver, isHead }: { isOver: boolean; isHead: boolean }): RawAnswer[] {
  const answers: RawAnswer[] = [];
  let rest = received.toString('latin1');
  for (;;) {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) return answers;
    const [first = '', ...lines] = rest.slice(0, end).split('\r\n');
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1] ?? 0);
    const headers = Object.fromEntries(
      lines.map((line) => [
        line.slice(0, line.indexOf(':')).toLowerCase(),
        line.slice(line.indexOf(':') + 1).trim(),
      ]),
    );
    rest = rest.slice(end + 4);
    if (status === 100) continue;
    const isBare = status === 204 || status === 304 || (isHead && answers.length === 0);
    const taken = isBare ? { body: '', rest } : bodyOf(rest, headers, isOver || status === 101);
    if (taken === null) return answers;
    answers.push({ status, headers, body: taken.body });
    rest = taken.rest;
  }
}

/** Null while it is not whole. */
function bodyOf(
  rest: string,
  headers: Record<string, string>,
  isOver: boolean,
): { body: string; rest: string } | null {
  const length = headers['content-length'];
  if (length !== undefined) {
    if (rest.length < Number(length)) return null;
    return { body: rest.slice(0, Number(length)), rest: rest.slice(Number(length)) };
  }
  if (headers['transfer-encoding'] !== 'chunked') return isOver ? { body: rest, rest: '' } : null;
  let body = '';
  for (;;) {
    const [, size] = /^([0-9a-f]+)\r\n/i.exec(rest) ?? [];
    if (size === undefined) return null;
    const from = size.length + 2;
    const bytes = Number.parseInt(size, 16);
    if (rest.length < from + bytes + 2) return null;
    body += rest.slice(from, from + bytes);
    rest = rest.slice(from + bytes + 2);
    if (bytes === 0) return { body, rest };
  }
}
