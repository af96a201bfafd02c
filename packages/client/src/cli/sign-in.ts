import { ChanceryError } from '../errors.js';
import type { HttpClient } from '../http.js';
import { CliError } from './cli-error.js';
import type { Context } from './context.js';
import { EXIT } from './exit-codes.js';
import { nextCodeInMs, oneTimeCode } from './one-time-code.js';
import type { DemoPerson, StoredSession, Surface } from './profile.js';

export type Answers = { tenant?: string | undefined; email: string; password: string; totp: string };
type LoginAnswer = {
  session_token: string;
  expires_at: string;
  factor_expires_at: string;
  member: { id: string; email: string; role: string };
  tenant: { id: string; namespace: string };
};

const NEXT_CODE_MARGIN_MS = 500;
const CODE_FORM = /^[0-9]{6}$/;

/** POST /v1/login. */
export async function signIn(http: HttpClient, answers: Answers): Promise<StoredSession & { role: string }> {
  const answer = await http.json<LoginAnswer>({ method: 'POST', path: '/v1/login', json: answers });
  const { session_token: token, expires_at, factor_expires_at, member, tenant } = answer;
  if (typeof token !== 'string' || !member || !tenant) {
    throw new ChanceryError({ code: 'unexpected_answer', status: 201, detail: 'the answer to the login is not one' });
  }
  return { token, expires_at, factor_expires_at, email: member.email, tenant: tenant.namespace, role: member.role };
}

/** The demonstration's person signs in with the secrets of the quickstart's file; a used-up code waits for the next. */
export async function signInDemoPerson(context: Context, http: HttpClient, person: DemoPerson): Promise<StoredSession> {
  context.out.note(`signing in as ${person.email} (${person.tenant}), a person of the demonstration`);
  const { tenant, email, password } = person;
  return withNextCode(context, person, (totp) => signIn(http, { tenant, email, password, totp }));
}

/** A new factor for a session: the demonstration's own code, or one asked for on the terminal. */
export async function refreshFactor(
  context: Context,
  surface: Surface,
  send: (totp: string) => Promise<{ factor_expires_at: string }>,
): Promise<{ factor_expires_at: string }> {
  const person = surface === 'ops' ? context.profile.demoStaff : context.profile.demoMember;
  if (person) return withNextCode(context, person, send);
  if (!context.terminal.interactive) {
    const what = 'this needs a one-time code not older than five minutes';
    throw new CliError('factor_stale', what, 'run it on a terminal, or `chancery login` again', EXIT.notPermitted);
  }
  return send(await askCode(context));
}

export async function askCode(context: Context): Promise<string> {
  const code = (await context.terminal.askHidden('One-time code: ')).replace(/\s/g, '');
  if (!CODE_FORM.test(code))
    throw new CliError('invalid_code', 'a one-time code is six digits', 'try again', EXIT.usage);
  return code;
}

async function withNextCode<T>(context: Context, person: DemoPerson, send: (totp: string) => Promise<T>): Promise<T> {
  try {
    return await send(oneTimeCode(person.totpSecret, context.io.now()));
  } catch (error) {
    if (!(error instanceof ChanceryError) || error.code !== 'login_failed') throw error;
  }
  const waitMs = nextCodeInMs(context.io.now()) + NEXT_CODE_MARGIN_MS;
  context.out.note(`that one-time code was used already; the next one comes in ${Math.ceil(waitMs / 1000)} s`);
  await context.io.sleep(waitMs);
  return send(oneTimeCode(person.totpSecret, context.io.now()));
}
