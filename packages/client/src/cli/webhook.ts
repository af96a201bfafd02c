import type { Command } from 'commander';
import type { Cli } from './cli.js';
import { usage } from './cli-error.js';
import { allRows } from './pages.js';
import { collect, wholeNumber } from './values.js';
import type { DeliveryView, List, WebhookView } from './views.js';
import { showDeliveries, showDelivery, showWebhook, showWebhooks } from './webhook-output.js';

const ROWS_MAX = 200;
const ROWS_DEFAULT = 20;

type Ops = { ops?: boolean };
type Create = Ops & { event?: string[]; description?: string };
type Deliveries = Ops & { state?: string; limit: number };
type Replay = Ops & { since?: string; includeDelivered?: boolean };

const pathOf = (id: string, what = '') => `/v1/webhooks/${encodeURIComponent(id)}${what}`;

export function webhookCommands(program: Command, cli: Cli): void {
  const webhook = program.command('webhook').description('be told of brakes, anomalies, approvals and the like');
  const connect = ({ ops }: Ops) => cli.connect(ops ? 'ops' : 'tenant');
  const command = (name: string, description: string) =>
    webhook.command(name).option('--ops', 'of the platform').description(description);

  command('create', 'tell a URL of events; the signing secret is shown once')
    .argument('<url>')
    .option('--event <type>', 'which events, default all (repeatable)', collect)
    .option('--description <text>', 'what it is for')
    .action(async (url: string, options: Create) => {
      const json = { url, events: options.event ?? ['*'], description: options.description };
      const request = { method: 'POST', path: '/v1/webhooks', json };
      showWebhook(cli, await (await connect(options)).json<WebhookView>(request));
    });

  command('list', 'all webhooks, without their secrets').action(async (options: Ops) =>
    showWebhooks(cli, await allRows<WebhookView>(await connect(options), '/v1/webhooks')),
  );

  command('show', 'one webhook, without its secret')
    .argument('<id>', 'whk_…')
    .action(async (id: string, options: Ops) =>
      showWebhook(cli, await (await connect(options)).json({ method: 'GET', path: pathOf(id) })),
    );

  command('delete', 'tell it nothing more')
    .argument('<id>', 'whk_…')
    .action(async (id: string, options: Ops) => {
      await (await connect(options)).json({ method: 'DELETE', path: pathOf(id) });
      cli.out.result({ deleted: id }, () => cli.out.line(`deleted ${id}`));
    });

  command('test', 'send it an event of the type webhook.test')
    .argument('<id>', 'whk_…')
    .action(async (id: string, options: Ops) =>
      showDelivery(cli, await (await connect(options)).json({ method: 'POST', path: pathOf(id, '/test') })),
    );

  command('deliveries', 'what was sent to it and what came of it, newest first')
    .argument('<id>', 'whk_…')
    .option('--state <state>', 'pending, delivered, failed or dropped')
    .option('--limit <n>', 'how many', wholeNumber(1, ROWS_MAX), ROWS_DEFAULT)
    .action(async (id: string, options: Deliveries) => {
      const { state, limit } = options;
      const request = { method: 'GET', path: pathOf(id, '/deliveries'), query: { state, limit } };
      showDeliveries(cli, (await (await connect(options)).json<List<DeliveryView>>(request)).data);
    });

  command('replay', 'send again: one delivery, or what a webhook has missed since a time')
    .argument('<id>', 'dlv_…, or whk_… with --since')
    .option('--since <time>', 'ISO 8601, e.g. 2026-11-22T08:00:00Z')
    .option('--include-delivered', 'with --since: also what has arrived')
    .action((id: string, options: Replay) => replay(cli, id, options));
}

async function replay(cli: Cli, id: string, options: Replay): Promise<void> {
  const { ops, since, includeDelivered } = options;
  if (id.startsWith('whk_') !== (since !== undefined)) {
    throw usage('a delivery is replayed by its id, a webhook with --since', 'e.g. `webhook replay dlv_…`');
  }
  const connection = await cli.connect(ops ? 'ops' : 'tenant');
  if (since === undefined) {
    const path = `/v1/webhooks/deliveries/${encodeURIComponent(id)}/replay`;
    return showDelivery(cli, await connection.json({ method: 'POST', path }));
  }
  const json = { since, include_delivered: includeDelivered };
  const request = { method: 'POST', path: pathOf(id, '/replay'), json };
  const done = await connection.json<{ replayed: number; next_since: string | null }>(request);
  cli.out.result(done, () => cli.out.line(`replaying ${done.replayed}`));
  if (done.next_since !== null) cli.out.note(`there is more: repeat with --since ${done.next_since}`);
}
