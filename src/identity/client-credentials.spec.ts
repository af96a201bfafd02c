import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { mintKeyedToken } from '../platform/crypto/keyed-token.js';
import { PlatformSecret } from '../platform/crypto/platform-secret.js';
import { newUuid, publicId } from '../platform/ids.js';
import { ClientCredentials } from './client-credentials.js';
import { OAuthError } from './oauth.errors.js';

const [tenantId, agentId, keyId] = [newUuid(), newUuid(), newUuid()];
const id = publicId('agt', agentId);
let credentials: ClientCredentials;
let key: string;
let serviceKey: string;
beforeAll(async () => {
  const secret = await PlatformSecret.generateFile(path.join(tmpdir(), `chancery-client-${randomUUID()}`));
  const macKey = secret.derive('api-key-mac');
  credentials = new ClientCredentials(secret);
  key = mintKeyedToken({ kind: 'ak', tenantId, id: keyId, macKey }).token;
  serviceKey = mintKeyedToken({ kind: 'sk', tenantId, id: keyId, macKey }).token;
});

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
const read = (authorization: string | undefined, form: Record<string, string> = {}) => {
  try {
    return credentials.read(authorization, form);
  } catch (error) {
    if (error instanceof OAuthError) return `${error.status} ${error.code}`;
    throw error;
  }
};
const good = { agentId, key: expect.objectContaining({ kind: 'ak', tenantId, id: keyId }) };

test('reads the form and the header', () => {
  expect(read(undefined, { client_id: id, client_secret: key })).toEqual({ ...good, byHeader: false });
  expect(read(basic(`${id}:${key}`))).toEqual({ ...good, byHeader: true });
  expect(read(basic(`${id}:${key}`).replace('Basic', 'basic'), { client_id: id })).toEqual({ ...good, byHeader: true });
  expect(read(basic(`${encodeURIComponent(id)}:${key.replaceAll('_', '%5F')}`))).toEqual({ ...good, byHeader: true });
});

test('a service key is no API key', () => {
  expect(read(undefined, { client_id: id, client_secret: serviceKey })).toBe('400 invalid_client');
});

test('what is missing or malformed is an unknown client', () => {
  expect(read(undefined)).toBe('400 invalid_client');
  expect(read(undefined, { client_id: id })).toBe('400 invalid_client');
  expect(read(undefined, { client_secret: key })).toBe('400 invalid_client');
  expect(read(undefined, { client_id: id.toUpperCase(), client_secret: key })).toBe('400 invalid_client');
  expect(read(undefined, { client_id: id, client_secret: `${key}A` })).toBe('400 invalid_client');
  for (const header of [
    '',
    'Basic',
    'Basic !',
    'Bearer x',
    basic(''),
    basic(id),
    basic(`${id}:`),
    basic(`${id}:%e0%a4%a`),
    basic(`:${key}`),
  ]) {
    expect(read(header)).toBe('401 invalid_client');
  }
  expect(read(`Basic ${'A'.repeat(5_000)}`)).toBe('401 invalid_client');
});

test('one way to authenticate at a time', () => {
  expect(read(basic(`${id}:${key}`), { client_secret: key })).toBe('400 invalid_request');
  expect(read(basic(`${id}:${key}`), { client_id: publicId('agt', newUuid()) })).toBe('400 invalid_request');
});
