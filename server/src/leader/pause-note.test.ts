import { describe, expect, it } from 'vitest';
import { createMemoryLeaderNotes } from '../backplane/local/memory-leader-notes.ts';
import { createMemoryLease } from '../backplane/local/memory-lease.ts';
import { createPauseNote } from './pause-note.ts';

function setUp() {
  const lease = createMemoryLease();
  const memory = createMemoryLeaderNotes(lease);
  lease.take('n1', lease.read());
  const { epoch } = lease.read();
  const note = createPauseNote({
    read: async (name) => memory.read(name),
    write: async (...args) => memory.write(...args),
  });
  const hear = (reason: string) =>
    note.heard({ feed: { state: reason === '' ? 'live' : 'stale', since: 0, reason, sources: [] } });
  return { epoch, note, hear };
}

describe('the note of a pause', () => {
  it('[FP2] says how the last leader left the feed', async () => {
    const { epoch, note } = setUp();
    expect(await note.begin(epoch)).toBe(false);
    expect(await note.write(epoch, true)).toBe(true);
    expect(await note.begin(epoch)).toBe(true);
    await note.write(epoch, false);
    expect(await note.begin(epoch)).toBe(false);
  });

  it('[FP2] goes before what this replica heard, which may be old', async () => {
    const { epoch, note, hear } = setUp();
    hear('paused');
    await note.write(epoch, false);
    expect(await note.begin(epoch)).toBe(false);
  });

  it('[FP3] is written again where the home lost it and this replica heard of the pause', async () => {
    const { epoch, note, hear } = setUp();
    hear('paused');
    expect(await note.begin(epoch)).toBe(true);
    hear('');
    expect(await note.begin(epoch)).toBe(true);
  });

  it('[FP3] is not written for a term that is over', async () => {
    const { epoch, note, hear } = setUp();
    hear('paused');
    expect(await note.begin(epoch + 1)).toBeNull();
  });
});
