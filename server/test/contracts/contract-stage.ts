/** What the parts of the contract suite share: one home of three nodes, and the steps that each of them begins with. */
import type { LeaseRecord } from '../../src/backplane/contract.ts';
import type { BackplaneDriver, Home } from './backplane-driver.ts';

/** How long a message may take to reach another node. */
export const arrival = { timeout: 10_000, interval: 10 };

/** A home of three nodes, as tests see it once it is open. */
export interface Stage {
  readonly nodes: readonly BackplaneDriver[];
  readonly one: BackplaneDriver;
  readonly two: BackplaneDriver;
  readonly three: BackplaneDriver;
  /** A term that is newer than every earlier one of this home. */
  nextTerm(): number;
}

/** `home` is asked at each use, since tests are declared before it opens. */
export function createStage(home: () => Home): Stage {
  let term = 1_000;
  return {
    get nodes() {
      return home().nodes;
    },
    get one() {
      return nodeOf(home(), 0);
    },
    get two() {
      return nodeOf(home(), 1);
    },
    get three() {
      return nodeOf(home(), 2);
    },
    nextTerm: () => ++term,
  };
}

export function nodeOf(home: { nodes: readonly BackplaneDriver[] }, index: number): BackplaneDriver {
  const node = home.nodes[index];
  if (node === undefined) throw new Error(`the home was opened with too few nodes for node ${index}`);
  return node;
}

/** Takes the lease from where it stands. */
export async function takeLease(node: BackplaneDriver): Promise<LeaseRecord> {
  const record = await node.lease.take(await node.lease.read());
  if (record === null) throw new Error(`${node.node} could not take a lease that nobody else was taking`);
  return record;
}
