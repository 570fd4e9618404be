/** Small texts that a browser keeps for the page: in its storage, where it allows that. */

/** One text under one key. Neither call throws; null is read where nothing is kept, or nothing may be. */
export interface Kept {
  read(): string | null;
  /** Null forgets. */
  write(text: string | null): void;
}

/** A browser may forbid storage, and full storage throws too: then the page works and forgets, which needs no word. */
export function keptIn(storage: () => Storage, key: string): Kept {
  return {
    read: () => {
      try {
        return storage().getItem(key);
      } catch {
        return null;
      }
    },
    write: (text) => {
      try {
        if (text === null) storage().removeItem(key);
        else storage().setItem(key, text);
      } catch {
        return;
      }
    },
  };
}
