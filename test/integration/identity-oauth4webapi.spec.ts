import * as oauth from 'oauth4webapi';
import { furnishedTenant, type IdentityApp, startIdentity, type TestTenant } from '../support/identity.js';

jest.setTimeout(60_000);

let identity: IdentityApp;
let ours: TestTenant;
beforeAll(async () => {
  identity = await startIdentity();
  ours = await furnishedTenant(identity);
});
afterAll(() => identity?.close());

const insecure = { [oauth.allowInsecureRequests]: true };

describe.each([
  ['client_secret_basic', oauth.ClientSecretBasic],
  ['client_secret_post', oauth.ClientSecretPost],
] as const)('oauth4webapi, unchanged, with %s', (name, authentication) => {
  test.each(['Ed25519', 'ES256'])('finds the server, gets a token and calls with it (%s)', async (alg) => {
    const { body } = await ours.admin<{ id: string; api_key: string }>('POST', '/v1/agents', {
      name: `${name}-${alg}`.toLowerCase(),
    });
    const issuer = new URL(identity.at.tenant);
    const discovery = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure });
    const server = await oauth.processDiscoveryResponse(issuer, discovery);
    const client: oauth.Client = { client_id: body.id };
    const DPoP = oauth.DPoP(client, await oauth.generateKeyPair(alg));
    const ask = async () => {
      const answer = await oauth.clientCredentialsGrantRequest(
        server,
        client,
        authentication(body.api_key),
        new URLSearchParams(),
        { DPoP, ...insecure },
      );
      return oauth.processClientCredentialsResponse(server, client, answer);
    };
    const token = await ask().catch((error: unknown) => {
      if (oauth.isDPoPNonceError(error)) return ask();
      throw error;
    });
    expect(token).toMatchObject({ token_type: 'dpop', scope: 'use:credential' });
    const whoami = new URL('/v1/whoami', issuer);
    const answer = await oauth.protectedResourceRequest(token.access_token, 'GET', whoami, undefined, undefined, {
      DPoP,
      ...insecure,
    });
    expect(await answer.json()).toMatchObject({ kind: 'agent', id: body.id });
    // It renews with the same key.
    expect((await ask()).access_token).not.toBe(token.access_token);
  });

  test('reads our refusals', async () => {
    const { body } = await ours.admin<{ id: string; api_key: string }>('POST', '/v1/agents', {
      name: `${name}-refused`,
    });
    const issuer = new URL(identity.at.tenant);
    const server = await oauth.processDiscoveryResponse(
      issuer,
      await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure }),
    );
    const client: oauth.Client = { client_id: body.id };
    const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('Ed25519'));
    const ask = async () => {
      const parameters = new URLSearchParams({ scope: 'admin' });
      const answer = await oauth.clientCredentialsGrantRequest(
        server,
        client,
        authentication(body.api_key),
        parameters,
        { DPoP, ...insecure },
      );
      return oauth.processClientCredentialsResponse(server, client, answer);
    };
    const retried = ask().catch((error: unknown) => (oauth.isDPoPNonceError(error) ? ask() : Promise.reject(error)));
    await expect(retried).rejects.toMatchObject({ error: 'invalid_scope', status: 400 });
  });
});
