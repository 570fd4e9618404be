/** Bounds that both sides of the wire know. Units are in the names; a bound that an operator may move is in config.ts. */
export const limits = {
  /** Characters of a symbol: 16, a separator, 16. */
  maxSymbolLength: 33,
  /** Symbols that are listed, where more are added while running. */
  maxSymbols: 10_000,
  /** Symbols in one subscribe or unsubscribe. */
  maxSymbolsPerCall: 10_000,
  /** Significant digits of a price or size; markets quote fewer, and it keeps every comparison cheap. */
  maxSignificantDigits: 16,
  /** Characters of a decimal: leading zeros, a point and the digits of a sum of many sizes. */
  maxDecimalLength: 40,
  /** Ticks in one push. */
  maxTicksPerPush: 1_000,
  /** Bytes of a push's body: that many ticks with every field at its longest. An operator may allow more. */
  maxPushBytes: 524_288,
  /** A source's clock may be ahead of ours by this much; beyond it a push is refused. */
  maxClockAheadMs: 60_000,
  /** The rates at which ticks may be had, in milliseconds; 0 is each tick. */
  offeredEveryMs: [0, 250, 1_000, 5_000],
  /** Without a tick for this long a socket gets a heartbeat. */
  heartbeatMs: 1_000,
  /** A client that saw neither tick nor heartbeat for this long takes the connection for dead. */
  maxSilenceMs: 5_000,
  /** Characters of what one user sends another in a message. */
  maxContentLength: 4_096,
  /** Bytes of the body of a `POST /api/message`. */
  maxMessageBodyBytes: 65_536,
  /** Lists and objects within each other in the data of such a message, of an event for the backend and of its answer. */
  maxDataDepth: 32,
  /** Characters of an event's name that an API caller chooses. */
  maxEventLength: 64,
  /** Bytes of a backend's answer to an event. */
  maxBackendAnswerBytes: 262_144,
} as const;
