// Runs once, as root, before everything else in docker-compose.yml: makes the secrets that nobody should have to
// invent, each readable only by whom it is for. What exists already is left as it is.
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const APP_USER = 1000; // `node` of the Node image
const REDIS_USER = 999; // `redis` of the Redis image

function make(file, content, owner) {
  writeFileSync(file, content, { mode: 0o600 });
  chownSync(file, owner, owner);
  console.log(`made ${file}`);
}

function folder(dir, owner) {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  chownSync(dir, owner, owner);
  return (name) => path.join(dir, name);
}

const password = () => randomBytes(32).toString('base64url');

const postgres = folder('/secrets/postgres', 0);
const redis = folder('/secrets/redis', REDIS_USER);
const app = folder('/secrets/app', APP_USER);
if (!existsSync(app('environment'))) {
  const [superuser, queue] = [password(), password()];
  const settings = ['port 6379', 'dir /data', 'appendonly yes', 'maxmemory-policy noeviction', `requirepass ${queue}`];
  const environment = [
    `DATABASE_ADMIN_URL='postgresql:///chancery?host=/var/run/postgresql&user=postgres&password=${superuser}'`,
    `REDIS_URL='redis://:${queue}@redis:6379'`,
  ];
  make(postgres('password'), superuser, 0);
  make(redis('redis.conf'), `${settings.join('\n')}\n`, REDIS_USER);
  make(app('environment'), `${environment.join('\n')}\n`, APP_USER); // the last, because it says that all is done
}

const state = folder('/var/lib/chancery', APP_USER);
if (!existsSync(state('platform-secret'))) make(state('platform-secret'), randomBytes(32), APP_USER);
folder(state('keyring'), APP_USER);
