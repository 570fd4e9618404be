/** What both homes of the tick store are told about its size, and what they take where nothing is said. */

/** The same on every replica of a cluster: another number of shards is another place for each symbol. */
export interface StoreSettings {
  /** How many shards symbols are spread over (`STORE_SHARDS`). */
  shards: number;
  /** How many of its last ticks are kept of each symbol (`HISTORY_TICKS`); 0 keeps none. */
  historyTicks: number;
}

/** For a home that is made without settings; a process always has those of settings.ts. */
export const storeDefaults: StoreSettings = { shards: 1, historyTicks: 300 };
