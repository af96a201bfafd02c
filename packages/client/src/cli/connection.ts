import { answerJson, readAtMost, type HttpClient, type HttpRequest } from '../http.js';
import type { HttpAnswer, HttpStream } from '../http-answer.js';
import { problemError } from '../http-failures.js';
import { CliError } from './cli-error.js';
import type { Context } from './context.js';
import { EXIT } from './exit-codes.js';
import { serviceKeyKey, sessionKey, type StoredSession, type Surface } from './profile.js';
import { refreshFactor, signInDemoPerson } from './sign-in.js';

export type As = 'anyone' | 'person';
type Credential = { kind: 'key' | 'session'; token: string };

const ERROR_BYTES_MAX = 1024 * 1024;

/** One surface with the credentials the profile has for it: a service key, a person's session, or both. */
export class Connection {
  constructor(
    private readonly context: Context,
    readonly surface: Surface,
    readonly http: HttpClient,
  ) {}

  /** True when the profile holds something that signs in here. */
  get hasCredential(): boolean {
    return this.#key !== undefined || this.#session !== undefined || this.#person !== undefined;
  }

  async json<T>(request: HttpRequest, as: As = 'anyone'): Promise<T> {
    return answerJson<T>(await this.send(request, as));
  }

  /**
   * Sends as `as`. Acts of people get a session: the stored one, or the demonstration's person signs in. A stale factor
   * is renewed and the request sent once more.
   */
  async send(request: HttpRequest, as: As = 'anyone'): Promise<HttpAnswer> {
    const used = as === 'person' ? await this.#personsCredential() : await this.#anyCredential();
    const answer = await this.#sendWith(used, request);
    switch (refusalCode(answer)) {
      case 'human_required':
        if (used.kind === 'session') return answer;
        return this.#sendFresh(await this.#personsCredential(), request);
      case 'factor_stale':
        return this.#sendFresh(used, request, true);
      case 'ended':
        return used.kind === 'session' ? this.#sendInNewSession(request, as, answer) : answer;
      default:
        return answer;
    }
  }

  /** A long answer, read as it comes. */
  async stream(request: HttpRequest): Promise<HttpStream> {
    const { token } = await this.#anyCredential();
    const answer = await this.http.stream({ ...request, headers: { ...request.headers, ...bearer(token) } });
    if (answer.status === 200) return answer;
    throw problemError({ ...answer, body: await readAtMost(answer.body, ERROR_BYTES_MAX) });
  }

  #sendWith(credential: Credential, request: HttpRequest): Promise<HttpAnswer> {
    return this.http.send({ ...request, headers: { ...request.headers, ...bearer(credential.token) } });
  }

  async #sendFresh(credential: Credential, request: HttpRequest, known = false): Promise<HttpAnswer> {
    if (!known) {
      const answer = await this.#sendWith(credential, request);
      if (refusalCode(answer) !== 'factor_stale') return answer;
    }
    const renewed = await refreshFactor(this.context, this.surface, (totp) =>
      this.http.json({ method: 'POST', path: '/v1/login/factor', json: { totp }, headers: bearer(credential.token) }),
    );
    const session = this.#session;
    if (session)
      await this.context.keepSession(this.surface, { ...session, factor_expires_at: renewed.factor_expires_at });
    return this.#sendWith(credential, request);
  }

  /** The stored session ended: the key or the demonstration's person goes on, everybody else signs in again. */
  async #sendInNewSession(request: HttpRequest, as: As, ended: HttpAnswer): Promise<HttpAnswer> {
    await this.context.keepSession(this.surface, undefined);
    if (!this.#person && !(as === 'anyone' && this.#key)) return ended;
    return this.#sendWith(as === 'person' ? await this.#personsCredential() : await this.#anyCredential(), request);
  }

  async #anyCredential(): Promise<Credential> {
    const key = this.#key;
    if (key && (this.context.profile.keysFirst || !this.#session)) return { kind: 'key', token: key };
    return this.#personsCredential();
  }

  async #personsCredential(): Promise<Credential> {
    const stored = this.#session;
    if (stored) return { kind: 'session', token: stored.token };
    if (!this.#person) throw notSignedIn(this.context, this.surface, this.#key !== undefined);
    const session = await signInDemoPerson(this.context, this.http, this.#person);
    await this.context.keepSession(this.surface, session);
    return { kind: 'session', token: session.token };
  }

  get #key(): string | undefined {
    return this.context.profile[serviceKeyKey(this.surface)];
  }

  get #session(): StoredSession | undefined {
    const session = this.context.profile[sessionKey(this.surface)];
    return session && Date.parse(session.expires_at) > this.context.io.now().getTime() ? session : undefined;
  }

  get #person() {
    return this.surface === 'ops' ? this.context.profile.demoStaff : this.context.profile.demoMember;
  }
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

function refusalCode(answer: HttpAnswer): 'human_required' | 'factor_stale' | 'ended' | undefined {
  if (answer.status === 401) return 'ended';
  if (answer.status !== 403) return undefined;
  const { code } = problemError(answer);
  return code === 'human_required' || code === 'factor_stale' ? code : undefined;
}

function notSignedIn({ profile }: Context, surface: Surface, hasKey: boolean): CliError {
  const command = `chancery login${surface === 'ops' ? ' --ops' : ''}`;
  const what = hasKey ? 'a person does this, a service key cannot' : `not signed in (profile ${profile.name})`;
  return new CliError(hasKey ? 'human_required' : 'unauthenticated', what, `run \`${command}\``, EXIT.notPermitted);
}
