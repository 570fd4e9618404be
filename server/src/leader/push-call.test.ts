import { describe, expect, it } from 'vitest';
import { refusal } from '../../protocol/index.ts';
import { BackplaneUnavailable, NoLeader } from '../backplane/contract.ts';
import { createLog } from '../support/log.ts';
import type { AskLeader } from './leader-calls.ts';
import { createPushCall } from './push-call.ts';

const log = createLog({ level: 'silent', node: 'test' });
const batch = { ticks: [{ symbol: 'A', price: '1', ts: 1 }] };
const taken = { ok: true, replayed: false, ticks: [{ symbol: 'A', gen: 'gen001', seq: 1 }] };

function pushing(askLeader: AskLeader, refused: 'unknown_symbol' | null = null) {
  return createPushCall({ askLeader, refuse: () => (refused === null ? null : refusal(refused)), log })(
    batch,
  );
}

describe('a push from a replica to the leader', () => {
  it('[LS1] goes by the leader’s list, whatever this replica has heard of it', async () => {
    expect(await pushing(async () => taken, 'unknown_symbol')).toEqual(taken);
  });

  it('is refused by what this replica knows where no leader answers', async () => {
    for (const error of [new NoLeader('none'), new BackplaneUnavailable('away')])
      expect(await pushing(() => Promise.reject(error), 'unknown_symbol')).toEqual({
        ok: false,
        refusal: refusal('unknown_symbol'),
      });
  });

  it('tells a push that nobody took from one that may have been counted', async () => {
    expect(await pushing(() => Promise.reject(new NoLeader('none')))).toMatchObject({
      refusal: { name: 'no_leader' },
    });
    expect(await pushing(() => Promise.reject(new BackplaneUnavailable('away')))).toMatchObject({
      refusal: { name: 'push_unconfirmed' },
    });
  });
});
