/**
 * Which other nodes are there, by their beats, and which of them are silent: measured by this node's own clock, look by look, so that
 * a pause of ours or of the store is nobody's silence. Judges; forgets nobody. Pure but for what it remembers.
 */

/** One node's view of the others; two nodes may judge a third differently for a moment. */
export interface NodeWatch {
  /** The other nodes that were there at the last look. */
  others(): string[];
  /** Takes the beats of all nodes as they are now, and gives those that stood still for too long, with their last beat. */
  look(beats: ReadonlyMap<string, number>, now: number): [node: string, beat: number][];
}

interface NodeWatchOptions {
  /** This node, of which nothing is judged. */
  node: string;
  /** Milliseconds that a beat may stand still. */
  maxSilentMs: number;
  /** What may count as silence at one look: after a longer pause beats are still to come. */
  maxSilenceOfLookMs: number;
}

/** Knows nobody before its first look, and takes whoever is new for live. `now` is of one monotonic clock. */
export function createNodeWatch({ node: own, maxSilentMs, maxSilenceOfLookMs }: NodeWatchOptions): NodeWatch {
  const known = new Map<string, { beat: number; silentMs: number }>();
  let lookedAt = 0;

  return {
    others: () => [...known.keys()],
    look: (beats, now) => {
      const silenceMs = Math.min(now - lookedAt, maxSilenceOfLookMs);
      lookedAt = now;
      for (const node of known.keys()) if (!beats.has(node)) known.delete(node);
      const silent: [string, number][] = [];
      for (const [node, beat] of beats) {
        if (node === own) continue;
        const one = known.get(node);
        if (one?.beat !== beat) known.set(node, { beat, silentMs: 0 });
        else one.silentMs += silenceMs;
        if (one?.beat === beat && one.silentMs >= maxSilentMs) silent.push([node, beat]);
      }
      return silent;
    },
  };
}
