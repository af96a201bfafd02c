import { readFileSync } from 'node:fs';
import path from 'node:path';
import { file, generate } from './env-example.generator.js';
import { EnvironmentError, loadConfig } from './environment.js';

const production = {
  DATABASE_URL: 'postgresql://db.internal:5432/chancery?sslmode=verify-full',
  CHANCERY_PLATFORM_SECRET_FILE: '/var/lib/chancery/platform-secret',
  CHANCERY_KEYRING_DIR: '/var/lib/chancery/keyring',
  CHANCERY_CHECKPOINT_FILE: '/var/lib/chancery/checkpoints.jsonl',
  TENANT_ORIGINS: 'https://api.example.com',
  PUBLIC_ORIGINS: 'https://public.example.com',
  OPS_ORIGINS: 'http://localhost:8082',
};

function faultsOf(env: Record<string, string>): Record<string, string> {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof EnvironmentError)
      return Object.fromEntries(error.faults.map(({ name, fault }) => [name, fault]));
    throw error;
  }
  return {};
}

test('a right environment of production loads; production is what is meant when nothing is said', () => {
  const config = loadConfig(production);
  expect(config.environment).toBe('production');
  expect(config.listen.tenant).toEqual({ kind: 'tcp', host: '127.0.0.1', port: 8080 });
  expect(config.origins.tenant).toEqual(['https://api.example.com']);
  expect(config.database).toMatchObject({ url: production.DATABASE_URL, adminUrl: null, embeddedDir: null });
});

test('every fault is named at once, also those between variables', () => {
  const faults = faultsOf({
    TENANT_LISTEN: 'nowhere',
    REQUEST_BYTES_MAX: '12k',
    TENANT_ORIGINS: 'http://api.example.com',
    TLS_KEY_FILE: '/k.pem',
    CHANCERY_RESOLVE: 'api.test=127.0.0.1:1',
  });
  expect(Object.keys(faults).sort()).toEqual([
    'CHANCERY_CHECKPOINT_FILE',
    'CHANCERY_KEYRING_DIR',
    'CHANCERY_PLATFORM_SECRET_FILE',
    'CHANCERY_RESOLVE',
    'DATABASE_URL',
    'OPS_ORIGINS',
    'PUBLIC_ORIGINS',
    'REQUEST_BYTES_MAX',
    'TENANT_LISTEN',
    'TENANT_ORIGINS',
    'TLS_CERT_FILE',
  ]);
});

test.each([
  ['CHANCERY_RESOLVE', 'api.test=127.0.0.1:1'],
  ['CHANCERY_DNS_SERVERS', '127.0.0.1:5353'],
  ['CHANCERY_EXTRA_CA', '/ca.pem'],
])('%s is for development only', (name, value) => {
  expect(faultsOf({ ...production, [name]: value })[name]).toContain('development only');
  expect(faultsOf({ ...production, CHANCERY_ENV: 'development', [name]: value })).toEqual({});
});

test.each(['127.0.0.1', 'ns.example.com:53', '127.0.0.1:0', '127.0.0.1:65536', '[::1]53', '1.2.3:53'])(
  'CHANCERY_DNS_SERVERS: %s is no name server',
  (value) =>
    expect(faultsOf({ ...production, CHANCERY_ENV: 'development', CHANCERY_DNS_SERVERS: value })).toEqual({
      CHANCERY_DNS_SERVERS: 'must be 127.0.0.1:port',
    }),
);

test('the message names what is wrong and an example, and never a value', () => {
  const message = (() => {
    try {
      loadConfig({ ...production, DATABASE_URL: 'postgresql://admin:hunter2@db/chancery', REDIS_URL: 'hunter2' });
    } catch (error) {
      return (error as Error).message;
    }
    return '';
  })();
  expect(message).toContain('DATABASE_URL: must not carry a login');
  expect(message).toContain('REDIS_URL: must be a URL of redis: or rediss: (example: rediss://redis.internal:6379)');
  expect(message).not.toContain('hunter2');
});

test.each([
  ['CHANCERY_RESOLVE', 'api.upstream.test=127.0.0.1:9443'],
  ['CHANCERY_EXTRA_CA', './ca.pem'],
  ['CHANCERY_EMBEDDED_DIR', './pg'],
])('production refuses %s, development takes it', (name, value) => {
  expect(faultsOf({ ...production, [name]: value })[name]).toMatch(/development only|choose one/);
  const { DATABASE_URL, ...without } = production;
  const development = {
    ...(name === 'CHANCERY_EMBEDDED_DIR' ? without : { ...without, DATABASE_URL }),
    CHANCERY_ENV: 'development',
  };
  expect(faultsOf({ ...development, [name]: value })).toEqual({});
});

test.each([
  ['postgresql://db/chancery', true],
  ['postgresql://db/chancery?sslmode=require', true],
  ['postgresql://db/chancery?sslmode=no-verify', true],
  ['postgresql://db/chancery?sslmode=verify-full', false],
  ['postgresql:///chancery?host=/var/run/postgresql', false],
])('in production %s is refused: %p', (url, refused) => {
  expect('DATABASE_URL' in faultsOf({ ...production, DATABASE_URL: url })).toBe(refused);
});

test.each([
  ['0.0.0.0:0', { kind: 'tcp', host: '0.0.0.0', port: 0 }],
  ['[::1]:8080', { kind: 'tcp', host: '::1', port: 8080 }],
  ['unix:/run/chancery/ops.sock', { kind: 'unix', path: '/run/chancery/ops.sock' }],
])('listens on %s', (text, address) => {
  expect(loadConfig({ ...production, OPS_LISTEN: text }).listen.ops).toEqual(address);
});

test.each(['localhost', ':80', 'host:99999', 'unix:relative.sock', `unix:/${'x'.repeat(110)}`, 'ho st:1'])(
  'does not listen on %s',
  (text) => expect(faultsOf({ ...production, OPS_LISTEN: text })).toHaveProperty('OPS_LISTEN'),
);

test.each([
  'https://a.test/',
  'https://a.test/v1',
  'https://u:p@a.test',
  'ftp://a.test',
  'a.test',
  'https://A.test',
  'https://a.test:443',
])('an origin is exact: not %s', (text) =>
  expect(faultsOf({ ...production, TENANT_ORIGINS: text })).toHaveProperty('TENANT_ORIGINS'),
);

test('lists are read item by item', () => {
  const { outbound } = loadConfig({
    ...production,
    CHANCERY_ENV: 'development',
    CHANCERY_RESOLVE: 'a.test=127.0.0.1:1, b.test=[::1]:2',
    CHANCERY_DIAL_ALLOW: '10.0.0.0/8,fd00::/8',
  });
  expect(outbound.resolve).toEqual([
    { name: 'a.test', address: '127.0.0.1', port: 1 },
    { name: 'b.test', address: '::1', port: 2 },
  ]);
  expect(outbound.dialAllow).toEqual(['10.0.0.0/8', 'fd00::/8']);
});

test('.env.example is what the schema says', () => {
  expect(readFileSync(path.join(__dirname, '../..', file), 'utf8')).toBe(generate());
});
