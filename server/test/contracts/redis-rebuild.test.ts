/** Links that are up and yet bring nothing are built anew: down, then up with every subscription in place. */
import { expect, it } from 'vitest';
import { cleanUpAfterEach, expectMessages, openPair, untilAt } from './redis-node.ts';
import { leadLog } from './log-steps.ts';

cleanUpAfterEach();

it('goes down at once and comes up within half a second, with messages both ways as before', async () => {
  const { node, other } = await openPair();
  await expectMessages(other, node, 'before');
  // On a slow machine a link may have gone down and up before.
  const [before, otherBefore] = [node.states.length, other.states.length];
  node.backplane.rebuild();
  expect(node.backplane.state()).toMatchObject({ at: 'down', reason: 'no connection to Redis' });
  await untilAt(node, 'up', 500);
  expect(node.states.slice(before).map(({ at }) => at)).toEqual(['down', 'up']);
  await expectMessages(other, node, 'after');
  await expectMessages(node, other, 'after-too');
  expect(await other.driver.call('node-1', null)).toMatchObject({ ok: true });
  expect(other.states.slice(otherBefore)).toEqual([]);
});

it('leaves appends at work meanwhile', async () => {
  const { node } = await openPair();
  const term = await leadLog(node.driver, 1);
  node.backplane.rebuild();
  expect(node.backplane.state().at).toBe('down');
  expect(await term.append({ prices: [['A', '1']] })).toEqual({ ok: true });
});

it('hears its own echo while Redis answers, and where it does not says so', async () => {
  const { server, node } = await openPair();
  const echo = () => node.driver.call('node-1', null);
  expect(await Promise.all([echo(), echo()])).toMatchObject([{ ok: true }, { ok: true }]);
  await server.kill('SIGSTOP');
  expect(await echo()).toMatchObject({ ok: false, name: 'BackplaneUnavailable' });
  await server.kill('SIGCONT');
  await untilAt(node, 'up', 5_000);
  expect(await echo()).toMatchObject({ ok: true });
});

it('does no harm when it comes again and again, while Redis is away, and after the end', async () => {
  const { server, node, other, untilBothUp } = await openPair();
  for (let time = 0; time < 5; time++) node.backplane.rebuild();
  await untilAt(node, 'up', 500);
  await expectMessages(other, node, 'once-each');
  const received = await node.driver.received();
  expect(received.filter((each) => each.kind === 'emit')).toHaveLength(1);

  await server.kill('SIGKILL');
  await untilAt(node, 'down', 500);
  node.backplane.rebuild();
  await server.restart();
  await untilBothUp(1_500);
  await expectMessages(other, node, 'after-outage');

  node.backplane.rebuild();
  await node.driver.close();
  node.backplane.rebuild();
  expect(node.backplane.state()).toMatchObject({ at: 'down', reason: 'closed' });
});
