/** The Python that Debian's own packages are for: the first one of the PATH may be another. */
import { existsSync } from 'node:fs';

const debian = '/usr/bin/python3';

/** A program to be started; it has `websocket-client`, which the tests' set-up installs. */
export const systemPython = existsSync(debian) ? debian : 'python3';
