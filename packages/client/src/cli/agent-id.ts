import { isId } from '@chancery/protocol/ids.js';
import type { Cli } from './cli.js';
import { CliError, usage } from './cli-error.js';
import type { Connection } from './connection.js';
import { allRows } from './pages.js';
import type { AgentView } from './views.js';

/** The agent an argument names, or else --agent: of the profile, or of the tenant. */
export async function chosenAgentId(cli: Cli, connection: Connection, argument: string | undefined): Promise<string> {
  if (argument !== undefined) return agentIdOf(connection, argument);
  const { namedAgent } = cli;
  if (namedAgent === undefined) throw usage('which agent?', 'name it after the credential');
  return cli.profile.agents?.[namedAgent]?.id ?? agentIdOf(connection, namedAgent);
}

/** The id of an agent given by id or by name. */
export async function agentIdOf(connection: Connection, idOrName: string): Promise<string> {
  if (isId('agt', idOrName)) return idOrName;
  const found = (await allRows<AgentView>(connection, '/v1/agents')).filter((agent) => agent.name === idOrName);
  if (found.length === 1) return found[0]!.id;
  const what = found.length === 0 ? 'there is no agent of that name' : 'several agents have that name';
  throw new CliError('not_found', what, '`chancery agent list` shows names and ids');
}
