import type { Command } from 'commander';
import type { Cli } from './cli.js';
import { CliError, usage } from './cli-error.js';
import { EXIT } from './exit-codes.js';
import { serviceKeyKey, sessionKey, type StoredSession, type Surface } from './profile.js';
import { QUICKSTART_PROFILE } from './quickstart-file.js';
import { askCode, signIn, signInDemoPerson, type Answers } from './sign-in.js';
import { readSecretValue } from './values.js';
import type { WhoamiView } from './views.js';

type LoginOptions = {
  ops?: boolean;
  tenant?: string;
  email?: string;
  totp?: string;
  passwordStdin?: boolean;
  key?: boolean;
};

export function loginCommands(program: Command, cli: Cli): void {
  program
    .command('login')
    .option('--ops', 'as staff, on the ops surface')
    .option('--tenant <namespace>', 'tenant to sign in to (asked for otherwise)')
    .option('--email <email>', 'asked for otherwise')
    .option('--password-stdin', 'read the password from stdin instead of the terminal')
    .option('--totp <code>', 'the one-time code, where there is no terminal to ask on')
    .option('--key', 'store a service key instead, read from stdin or a hidden prompt')
    .description('sign in with password and one-time code, and keep the session in the profile')
    .action((options: LoginOptions) => (options.key ? storeKey(cli, options) : login(cli, options)));

  program
    .command('logout')
    .option('--ops', "end the staff's session")
    .description('end the session and forget it')
    .action((options: { ops?: boolean }) => logout(cli, options.ops ? 'ops' : 'tenant'));
}

async function login(cli: Cli, options: LoginOptions): Promise<void> {
  const surface: Surface = options.ops ? 'ops' : 'tenant';
  const http = await cli.http(surface);
  const person = options.ops ? cli.profile.demoStaff : cli.profile.demoMember;
  const session: StoredSession =
    person && !options.email
      ? await signInDemoPerson(cli, http, person)
      : await signIn(http, await answersOf(cli, options));
  const { token, expires_at, factor_expires_at, email, tenant } = session;
  await cli.keepSession(surface, { token, expires_at, factor_expires_at, email, tenant });
  await makeCurrent(cli);
  const { name: profile } = cli.profile;
  cli.out.result({ profile, surface, email, tenant, expires_at, factor_expires_at }, () =>
    cli.out.line(`signed in to ${tenant} as ${email} until ${expires_at} (profile ${profile})`),
  );
}

async function answersOf(cli: Cli, options: LoginOptions): Promise<Answers> {
  const { terminal } = cli;
  if (!terminal.interactive && !(options.email && options.passwordStdin && options.totp)) {
    const wayOut = 'run it in a terminal, or give --tenant, --email, --password-stdin and --totp';
    throw new CliError('no_terminal', 'there is no terminal to ask on', wayOut, EXIT.usage);
  }
  const asked = async (question: string) => (await terminal.ask(question)).trim();
  const tenant = options.ops
    ? undefined
    : (options.tenant ?? (terminal.interactive ? await asked('Tenant: ') : undefined));
  if (!options.ops && !tenant) throw usage('which tenant?', 'name it with --tenant');
  const email = options.email ?? (await asked('Email: '));
  const password = options.passwordStdin
    ? (await terminal.readAll()).toString('utf8').replace(/\r?\n$/, '')
    : await terminal.askHidden('Password: ');
  if (!email || !password) throw usage('email and password are both needed', 'try again');
  const totp = options.totp ?? (await askCode(cli));
  return { ...(tenant === undefined ? {} : { tenant }), email, password, totp };
}

/** A service key, after the server has said whose it is. */
async function storeKey(cli: Cli, options: LoginOptions): Promise<void> {
  const surface: Surface = options.ops ? 'ops' : 'tenant';
  const http = await cli.http(surface);
  const key = (await readSecretValue(cli, 'Service key: ')).trim();
  const headers = { authorization: `Bearer ${key}` };
  const whoami = await http.json<WhoamiView>({ method: 'GET', path: '/v1/whoami', headers });
  await cli.keep((stored) => {
    stored[serviceKeyKey(surface)] = key;
  });
  await makeCurrent(cli);
  cli.out.result({ profile: cli.profile.name, surface, whoami }, () =>
    cli.out.line(`kept service key ${whoami.name} of ${whoami.tenant.namespace} (profile ${cli.profile.name})`),
  );
}

async function logout(cli: Cli, surface: Surface): Promise<void> {
  const session = cli.profile[sessionKey(surface)];
  if (!session) throw new CliError('unauthenticated', 'there is no session to end', 'nothing to do', EXIT.ok);
  await cli.keepSession(surface, undefined);
  const http = await cli.http(surface);
  const headers = { authorization: `Bearer ${session.token}` };
  const answer = await http.send({ method: 'POST', path: '/v1/logout', headers });
  const ended = answer.status === 204 || answer.status === 401;
  cli.out.result({ surface, ended }, () => cli.out.line(ended ? 'signed out' : 'forgotten here, but not ended there'));
  if (!ended) cli.exitCode = EXIT.refused;
}

async function makeCurrent(cli: Cli): Promise<void> {
  const { name } = cli.profile;
  if (name === QUICKSTART_PROFILE) return;
  await cli.store.update((file) => {
    file.current = name;
  });
}
