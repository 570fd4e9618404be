/** What is wrong with a cluster, in sentences. Knows neither how it was asked nor how it is shown. */

/**
 * Empty when all is well. A replica that leaves in good order is no problem while another one serves.
 *
 * @param {import('./status-call.mjs').ClusterStatus} status
 * @param {{ minNodes: number }} options
 * @returns {string[]}
 */
export function problemsOf({ told, nodes, unanswered, backplane, leader, feed, feeds }, { minNodes }) {
  const serving = nodes.filter(({ state }) => state === 'serving');
  const isKnown = told !== 'all' || nodes.some(({ node }) => node === leader.node);
  return [
    ...(backplane.state === 'up' ? [] : [`the backplane is away${because(backplane.reason)}`]),
    ...(leader.node === null ? ['no replica leads'] : []),
    ...(leader.node === null || isKnown ? [] : [`the leader ${leader.node} is gone`]),
    ...(serving.length === 0 ? ['no replica serves: all of them are leaving'] : []),
    ...(serving.length > 0 && serving.length < minNodes ? [tooFew(serving.length, minNodes, told)] : []),
    ...(unanswered === 0
      ? []
      : [
          `a replica may hang: ${unanswered === 1 ? 'a request' : `${unanswered} requests`} got no answer, until asked again`,
        ]),
    ...(feed.state === 'live' ? [] : [`prices are not live${because(feed.reason)}`]),
    ...feeds
      .filter(({ state }) => feed.state === 'live' && state !== 'live')
      .map(({ name }) => `the prices of ${name} are not live`),
  ];
}

/**
 * @param {number} there
 * @param {number} wanted
 * @param {import('./status-call.mjs').ClusterStatus['told']} told
 */
function tooFew(there, wanted, told) {
  if (told === 'all') return `${there} of ${wanted} replicas serve`;
  const why = told === 'one' ? 'to be told of all takes an API key' : 'it has no link to the others';
  return `only the replica that answered is known, not ${wanted}: ${why}`;
}

/** @param {string | null} reason */
function because(reason) {
  return reason === null ? '' : `: ${reason}`;
}
