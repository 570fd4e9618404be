/** Who is there as a backend finds it that goes by the notices alone, as the README says. */
import type { Letter } from '../stand-ins/backend.ts';

/** Sessions with the node that they are on, after these notices in their order. */
export function presenceAfter(notices: readonly Letter[]): Map<string, string> {
  const online = new Map<string, { node: string; instance: string }>();
  for (const { event, data, session, node, instance } of notices) {
    if (event === 'connect') online.set(session ?? '', { node, instance });
    if (event === 'disconnect') online.delete(session ?? '');
    if (event === 'node_gone')
      for (const [id, one] of online)
        if (one.instance === (data as { instance: string }).instance) online.delete(id);
  }
  return new Map([...online].map(([session, { node }]) => [session, node]));
}
