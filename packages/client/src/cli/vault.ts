import type { Command } from 'commander';
import type { Cli } from './cli.js';
import { CliError } from './cli-error.js';
import type { Connection } from './connection.js';
import { EXIT } from './exit-codes.js';
import type { VaultView } from './views.js';

/** Argon2id takes a second or more, and waits its turn behind others. */
const UNSEAL_TIMEOUT_MS = 120_000;

export function vaultCommands(program: Command, cli: Cli): void {
  program
    .command('seal')
    .requiredOption('--reason <text>', 'why; it stands in the audit log')
    .description('seal the vault: no credential can be used until it is unsealed (ops)')
    .action(async ({ reason }: { reason: string }) => {
      const connection = await cli.connect('ops');
      show(cli, await connection.json({ method: 'POST', path: '/v1/vault/seal', json: { reason } }));
    });

  program
    .command('unseal')
    .description('unseal the vault, or give a new one its master password (ops, a person at a terminal)')
    .action(async () => {
      if (!cli.terminal.interactive) {
        const what = 'the master password is typed on a terminal, never piped, passed or set';
        throw new CliError('no_terminal', what, 'run `chancery unseal` in a terminal', EXIT.usage);
      }
      await unseal(cli, await cli.connect('ops'));
    });
}

async function unseal(cli: Cli, connection: Connection): Promise<void> {
  const vault = await connection.json<VaultView>({ method: 'GET', path: '/v1/vault' });
  if (vault.state === 'unsealed') {
    cli.out.note('the vault is unsealed already');
    return show(cli, vault);
  }
  const initialize = vault.state === 'uninitialized';
  const password = initialize ? await newPassword(cli) : await cli.terminal.askHidden('Master password: ');
  if (password === '') throw new CliError('usage', 'the password is empty', 'try again', EXIT.usage);
  cli.out.note(initialize ? 'initializing the vault …' : 'unsealing …');
  const path = initialize ? '/v1/vault/initialize' : '/v1/vault/unseal';
  const request = { method: 'POST', path, json: { password }, timeoutMs: UNSEAL_TIMEOUT_MS };
  show(cli, await connection.json<VaultView>(request, 'person'));
}

async function newPassword(cli: Cli): Promise<string> {
  cli.out.note('this vault is new. Its master password opens every credential and cannot be recovered: keep it safe');
  const first = await cli.terminal.askHidden('New master password: ');
  const second = await cli.terminal.askHidden('Once more: ');
  if (first !== second) throw new CliError('usage', 'the two passwords differ', 'try again', EXIT.usage);
  return first;
}

const show = (cli: Cli, vault: VaultView) => cli.out.result(vault, () => cli.out.line(`vault ${vault.state}`));
