/** A refusal as HTTP says it: a body of `application/problem+json` (RFC 9457) with the code, name and retry rule that it has on a socket. */
import { codes, type CodeName } from './codes.ts';
import type { Refusal } from './types.ts';

/** What a refusal is as an answer of HTTP. */
export interface Problem {
  status: number;
  /** JSON. */
  body: string;
}

/** The media type of a problem's body. */
export const problemType = 'application/problem+json';

function isCodeName(name: string): name is CodeName {
  return Object.hasOwn(codes, name);
}

/** Its status is its code's. */
export function problemOf({ code, name, message, retry }: Refusal): Problem {
  const { status, message: title } = isCodeName(name) ? codes[name] : codes.internal;
  const type = `urn:tickwire:problem:${name}`;
  return { status, body: JSON.stringify({ type, title, status, detail: message, code, name, retry }) };
}
