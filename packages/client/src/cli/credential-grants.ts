import type { Command } from 'commander';
import { chosenAgentId } from './agent-id.js';
import type { Cli } from './cli.js';
import { allRows } from './pages.js';
import type { GrantView } from './views.js';

const pathOf = (name: string) => `/v1/credentials/${encodeURIComponent(name)}/grants`;

export function grantCommands(credential: Command, cli: Cli): void {
  credential
    .command('grants')
    .argument('<name>')
    .description('which agents may use it')
    .action(async (name: string) => {
      const rows = await allRows<GrantView>(await cli.connect('tenant'), pathOf(name));
      cli.out.result({ data: rows }, () =>
        cli.out.table(
          [
            { title: 'AGENT', of: (g: GrantView) => g.agent_id },
            { title: 'NAME', of: (g) => g.agent_name },
            { title: 'STATE', of: (g) => g.state },
            { title: 'GRANTED', of: (g) => g.granted_at },
          ],
          rows,
          'no agent may use it yet: `chancery credential grant NAME AGENT`',
        ),
      );
    });

  credential
    .command('grant')
    .argument('<name>')
    .argument('[agent]', 'id or name; or --agent NAME')
    .description('let an agent use it')
    .action(async (name: string, agent: string | undefined) => {
      const connection = await cli.connect('tenant');
      const id = await chosenAgentId(cli, connection, agent);
      const grant = await connection.json<GrantView>({ method: 'PUT', path: `${pathOf(name)}/${id}` });
      cli.out.result(grant, () => cli.out.line(`${id} may use ${name} (${grant?.state ?? 'active'})`));
    });

  credential
    .command('revoke')
    .argument('<name>')
    .argument('[agent]', 'id or name; or --agent NAME')
    .description('take a grant back')
    .action(async (name: string, agent: string | undefined) => {
      const connection = await cli.connect('tenant');
      const id = await chosenAgentId(cli, connection, agent);
      await connection.json({ method: 'DELETE', path: `${pathOf(name)}/${id}` });
      cli.out.result({ revoked: { credential: name, agent_id: id } }, () =>
        cli.out.line(`${id} may no longer use ${name}`),
      );
    });
}
