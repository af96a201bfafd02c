import type { Command } from 'commander';
import { agentIdOf } from './agent-id.js';
import type { Cli } from './cli.js';
import type { BehaviourView } from './views.js';

/** `chancery agent behaviour`: how an agent behaves, by what the server saw, and what it would do about it. */
export function behaviourCommand(agent: Command, cli: Cli): void {
  agent
    .command('behaviour')
    .argument('<agent>', 'id or name')
    .description('score, anomalies and renewals of one agent, and whether the server recommends another tier')
    .action(async (idOrName: string) => {
      const connection = await cli.connect('tenant');
      const path = `/v1/agents/${await agentIdOf(connection, idOrName)}/behaviour`;
      show(cli, await connection.json<BehaviourView>({ method: 'GET', path }));
    });
}

function show(cli: Cli, seen: BehaviourView): void {
  cli.out.result(seen, () => {
    const { window, components, renewals, recommendation } = seen;
    const part = (name: keyof BehaviourView['components']): string =>
      `${components[name].value} of 1, weighs ${components[name].weight}`;
    cli.out.record([
      ['score', scoreOf(seen)],
      ['window', window.calls === 0 ? 'no calls' : `${window.calls} calls, ${window.from} to ${window.to}`],
      ['errors', `${window.errors} (${part('errors')})`],
      ['denials', `${window.denials} (${part('denials')})`],
      ['regularity', `CV ${window.calls_per_minute_cv ?? 'unknown'} (${part('regularity')})`],
      ['anomalies', `${seen.anomalies.length} in the last hour (${part('anomalies')})`],
      ['latency', window.mean_latency_ms === null ? null : `${window.mean_latency_ms} ms on average`],
      ['renewals', `${renewals.used} of ${renewals.limit}, from a score of ${renewals.minimum_score} on`],
      ['recommended', recommendation === null ? 'nothing' : `${recommendation.action} to ${recommendation.tier}`],
    ]);
    for (const reason of recommendation?.reasons ?? []) cli.out.line(`  ${reason}`);
    for (const { kind, observed, bound, at, seq } of seen.anomalies) {
      cli.out.line(`anomaly at ${at}: ${kind} ${observed}, bound ${bound} (entry ${seq})`);
    }
  });
}

function scoreOf({ score, verdict, tier, renewals }: BehaviourView): string {
  if (score === null) return 'none yet: fewer than 3 calls';
  return verdict === 'good' ? `${score}, enough for ${tier}` : `${score}, below ${renewals.minimum_score} of ${tier}`;
}
