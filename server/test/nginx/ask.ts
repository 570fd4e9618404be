/** Requests to Nginx, each on a connection of its own, from an address of the test's choice. */
import { randomBytes } from 'node:crypto';
import { request, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Question {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  /** One of 127.0.0.x. */
  from?: string;
}

export interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  body: string;
}

/** Sends one request and reads the whole answer. */
export async function ask(port: number, path: string, question: Question = {}): Promise<Answer> {
  const asked = request({
    host: '127.0.0.1',
    port,
    path,
    method: question.method ?? 'GET',
    headers: { ...question.headers, connection: 'close' },
    localAddress: question.from ?? '127.0.0.1',
    agent: false,
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    asked.once('response', resolve).once('error', reject);
  });
  asked.end(question.body);
  const response = await answered;
  return { status: response.statusCode ?? 0, headers: response.headers, body: await text(response) };
}

/** Asks for a WebSocket. `name` is what the scripted upstream sends first; the socket stays open for the caller to end. */
export async function openSocket(
  port: number,
  path: string,
  question: Question = {},
): Promise<{ status: number; name: string; socket: Socket | null }> {
  const asked = request({
    host: '127.0.0.1',
    port,
    path,
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': randomBytes(16).toString('base64'),
      ...question.headers,
    },
    localAddress: question.from ?? '127.0.0.1',
    agent: false,
  });
  return new Promise((resolve, reject) => {
    asked.once('error', reject);
    asked.once('response', (response) => {
      response.resume();
      resolve({ status: response.statusCode ?? 0, name: '', socket: null });
    });
    asked.once('upgrade', (response, socket: Socket, head) => {
      const status = response.statusCode ?? 0;
      if (head.length > 0) resolve({ status, name: String(head), socket });
      else socket.once('data', (first) => resolve({ status, name: String(first), socket }));
    });
    asked.end();
  });
}

/** The name of the replica that accepts a WebSocket there; the socket ends at once. */
export async function upgradedBy(port: number, path: string, question: Question = {}): Promise<string> {
  const { name, socket } = await openSocket(port, path, question);
  socket?.destroy();
  return name;
}

/** Sends bytes as they are and reads one answer, by its Content-Length. */
export async function askRaw(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(bytes);
  let answer = '';
  for await (const chunk of socket) {
    answer += String(chunk);
    const [head = '', body] = answer.split('\r\n\r\n');
    const length = Number(/^content-length: (\d+)/im.exec(head)?.[1]);
    if (body !== undefined && body.length >= length) break;
  }
  socket.destroy();
  return answer;
}
