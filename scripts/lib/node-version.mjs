/** The oldest Node that Tickwire runs on. Written so that an older one can read it. */

/**
 * What to tell the person at an older Node; null where it is new enough.
 *
 * @param {string} version As `process.versions.node` gives it.
 */
export function refuseNode(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return null;
  return `Tickwire needs Node 20.19 or newer, and this is ${version}: see https://nodejs.org`;
}
