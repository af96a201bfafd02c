import type { Command } from 'commander';
import type { Cli } from './cli.js';
import { usage } from './cli-error.js';
import { showCredential, showCredentials } from './credential-output.js';
import { grantCommands } from './credential-grants.js';
import {
  type BindingOptions,
  bindingBody,
  bindingOptions,
  useBody,
  type UseOptions,
  useOptions,
  valueOptions,
} from './credential-options.js';
import { readValue, type ValueOptions } from './credential-values.js';
import { allRows } from './pages.js';
import { wholeNumber } from './values.js';
import type { CredentialView } from './views.js';

const GRACE_SECONDS_MAX = 604_800;

type StoreOptions = ValueOptions & BindingOptions & UseOptions & { redact: boolean };
type BindOptions = BindingOptions & { anyDomain?: boolean };
type RotateOptions = ValueOptions & { graceSeconds: number };

const pathOf = (name: string) => `/v1/credentials/${encodeURIComponent(name)}`;

export function credentialCommands(program: Command, cli: Cli): void {
  const credential = program
    .command('credential')
    .description('store credentials and say who may use them; values come from stdin or a hidden prompt');

  useOptions(bindingOptions(valueOptions(credential.command('store').argument('<name>'))))
    .option('--no-redact', 'do not redact it from answers (needed for secrets under 16 bytes)')
    .description('store a credential: one value, or the fields that are named')
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

  valueOptions(credential.command('rotate').argument('<name>'))
    .option('--grace-seconds <n>', 'how long the old version still works', wholeNumber(0, GRACE_SECONDS_MAX), 0)
    .description('put a new value in, or new fields: all of them')
    .action((name: string, options: RotateOptions) => rotate(cli, name, options));

  bindingOptions(credential.command('bind').argument('<name>'))
    .option('--any-domain', 'let it go anywhere (development only)')
    .description('say anew where it may go; what is left out is not restricted any more')
    .action((name: string, options: BindOptions) => bind(cli, name, options));

  useOptions(credential.command('change').argument('<name>'))
    .description('change who may use it and how')
    .action((name: string, options: UseOptions) => change(cli, name, options));

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
  const value = await readValue(cli, name, options, `Value of ${name}: `);
  const redact = options.redact ? undefined : false;
  const json = { name, ...value, ...bindingBody(options), ...useBody(options), redact };
  showCredential(cli, await connection.json({ method: 'POST', path: '/v1/credentials', json }));
}

async function rotate(cli: Cli, name: string, options: RotateOptions): Promise<void> {
  const connection = await cli.connect('tenant');
  const given = await readValue(cli, name, options, `New value of ${name}: `);
  // Which fields are public was said when it was stored.
  const value = 'fields' in given ? { fields: given.fields } : given;
  const json = { ...value, grace_seconds: options.graceSeconds };
  showCredential(cli, await connection.json({ method: 'POST', path: `${pathOf(name)}/rotate`, json }));
}

async function bind(cli: Cli, name: string, options: BindOptions): Promise<void> {
  if (!options.domain && !options.anyDomain) {
    throw usage('where may it go?', 'name hosts with --domain, or say --any-domain');
  }
  const connection = await cli.connect('tenant');
  const json = bindingBody(options);
  showCredential(cli, await connection.json({ method: 'PUT', path: `${pathOf(name)}/binding`, json }));
}

async function change(cli: Cli, name: string, options: UseOptions): Promise<void> {
  const json = useBody(options);
  if (Object.values(json).every((value) => value === undefined)) {
    throw usage('what shall change?', 'say --minimum-tier, --inject, --approval or --per-minute');
  }
  const connection = await cli.connect('tenant');
  showCredential(cli, await connection.json({ method: 'PATCH', path: pathOf(name), json }));
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
