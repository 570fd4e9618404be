/** What `npm run status` is told on its command line and by the environment. */
import { parseArgs } from 'node:util';

const defaultUrl = 'http://localhost:8080';

/** What `--help` prints; behind the reason, also what a command line that is not understood is answered with. */
export const statusUsage = `npm run status -- [--url ${defaultUrl}] [--key KEY] [--nodes N] [--json]

  --url    where Nginx or a replica listens
  --key    an API key, to be told of every replica; better in TICKWIRE_API_KEY,
           as others on this machine can read a command line
  --nodes  how many replicas must serve
  --json   one JSON object, for programs (npm run --silent status -- --json)
  --help   this

A certificate of your own is trusted by NODE_EXTRA_CA_CERTS=certs/cert.pem
before the command.

Ends with 0 when all is well, with 1 when something is wrong, and with 2 when
it could not ask.`;

/**
 * @typedef {object} StatusOptions
 * @property {URL} url Ends with a slash.
 * @property {string | null} key
 * @property {number} minNodes 0 where nobody said how many.
 * @property {boolean} json
 * @property {boolean} help
 */

/**
 * Says in a sentence what is wrong with the arguments, never with a key in it.
 *
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {{ ok: true, options: StatusOptions } | { ok: false, why: string }}
 */
export function parseStatusArguments(args, env) {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      allowPositionals: false,
      options: {
        url: { type: 'string' },
        key: { type: 'string' },
        nodes: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    }));
  } catch (error) {
    return { ok: false, why: error instanceof Error ? error.message : String(error) };
  }
  const url = addressOf(values.url ?? defaultUrl);
  if (url === null)
    return { ok: false, why: `--url must be an address such as ${defaultUrl}, without a user or a query` };
  const key = values.key ?? env['TICKWIRE_API_KEY']?.trim() ?? '';
  // A header takes no other characters.
  if (!/^[\x21-\x7e]*$/.test(key))
    return { ok: false, why: 'the API key has characters that no key may have' };
  if (!/^\d{1,4}$/.test(values.nodes ?? '0'))
    return { ok: false, why: '--nodes must be a whole number, such as 3' };
  return {
    ok: true,
    options: {
      url,
      key: key === '' ? null : key,
      minNodes: Number(values.nodes ?? 0),
      json: values.json ?? false,
      help: values.help ?? false,
    },
  };
}

/** @param {string} text */
function addressOf(text) {
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  const isTaken =
    /^https?:$/.test(url.protocol) && url.username === '' && url.password === '' && url.search === '';
  if (!isTaken) return null;
  url.hash = '';
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}
