/** The state of the page, in one import. */
export { createBoard, type Board, type BoardOptions } from './board.ts';
export { changeOf, type Change } from './change.ts';
export type { Freshness } from './freshness.ts';
export type { Direction, Row } from './row.ts';
