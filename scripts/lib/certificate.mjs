/**
 * The folder of a certificate and its key, where Nginx takes them from, and a self-signed certificate for development.
 * Knows nothing of Nginx.
 */
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Browsers take no certificate that is good for longer than 398 days. */
const validDays = 365;
const run = promisify(execFile);
const ownNames = ['localhost', '127.0.0.1', '::1'];

/** @typedef {{ certificate: string, key: string }} CertificatePaths Of PEM files; the certificate is followed by those it needs. */

/**
 * @param {string} folder
 * @returns {CertificatePaths}
 */
export function certificateIn(folder) {
  return { certificate: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
}

/**
 * The files of the folder that are not there or cannot be read; none where both can.
 *
 * @param {CertificatePaths} paths
 * @returns {string[]}
 */
export function unreadable({ certificate, key }) {
  return [certificate, key].filter((path) => {
    try {
      accessSync(path, constants.R_OK);
      return false;
    } catch {
      return true;
    }
  });
}

/** @param {string} path */
export async function readCertificate(path) {
  return new X509Certificate(await readFile(path));
}

/**
 * Makes a self-signed certificate for this machine by its loopback names, and for `names` besides, with openssl. Rejects with
 * a sentence for people where a name is none or openssl is missing.
 *
 * @param {{ folder: string, names?: readonly string[] }} options
 * @returns {Promise<CertificatePaths>}
 */
export async function makeCertificate({ folder, names = [] }) {
  const wrong = names.find(
    (name) => isIP(name) === 0 && !/^(\*\.)?([a-z\d-]{1,63}\.)*[a-z\d-]{1,63}$/i.test(name),
  );
  if (wrong !== undefined) throw new Error(`${JSON.stringify(wrong)} is no host name or address`);
  const all = [...new Set([...ownNames, ...names])];
  const made = await mkdtemp(join(tmpdir(), 'tickwire-cert-'));
  try {
    const request = join(made, 'request.cnf');
    await writeFile(request, requestOf(all));
    const { certificate, key } = certificateIn(made);
    const form = `req -x509 -sha256 -days ${validDays} -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes`;
    await run('openssl', [...form.split(' '), '-config', request, '-keyout', key, '-out', certificate]);
    const placed = certificateIn(folder);
    await mkdir(folder, { recursive: true });
    // The container's Nginx, which is another user than ours, reads the key too.
    await writeFile(placed.key, await readFile(key), { mode: 0o644 });
    await writeFile(placed.certificate, await readFile(certificate));
    return placed;
  } catch (error) {
    throw opensslFault(error);
  } finally {
    await rm(made, { recursive: true, force: true });
  }
}

/**
 * What openssl reads. The certificate is a leaf: whoever gets its key can make no others that a browser that trusts it takes.
 *
 * @param {readonly string[]} names
 */
function requestOf(names) {
  const alternatives = names.map((name) => `${isIP(name) === 0 ? 'DNS' : 'IP'}:${name}`);
  return `[req]
prompt = no
distinguished_name = name
x509_extensions = leaf
[name]
CN = ${names[0]}
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
subjectAltName = ${alternatives.join(', ')}
`;
}

/** @param {unknown} error */
function opensslFault(error) {
  const isMissing = error instanceof Error && 'syscall' in error && error.syscall === 'spawn openssl';
  return isMissing ? new Error('openssl is not installed: apt-get install openssl', { cause: error }) : error;
}
