import { Option, type Command } from 'commander';
import { ChanceryError } from '../errors.js';
import { activeBrakes, clearBrake, showBrake, showBrakes } from './brakes.js';
import type { Cli } from './cli.js';
import { CliError, usage } from './cli-error.js';
import type { Connection } from './connection.js';
import type { BrakeView } from './views.js';

type Scope = BrakeView['scope'];
type ActivateOptions = { scope?: Scope; agentId?: string; credentialName?: string; reason: string };

export function emergencyCommands(program: Command, cli: Cli): void {
  const emergency = program.command('emergency').description('brakes: stop uses of credentials at once');

  emergency
    .command('activate')
    .requiredOption('--reason <text>', 'why; it stands in the audit log')
    .addOption(
      new Option('--scope <scope>', 'default: the widest you may').choices(['global', 'tenant', 'agent', 'credential']),
    )
    .option('--agent-id <id>', 'which agent, with --scope agent')
    .option('--credential-name <name>', 'which credential, with --scope credential')
    .description('put a brake on; nothing it covers is used from then on')
    .action(async (options: ActivateOptions) => showBrake(cli, await activate(cli, options), 'brake on'));

  emergency
    .command('status')
    .option('--all', 'cleared ones too')
    .description('the brakes that are on')
    .action(async ({ all }: { all?: boolean }) => showBrakes(cli, await activeBrakes(cli, all === true)));

  emergency
    .command('clear')
    .argument('[id]', 'brk_…; not needed when only one is on')
    .requiredOption('--reason <text>', 'why; it stands in the audit log')
    .option('--confirm <text>', 'for the global brake: "clear the global brake"')
    .description('take a brake off (a person, with a fresh one-time code)')
    .action((id: string | undefined, options: { reason: string; confirm?: string }) => clearBrake(cli, id, options));
}

async function activate(cli: Cli, options: ActivateOptions): Promise<BrakeView> {
  const { agentId: agent_id, credentialName: credential_name, reason } = options;
  const scope = options.scope ?? (agent_id ? 'agent' : credential_name ? 'credential' : undefined);
  if ((scope === 'agent') !== Boolean(agent_id)) throw usage('--scope agent and --agent-id go together');
  if ((scope === 'credential') !== Boolean(credential_name)) {
    throw usage('--scope credential and --credential-name go together');
  }
  if (scope === 'global') return post(await cli.connect('ops'), { scope, reason });
  if (scope === undefined) return activateWidest(cli, reason);
  return post(await cli.connect('tenant'), { scope, agent_id, credential_name, reason });
}

/** Global when the profile has rights on the ops surface; what they turn out not to cover falls back to the tenant. */
async function activateWidest(cli: Cli, reason: string): Promise<BrakeView> {
  const ops = cli.hasUrl('ops') ? await cli.connect('ops') : undefined;
  if (ops?.hasCredential) {
    try {
      return await post(ops, { scope: 'global', reason });
    } catch (error) {
      if (!mayFallBack(error) || !cli.hasUrl('tenant')) throw error;
      cli.out.note(`no global brake (${(error as { code: string }).code}); braking the tenant instead`);
    }
  }
  return post(await cli.connect('tenant'), { scope: 'tenant', reason });
}

function mayFallBack(error: unknown): boolean {
  if (error instanceof CliError) return true;
  return error instanceof ChanceryError && (error.unreachable || error.status === 401 || error.status === 403);
}

/** Activating twice is once, so an answer that never came is asked for again. */
async function post(connection: Connection, json: Record<string, unknown>): Promise<BrakeView> {
  const request = { method: 'POST', path: '/v1/brakes', json };
  try {
    return await connection.json<BrakeView>(request);
  } catch (error) {
    if (!(error instanceof ChanceryError) || !error.unreachable) throw error;
    return connection.json<BrakeView>(request);
  }
}
