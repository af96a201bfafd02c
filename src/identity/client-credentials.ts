import { Injectable } from '@nestjs/common';
import { type KeyedToken, readKeyedToken } from '../platform/crypto/keyed-token.js';
import { PlatformSecret } from '../platform/crypto/platform-secret.js';
import { storedId } from '../platform/ids.js';
import { invalidClient, OAuthError } from './oauth.errors.js';

/** What an agent shows at the token endpoint: its id and an API key whose MAC is ours. Not yet that they are in force. */
export interface ClientCredential {
  readonly agentId: string;
  readonly key: KeyedToken;
  /** By `client_secret_basic`; decides how a refusal looks. */
  readonly byHeader: boolean;
}

const BASIC = /^Basic ([A-Za-z0-9+/]{1,1024}={0,2})$/i;

/** Reads `client_secret_basic` and `client_secret_post` (RFC 6749 section 2.3.1). A forged key opens no connection. */
@Injectable()
export class ClientCredentials {
  readonly #macKey: Buffer;

  constructor(secret: PlatformSecret) {
    this.#macKey = secret.derive('api-key-mac');
  }

  read(
    authorization: string | undefined,
    form: { client_id?: string | undefined; client_secret?: string | undefined },
  ): ClientCredential {
    const byHeader = authorization !== undefined;
    if (byHeader && form.client_secret !== undefined) {
      throw new OAuthError('invalid_request', 'Authenticate once: in the Authorization header or in the form.');
    }
    const [id, secret] = byHeader ? readBasic(authorization) : [form.client_id, form.client_secret];
    if (id === undefined || secret === undefined) throw invalidClient(byHeader);
    if (form.client_id !== undefined && form.client_id !== id) {
      throw new OAuthError('invalid_request', 'client_id names another agent than the Authorization header.');
    }
    const agentId = storedId('agt', id);
    const key = readKeyedToken(secret, this.#macKey);
    if (agentId === undefined || key?.kind !== 'ak') throw invalidClient(byHeader);
    return { agentId, key, byHeader };
  }
}

/** Both halves are form-encoded before they are joined: RFC 6749 section 2.3.1, appendix B. */
function readBasic(authorization: string): [string?, string?] {
  const encoded = BASIC.exec(authorization)?.[1];
  if (encoded === undefined) return [];
  const [, id, secret] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString('latin1')) ?? [];
  if (id === undefined || secret === undefined) return [];
  try {
    return [formDecoded(id), formDecoded(secret)];
  } catch {
    return [];
  }
}

function formDecoded(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '));
}
