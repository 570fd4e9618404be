/**
 * Engine.IO session ids that say which worker made them. Sticky learns them from a message of the worker, and a polling
 * client's second request often overtakes that message where processors are busy: it is then refused as unknown.
 */
import { randomBytes } from 'node:crypto';

const workerLength = 3;
/** All that sticky takes for a session id: 20 characters of base64url. */
const randomLength = 17;
const inRequestLine = new RegExp(`[?&]sid=([0-9a-z]{${workerLength}})[\\w-]{${randomLength}}(?:[& ]|$)`);

/** The part of a session id that names the worker, from its id in the cluster. */
function codeOf(workerId: number): string {
  return (workerId % 36 ** workerLength).toString(36).padStart(workerLength, '0');
}

/** A new session id of that worker, with 102 random bits. */
export function createSessionId(workerId: number): string {
  return codeOf(workerId) + randomBytes(randomLength).toString('base64url').slice(0, randomLength);
}

/** The one of these workers whose session the request belongs to, if it is one of theirs. */
export function ownerOfRequest<Worker extends { id: number }>(
  firstBytes: Buffer,
  workers: readonly Worker[],
): Worker | undefined {
  const end = firstBytes.indexOf('\r\n');
  const code = inRequestLine.exec(
    firstBytes.toString('latin1', 0, end === -1 ? firstBytes.length : end),
  )?.[1];
  return code === undefined ? undefined : workers.find(({ id }) => codeOf(id) === code);
}
