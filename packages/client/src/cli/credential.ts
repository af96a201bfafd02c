import type { Command } from 'commander';
import type { Cli } from './cli.js';
import { usage } from './cli-error.js';
import { showCredential, showCredentials } from './credential-output.js';
import { grantCommands } from './credential-grants.js';
import { allRows } from './pages.js';
import { collect, port, readSecretValue, wholeNumber } from './values.js';
import type { CredentialView } from './views.js';

const GRACE_SECONDS_MAX = 604_800;

type StoreOptions = { domain?: string[]; minimumTier?: string; port?: number[]; cleartext?: boolean; redact: boolean };
type BindOptions = { domain?: string[]; anyDomain?: boolean; port?: number[]; cleartext?: boolean };

const pathOf = (name: string) => `/v1/credentials/${encodeURIComponent(name)}`;

export function credentialCommands(program: Command, cli: Cli): void {
  const credential = program
    .command('credential')
    .description('store credentials and say who may use them; values come from stdin or a hidden prompt');

  credential
    .command('store')
    .argument('<name>')
    .option('--domain <host>', 'where it may go, e.g. api.openai.com or *.github.com (repeatable)', collect)
    .option('--minimum-tier <tier>', 'lowest tier that may use it (default COMPANION)')
    .option('--port <port>', 'port it may go to, default 443 (repeatable)', port)
    .option('--cleartext', 'allow http (development only)')
    .option('--no-redact', 'do not redact it from answers (needed for values under 16 bytes)')
    .description('store a credential')
    .action((name: string, options: StoreOptions) => store(cli, name, options));

  credential
    .command('list')
    .description('all credentials, without their values')
    .action(async () =>
      showCredentials(cli, await allRows<CredentialView>(await cli.connect('tenant'), '/v1/credentials')),
    );

  credential
    .command('show')
    .argument('<name>')
    .description('one credential, without its value')
    .action(async (name: string) => {
      const connection = await cli.connect('tenant');
      showCredential(cli, await connection.json<CredentialView>({ method: 'GET', path: pathOf(name) }));
    });

  credential
    .command('rotate')
    .argument('<name>')
    .option('--grace-seconds <n>', 'how long the old version still works', wholeNumber(0, GRACE_SECONDS_MAX), 0)
    .description('put a new value in')
    .action(async (name: string, { graceSeconds }: { graceSeconds: number }) => {
      const connection = await cli.connect('tenant');
      const value = await readSecretValue(cli, `New value of ${name}: `);
      const json = { value, grace_seconds: graceSeconds };
      showCredential(cli, await connection.json({ method: 'POST', path: `${pathOf(name)}/rotate`, json }));
    });

  credential
    .command('bind')
    .argument('<name>')
    .option('--domain <host>', 'where it may go (repeatable)', collect)
    .option('--any-domain', 'let it go anywhere (development only)')
    .option('--port <port>', 'port it may go to, default 443 (repeatable)', port)
    .option('--cleartext', 'allow http (development only)')
    .description('say anew where it may go')
    .action((name: string, options: BindOptions) => bind(cli, name, options));

  credential
    .command('delete')
    .argument('<name>')
    .option('--yes', 'do not ask')
    .description('delete it and every version')
    .action((name: string, options: { yes?: boolean }) => remove(cli, name, options.yes === true));

  grantCommands(credential, cli);
}

async function store(cli: Cli, name: string, options: StoreOptions): Promise<void> {
  const connection = await cli.connect('tenant');
  const value = await readSecretValue(cli, `Value of ${name}: `);
  const json = {
    name,
    value,
    allowed_domains: options.domain ?? [],
    minimum_tier: options.minimumTier?.toUpperCase(),
    ports: options.port,
    cleartext: options.cleartext,
    redact: options.redact ? undefined : false,
  };
  showCredential(cli, await connection.json({ method: 'POST', path: '/v1/credentials', json }));
}

async function bind(cli: Cli, name: string, options: BindOptions): Promise<void> {
  if (!options.domain && !options.anyDomain) {
    throw usage('where may it go?', 'name hosts with --domain, or say --any-domain');
  }
  const connection = await cli.connect('tenant');
  const json = { allowed_domains: options.domain ?? [], ports: options.port, cleartext: options.cleartext };
  showCredential(cli, await connection.json({ method: 'PUT', path: `${pathOf(name)}/binding`, json }));
}

async function remove(cli: Cli, name: string, sure: boolean): Promise<void> {
  const connection = await cli.connect('tenant');
  if (!sure && cli.terminal.interactive) {
    const typed = await cli.terminal.ask(`Delete ${name} and every version? Type its name: `);
    if (typed.trim() !== name) throw usage('nothing was deleted', 'type the name, or say --yes');
  }
  await connection.json({ method: 'DELETE', path: pathOf(name) });
  cli.out.result({ deleted: name }, () => cli.out.line(`deleted ${name}`));
}
