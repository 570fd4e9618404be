/** Signs in who sent an HTTP request: reads its token where one belongs, and sees one where none does. SPEC.md [SI2], [SI6]. */
import { bearerOf, type AuthenticateRequest, type SignIn } from './identity.ts';

/** A token that the caller found elsewhere, such as in a WebSocket's subprotocol, comes before the header's. */
export function createAuthenticateRequest(signIn: SignIn): AuthenticateRequest {
  return async ({ headers, url = '' }, { token, userId } = {}) => {
    const begin = url.indexOf('?');
    const query = begin === -1 ? {} : Object.fromEntries(new URLSearchParams(url.slice(begin)));
    return signIn({ token: token ?? bearerOf(headers), userId, query });
  };
}
