/** The process of a peer that runs in Node. Ends with the benchmark. */
import { createFloorPeer } from './floor.ts';
import { createOurReplica } from './our-replica.ts';
import { createOursPeer } from './ours.ts';
import type { Peer } from './peer.ts';
import { servePeer } from './serve-peer.ts';
import type { PeerName, StartRequest } from './server-calls.ts';
import { createStockPeer, createStockReplica } from './stock.ts';
import { createWsPeer } from './ws.ts';

const peers: Record<Exclude<PeerName, 'bun'>, (request: StartRequest) => Promise<Peer>> = {
  ours: createOursPeer,
  'our stage': createOursPeer,
  'our replica': createOurReplica,
  stock: createStockPeer,
  'stock replica': ({ redisUrl = '' }) => createStockReplica({ redisUrl }),
  ws: createWsPeer,
  floor: createFloorPeer,
};

servePeer((request) => {
  if (request.peer === 'bun') throw new Error('the peer bun has a program of its own');
  return peers[request.peer](request);
});
