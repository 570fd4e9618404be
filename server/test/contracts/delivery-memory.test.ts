/** The contract of delivery on Socket.IO's own adapter: one server. */
import { Adapter } from 'socket.io-adapter';
import { openDeliveryNode } from './delivery-node.ts';
import { describeDelivery } from './delivery.contract.ts';

describeDelivery('the adapter in memory', async (isCoalesced) => {
  const node = await openDeliveryNode({
    isCoalesced,
    adapter: (wrap) => {
      const Wrapped = wrap(Adapter);
      return function createAdapter(nsp) {
        return new Wrapped(nsp as never);
      };
    },
  });
  return { nodes: [node], stop: () => node.close() };
});
