import { randomBytes } from 'node:crypto';
import { newSealedKey } from '../../src/tenancy/signing-key-seed.js';
import { Secret } from '../../src/platform/crypto/secret.js';
import { PLATFORM_TENANT_ID } from '../../src/platform/ids.js';
import { SigningKeys } from '../../src/tenancy/signing-keys.js';
import { openAudit, type OpenAudit } from '../support/audit.js';
import { asSuperuser } from '../support/database.js';

jest.setTimeout(60_000);

let audit: OpenAudit;
beforeAll(async () => {
  audit = await openAudit();
});
afterAll(() => audit?.close());

test.each(['token', 'checkpoint'] as const)(
  'a %s key that was not sealed under our secret is trusted nowhere',
  async (purpose) => {
    const { kid: ours } = await audit.keys.active(purpose);
    const forged = newSealedKey(purpose, new Secret(randomBytes(32)));
    await asSuperuser(audit.database.adminUrl, (admin) =>
      admin.query(
        `insert into chancery.signing_keys (tenant_id, kid, purpose, public_key, wrapped_seed, active, created_at, retires_at)
       values ($1, $2, $3, $4, $5, false, now(), now() + interval '1 hour')`,
        [PLATFORM_TENANT_ID, forged.kid, purpose, forged.publicKey, forged.wrappedSeed],
      ),
    );
    const fresh = new SigningKeys(audit.database.secret, audit.open.tenants, audit.acts, audit.clock);
    const kids = (keys: readonly { kid: string }[]) => keys.map(({ kid }) => kid);
    expect(kids(await fresh.published(purpose))).toEqual([ours]);
    expect(kids(await fresh.ever(purpose))).toEqual([ours]);
    expect(await fresh.find(purpose, forged.kid)).toBeUndefined();
  },
);
