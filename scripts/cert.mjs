/**
 * `npm run cert`: a self-signed certificate for development, for localhost and what is named after `--`, in the folder
 * that `CERTS_DIR` says. One that is there is left alone.
 */
import { relative } from 'node:path';
import { certificateIn, makeCertificate, readCertificate, unreadable } from './lib/certificate.mjs';
import { certsFolder, readSettings } from './lib/settings.mjs';
import { projectRoot } from './lib/set-up.mjs';

const folder = certsFolder(readSettings(projectRoot, process.env));
const present = certificateIn(folder);

try {
  if (unreadable(present).length < 2) {
    const { validTo } = await readCertificate(present.certificate);
    console.log(
      `${shown(present.certificate)} is there, good until ${validTo}: take it away to have another made`,
    );
  } else {
    const { certificate, key } = await makeCertificate({ folder, names: process.argv.slice(2) });
    const { subjectAltName, validTo } = await readCertificate(certificate);
    console.log(`${shown(certificate)} and ${shown(key)} are made for ${subjectAltName}, good until ${validTo}.
They are for development: every user of this machine may read the key, and browsers ask before they trust the certificate.`);
  }
} catch (error) {
  console.error(`No certificate: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

/** @param {string} path */
function shown(path) {
  return relative(process.cwd(), path);
}
