/** One entry of the catalogue of bad input: what is sent, and the one clear answer to it. A new row is one entry in its group's list. */
export interface Row<Send, Expect> {
  /** What is wrong with it, in words; with the rule of SPEC.md that the answer keeps, where there is one. */
  readonly name: string;
  readonly send: Send;
  readonly expect: Expect;
}
