import { Command, CommanderError } from 'commander';
import { agentCommands } from './agent.js';
import { apiCommand } from './api.js';
import { approvalCommands } from './approvals.js';
import { auditCommands } from './audit.js';
import { Cli } from './cli.js';
import { credentialCommands } from './credential.js';
import { emergencyCommands } from './emergency.js';
import { executeCommand } from './execute.js';
import { EXIT } from './exit-codes.js';
import { reportFailure, reportUsage } from './failure.js';
import type { Io } from './io.js';
import { keyCommands } from './key.js';
import { loginCommands } from './login.js';
import { mcpCommand } from './mcp.js';
import { memberCommands } from './member.js';
import { proxyCommand } from './proxy.js';
import { serveCommand } from './serve.js';
import { statusCommand } from './status.js';
import { tenantCommands } from './tenant.js';
import { vaultCommands } from './vault.js';
import { webhookCommands } from './webhook.js';

const HELP_WIDTH = 80;
const GROUPS = [
  serveCommand,
  loginCommands,
  statusCommand,
  vaultCommands,
  tenantCommands,
  memberCommands,
  keyCommands,
  agentCommands,
  credentialCommands,
  executeCommand,
  proxyCommand,
  mcpCommand,
  apiCommand,
  approvalCommands,
  emergencyCommands,
  auditCommands,
  webhookCommands,
];

/** Runs one command line and returns its exit code; throws nothing. `argv` begins after the program's name. */
export async function run(argv: string[], io: Io): Promise<number> {
  const cli = new Cli(io);
  const program = buildProgram(cli, io);
  try {
    if (argv.length === 0) {
      program.outputHelp();
      return EXIT.ok;
    }
    await program.parseAsync(argv, { from: 'user' });
    return cli.exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) return reportFailure(cli.out, error);
    cli.assumeJson(argv.includes('--json'));
    return error.exitCode === 0 ? EXIT.ok : reportUsage(cli.out, error);
  } finally {
    await cli.close();
  }
}

function buildProgram(cli: Cli, io: Io): Command {
  const program = new Command('chancery')
    .description('Agents use credentials they can never see.')
    .option('--json', 'results as JSON on stdout')
    .option('--profile <name>', 'profile to use (CHANCERY_PROFILE)')
    .option('--url <url>', 'server (CHANCERY_URL); of a command on the ops surface, its URL')
    .option('--ops-url <url>', 'ops surface of the server (CHANCERY_OPS_URL)')
    .option('--agent <name>', 'which agent of the profile acts')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      getOutHelpWidth: () => io.stdout.columns ?? HELP_WIDTH,
      getErrHelpWidth: () => HELP_WIDTH,
      outputError: () => undefined,
    })
    .showSuggestionAfterError(false)
    .exitOverride()
    .hook('preAction', (_program, command) => cli.prepare(command));
  for (const add of GROUPS) add(program, cli);
  return program;
}
