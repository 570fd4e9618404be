import { describe, expect, it } from 'vitest';
import { PieceMemory } from './piece-memory.ts';

/** Takes so many bytes, and marks each of them. */
function taken(memory: PieceMemory, bytes: number, mark: number): Buffer {
  return memory.take(bytes).fill(mark);
}

const isStill = (piece: Buffer, mark: number): boolean => piece.every((byte) => byte === mark);

describe('PieceMemory', () => {
  it('gives pieces that do not overlap until they are released, and the same memory again', () => {
    const memory = new PieceMemory();
    const pieces = [1, 2, 3].map((mark) => taken(memory, 1_000, mark));
    expect(pieces.filter((piece, i) => piece.length === 1_000 && isStill(piece, i + 1))).toHaveLength(3);
    memory.release();
    const again = taken(memory, 1_000, 4);
    expect([again.buffer === pieces[0]?.buffer, again.byteOffset]).toEqual([true, pieces[0]?.byteOffset]);
  });

  it('never gives out what is kept, however much is taken after it', () => {
    const memory = new PieceMemory();
    const kept: [Buffer, number][] = [];
    for (let turn = 0; turn < 1_000; turn++) {
      const pieces = [taken(memory, 3_000, turn % 251), taken(memory, 3_010, turn % 251)];
      if (turn % 3 === 0) {
        memory.keep();
        for (const piece of pieces) kept.push([piece, turn % 251]);
      }
      memory.release();
    }
    expect(kept.filter(([piece, mark]) => !isStill(piece, mark))).toEqual([]);
    // Nearly all of each memory is used: who waits holds little besides its own.
    expect(new Set(kept.map(([{ buffer }]) => buffer)).size).toBeLessThan((kept.length * 3_005) / 32_768 + 1);
  });

  it('gives memory of its own to what is too large', () => {
    const memory = new PieceMemory();
    const [small, large] = [taken(memory, 10, 1), taken(memory, 200_000, 2)];
    expect([small.buffer === large.buffer, large.length]).toEqual([false, 200_000]);
    memory.release();
    const next = taken(memory, 60_000, 3);
    expect([isStill(large, 2), next.buffer === small.buffer]).toEqual([true, true]);
  });
});
