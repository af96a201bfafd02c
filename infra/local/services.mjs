// Programs that some tests need and that npm does not install. A test whose program is missing is skipped, loudly.
import { accessSync, constants, existsSync } from 'node:fs';
import path from 'node:path';

const SERVICES = [
  {
    name: 'Redis',
    package: 'redis-server',
    variable: 'CHANCERY_TEST_REDIS_SERVER',
    find: () => onPath('redis-server'),
  },
  {
    name: 'SoftHSM',
    package: 'softhsm2',
    variable: 'CHANCERY_TEST_SOFTHSM_LIBRARY',
    find: () => onPath('softhsm2-util') && LIBRARIES.find((file) => existsSync(file)),
  },
  {
    name: 'Chromium',
    package: 'chromium',
    variable: 'CHANCERY_TEST_CHROMIUM',
    find: () => onPath('chromium', 'chromium-browser', 'google-chrome'),
  },
];

const LIBRARIES = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
  '/opt/homebrew/lib/softhsm/libsofthsm2.so',
];

/** Each with the path tests get in its variable; an environment that names one already is right. */
export function findServices() {
  return SERVICES.map(({ find, ...service }) => ({ ...service, path: process.env[service.variable] || find() }));
}

function onPath(...names) {
  for (const dir of (process.env.PATH ?? '').split(path.delimiter)) {
    const found = names.map((name) => path.join(dir, name)).find(isExecutable);
    if (found) return found;
  }
  return undefined;
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
