/** The replicas and the users on each, in one order, each in a place whose size does not change with what it says. */
import { useComputed } from '@preact/signals';
import type { NodeStatistics } from '../../../server/protocol/index.ts';
import type { Screen } from './screen.ts';
import { nodeWords } from './words.ts';

/** Each replica in the order in which the server told of them; marked as old while no connection is live. */
export function NodeStrip({ screen }: { screen: Screen }) {
  const isLive = useComputed(() => screen.connection.value.at === 'live').value;
  const nodes = screen.nodes.value;
  return (
    <section class="nodes" aria-label="Replicas" data-live={isLive}>
      <ul>
        {nodes.map((one) => (
          <Node key={one.node} one={one} />
        ))}
      </ul>
      {!isLive && nodes.length > 0 && <span class="old">as last heard</span>}
    </section>
  );
}

function Node({ one }: { one: NodeStatistics }) {
  const { users, more, title } = nodeWords(one);
  const role = one.state === 'draining' ? 'draining' : one.leader ? 'leader' : '';
  return (
    <li data-node={one.node} title={title}>
      <b>{one.node}</b> <span class="users">{users}</span>
      {more !== '' && <span> {more}</span>} <span class="role">{role}</span>
    </li>
  );
}
