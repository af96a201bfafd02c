import { isId } from '@chancery/protocol/ids.js';
import { CliError } from './cli-error.js';
import type { Connection } from './connection.js';
import { allRows } from './pages.js';
import type { AgentView } from './views.js';

/** The id of an agent given by id or by name. */
export async function agentIdOf(connection: Connection, idOrName: string): Promise<string> {
  if (isId('agt', idOrName)) return idOrName;
  const found = (await allRows<AgentView>(connection, '/v1/agents')).filter((agent) => agent.name === idOrName);
  if (found.length === 1) return found[0]!.id;
  const what = found.length === 0 ? 'there is no agent of that name' : 'several agents have that name';
  throw new CliError('not_found', what, '`chancery agent list` shows names and ids');
}
