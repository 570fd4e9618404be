/** The contract of delivery without Redis: on Socket.IO's own adapter, and on its cluster adapter with two servers. */
import { deserialize, serialize } from 'node:v8';
import { Adapter, ClusterAdapterWithHeartbeat } from 'socket.io-adapter';
import type { AdapterClass } from '../../src/backplane/contract.ts';
import { adapterOver, openDeliveryNode } from './delivery-node.ts';
import { describeDelivery, type OpenDeliveryHome } from './delivery.contract.ts';

/** Opens that many servers; `createBase` makes the adapter class that they share. */
const openOn =
  (createBase: () => AdapterClass, nodes: number): OpenDeliveryHome =>
  async (isCoalesced) => {
    const adapter = adapterOver(createBase());
    const opened = await Promise.all(
      Array.from({ length: nodes }, () => openDeliveryNode({ isCoalesced, adapter })),
    );
    return {
      nodes: opened,
      stop: async () => void (await Promise.all(opened.map((node) => node.close()))),
    };
  };

/** The base of NodeClusterAdapter, with a bus in this process in the place of node:cluster. */
function createBusAdapter(): AdapterClass {
  const adapters: BusAdapter[] = [];
  class BusAdapter extends ClusterAdapterWithHeartbeat {
    constructor(nsp: { name: string }) {
      super(nsp, {});
      adapters.push(this);
      this.init();
    }

    #send(message: unknown, isFor: (adapter: BusAdapter) => boolean): void {
      const bytes = serialize(message);
      const others = adapters.filter((one) => one !== this && one.nsp.name === this.nsp.name);
      for (const adapter of others.filter(isFor))
        setImmediate(() =>
          adapter.onMessage(deserialize(bytes) as Parameters<ClusterAdapterWithHeartbeat['onMessage']>[0]),
        );
    }

    override async doPublish(message: unknown): Promise<string> {
      this.#send(message, () => true);
      return '';
    }

    override async doPublishResponse(requester: string, response: unknown): Promise<void> {
      this.#send(response, ({ uid }) => uid === requester);
    }
  }
  return BusAdapter;
}

describeDelivery(
  'the adapter in memory',
  openOn(() => Adapter, 1),
);
describeDelivery('the cluster adapter', openOn(createBusAdapter, 2));
