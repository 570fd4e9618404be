/** The wire, in one import. */
export * from './cluster.ts';
export * from './codes.ts';
export * from './decimal.ts';
export * from './events.ts';
export * from './limits.ts';
export * from './problem.ts';
export * from './quote.ts';
export * from './symbol.ts';
export * from './types.ts';
