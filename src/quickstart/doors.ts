import { TOTP, URI } from 'otpauth';
import { HttpClient, type HttpRequest } from '@chancery/client/http.js';
import type { DemoPerson } from './state-file.js';

const STEP_MS = 30_000;
/** What is shown once stands in the state file; a terminal's scroll-back need not have it too. */
const SHOWN_ONCE = new Set(['api_key', 'key', 'password', 'otpauth_uri', 'session_token']);

/** One surface, as one party: the product's own HTTP door and nothing else. */
export class Door {
  constructor(
    private readonly http: HttpClient,
    private readonly bearer: string | null,
    private readonly say: (line: string) => void,
  ) {}

  as(bearer: string): Door {
    return new Door(this.http, bearer, this.say);
  }

  get<T>(path: string): Promise<T> {
    return this.#call<T>({ method: 'GET', path });
  }

  post<T>(path: string, json: unknown): Promise<T> {
    return this.#call<T>({ method: 'POST', path, json });
  }

  put<T>(path: string): Promise<T> {
    return this.#call<T>({ method: 'PUT', path });
  }

  async #call<T>(request: HttpRequest): Promise<T> {
    const headers = this.bearer === null ? {} : { authorization: `Bearer ${this.bearer}` };
    const answer = await this.http.json<T>({ ...request, headers });
    this.say(`    ${request.method} ${request.path} → ${JSON.stringify(answer, withoutSecrets)}`);
    return answer;
  }
}

function withoutSecrets(name: string, value: unknown): unknown {
  return SHOWN_ONCE.has(name) && typeof value === 'string' ? '[shown once]' : value;
}

/** Signs a person in. A code is good once, so a second sign-in within its half minute uses the next one. */
export async function signIn(door: Door, person: DemoPerson): Promise<Door> {
  const totp = URI.parse(person.otpauthUri) as TOTP;
  const { tenant, email, password } = person;
  const attempt = async (timestamp: number): Promise<Door> => {
    const body = { tenant, email, password, totp: totp.generate({ timestamp }) };
    return door.as((await door.post<{ session_token: string }>('/v1/login', body)).session_token);
  };
  try {
    return await attempt(Date.now());
  } catch {
    return attempt(Date.now() + STEP_MS);
  }
}

/** A person from what was shown once when they were let in. */
export function personOf(tenant: string, shown: { email: string; password: string; otpauth_uri: string }): DemoPerson {
  const totp = URI.parse(shown.otpauth_uri) as TOTP;
  return {
    tenant,
    email: shown.email,
    password: shown.password,
    totpSecret: totp.secret.base32,
    otpauthUri: shown.otpauth_uri,
  };
}
