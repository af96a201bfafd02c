import type { Command } from 'commander';
import { agentIdOf } from './agent-id.js';
import { behaviourCommand } from './agent-behaviour.js';
import type { Cli } from './cli.js';
import type { Connection } from './connection.js';
import { allRows } from './pages.js';
import type { AgentView } from './views.js';

/** Acts on one agent. The ones of people need a fresh second factor. */
const ACTS = [
  { verb: 'promote', person: true, tier: true, text: 'raise the tier (a person, with a fresh one-time code)' },
  {
    verb: 'demote',
    person: false,
    tier: true,
    text: 'lower the tier; the newest grants above its number are suspended',
  },
  { verb: 'suspend', person: false, tier: false, text: 'stop the agent until it is reinstated' },
  { verb: 'reinstate', person: true, tier: false, text: 'end a suspension (a person, with a fresh one-time code)' },
  { verb: 'revoke', person: false, tier: false, text: 'end the agent for good' },
] as const;

export function agentCommands(program: Command, cli: Cli): void {
  const agent = program.command('agent').description('register and govern agents');

  agent
    .command('register')
    .argument('<name>')
    .option('--save', 'keep the API key in the profile, so that execute and proxy find it')
    .description('create an agent; its API key is shown once')
    .action((name: string, options: { save?: boolean }) => register(cli, name, options.save === true));

  agent
    .command('list')
    .description('all agents')
    .action(async () => {
      const rows = await allRows<AgentView>(await cli.connect('tenant'), '/v1/agents');
      cli.out.result({ data: rows }, () =>
        cli.out.table(
          [
            { title: 'ID', of: (a: AgentView) => a.id },
            { title: 'NAME', of: (a) => a.name },
            { title: 'TIER', of: (a) => a.tier },
            { title: 'STATE', of: (a) => a.state },
            { title: 'CREDENTIALS', of: credentials },
            { title: 'CREATED', of: (a) => a.created_at },
          ],
          rows,
          'no agents yet: `chancery agent register NAME`',
        ),
      );
    });

  agent
    .command('show')
    .argument('<agent>', 'id or name')
    .description('one agent')
    .action(async (idOrName: string) => {
      const connection = await cli.connect('tenant');
      const path = `/v1/agents/${await agentIdOf(connection, idOrName)}`;
      show(cli, await connection.json<AgentView>({ method: 'GET', path }));
    });

  behaviourCommand(agent, cli);
  for (const act of ACTS) addAct(agent, cli, act);
}

function addAct(agent: Command, cli: Cli, act: (typeof ACTS)[number]): void {
  const command = agent.command(act.verb).argument('<agent>', 'id or name').description(act.text);
  if (act.tier) command.requiredOption('--tier <tier>', 'NOVICE, COMPANION, PARTNER, GUARDIAN or SACRED');
  command
    .requiredOption('--reason <text>', 'why; it stands in the audit log')
    .action(async (idOrName: string, { tier, reason }: { tier?: string; reason: string }) => {
      const connection = await cli.connect('tenant');
      const path = `/v1/agents/${await agentIdOf(connection, idOrName)}/${act.verb}`;
      const json = { ...(tier === undefined ? {} : { tier: tier.toUpperCase() }), reason };
      const as = act.person ? 'person' : 'anyone';
      show(cli, await connection.json<AgentView>({ method: 'POST', path, json }, as));
    });
}

async function register(cli: Cli, name: string, save: boolean): Promise<void> {
  const connection: Connection = await cli.connect('tenant');
  const made = await connection.json<AgentView>({ method: 'POST', path: '/v1/agents', json: { name } });
  if (save && made.api_key) await cli.keepAgent(name, { id: made.id, api_key: made.api_key });
  show(cli, made, save);
  if (!made.api_key) cli.out.note('the server showed no key, so none is kept');
  else if (!save) cli.out.note('the key is shown this once');
  else cli.out.note(`the key is kept in profile ${cli.profile.name}: use it with --agent ${name}`);
}

function show(cli: Cli, agent: AgentView, kept = false): void {
  cli.out.result(agent, () =>
    cli.out.record([
      ['id', agent.id],
      ['name', agent.name],
      ['tier', agent.tier],
      ['state', agent.state],
      ['credentials', agent.credentials_granted === undefined ? null : credentials(agent)],
      ['created', agent.created_at],
      ['api key', kept ? null : agent.api_key],
    ]),
  );
}

const credentials = (a: AgentView) => `${a.credentials_granted ?? 0} of ${a.credentials_limit ?? 'any number'}`;
