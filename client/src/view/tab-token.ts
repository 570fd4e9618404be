/**
 * The token of this tab: in its session storage alone, so that it ends with the tab, no other page gets it, and a reload stays
 * signed in. Whoever has the page within a site of theirs may put one there too, and replace it in time.
 */
import { keptIn } from './kept.ts';

/** The token that the next connection is to show, as it was pasted but without `Bearer`. */
export interface TabToken {
  /** Empty where there is none. */
  read(): string;
  /** What somebody pasted; empty forgets. */
  write(text: string): void;
}

/** Where the browser forbids storage, the token is kept until the page is left. Never throws. */
export function createTabToken(): TabToken {
  const kept = keptIn(() => sessionStorage, 'tickwire.token');
  /** For a browser without storage. */
  let current = '';
  return {
    read: () => kept.read() ?? current,
    write: (text) => {
      // As it is copied from a header.
      current = text.trim().replace(/^Bearer\s+/i, '');
      kept.write(current === '' ? null : current);
    },
  };
}
