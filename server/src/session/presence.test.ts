import { expect, it } from 'vitest';
import { createPresence } from './presence.ts';

it('[CS4] counts connections, different users, and connections of no user', () => {
  const presence = createPresence();
  for (const user of ['ann', null, 'ben', 'ann', null]) presence.came(user);
  expect(presence.now()).toEqual({ connections: 5, users: 2, anonymous: 2 });
  for (const user of ['ann', null]) presence.went(user);
  expect(presence.now()).toEqual({ connections: 3, users: 2, anonymous: 1 });
  for (const user of ['ann', 'ben', null]) presence.went(user);
  expect(presence.now()).toEqual({ connections: 0, users: 0, anonymous: 0 });
});
