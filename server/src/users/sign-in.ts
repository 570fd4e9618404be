/** Finds out who a client is from what it says of itself. Knows no socket and no route. Keeps SPEC.md [SI1]. */
import { anonymous, claimed, isUserId, SignInRefused, type SignIn } from './identity.ts';

/** Takes a client's word: its `userId` where it gives one, and nobody in particular else. */
export const takeItsWord: SignIn = ({ userId }) => {
  if (userId === undefined || userId === null) return anonymous;
  if (!isUserId(userId)) throw new SignInRefused('bad_user_id');
  return claimed(userId);
};
