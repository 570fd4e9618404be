/**
 * The cid of this tab, the same after a reload. It lies in the session storage only while no page of the tab lives:
 * a duplicated tab copies that storage, and two tabs with one cid would take each other's seat.
 */
import { makeCid } from '../stream/index.ts';
import { keptIn } from './kept.ts';

/** What the page's stream takes its first cid from, and tells of each later one, so that a reload begins with it. */
export interface TabCid {
  /** The cid to begin with. */
  first: string;
  /** Another one was taken. */
  replace(cid: string): void;
}

/** Takes the cid out of the storage, and puts it back when the page goes. */
export function takeTabCid(): TabCid {
  const kept = keptIn(() => sessionStorage, 'tickwire.cid');
  const first = kept.read() ?? makeCid();
  let current = first;
  kept.write(null);
  addEventListener('pagehide', () => kept.write(current));
  addEventListener('pageshow', () => kept.write(null));
  return { first, replace: (cid) => void (current = cid) };
}
