/**
 * A batch as the Socket.IO Redis adapter sends a room emit: what `io.to('ticks').emit('ticks', bytes)` would publish. Any process
 * with the same adapter and key can receive it.
 */
import msgpack from 'notepack.io';
import { z } from 'zod';
import { batchRoom } from './keys.ts';

/** Stands for the adapter that emits. No adapter has it, so that every replica receives every batch, its own too. */
const sender = 'log';
const options = { rooms: [batchRoom], except: [], flags: {} };
const eventPacket = 2;

const message = z.tuple([
  z.literal(sender),
  z.object({ data: z.tuple([z.literal(batchRoom), z.instanceof(Buffer)]) }),
  z.unknown(),
]);

/** A batch as a message of the adapter to one room, and back. */
export type BatchMessages = ReturnType<typeof createBatchMessages>;

/** The messages on that channel of the adapter. `decode` gives null if a message is no batch. */
export function createBatchMessages(channel: string) {
  return {
    channel,
    encode: (bytes: Buffer): Buffer =>
      msgpack.encode([sender, { type: eventPacket, data: [batchRoom, bytes], nsp: '/' }, options]),
    decode: (text: Buffer): Buffer | null => {
      const parsed = message.safeParse(msgpack.decode(text));
      return parsed.success ? parsed.data[1].data[1] : null;
    },
  };
}
