import type { Cli } from './cli.js';
import type { DeliveryView, WebhookView } from './views.js';

export function showWebhook(cli: Cli, webhook: WebhookView): void {
  cli.out.result(webhook, () =>
    cli.out.record([
      ['id', webhook.id],
      ['url', webhook.url],
      ['events', webhook.events.join(' ')],
      ['description', webhook.description],
      ['state', webhook.state],
      ['disabled because', webhook.disabled_reason],
      ['failing since', webhook.failing_since],
      ['secret', webhook.secret],
    ]),
  );
  if (webhook.secret) cli.out.note('the secret is shown this once');
}

export function showWebhooks(cli: Cli, webhooks: WebhookView[]): void {
  cli.out.result({ data: webhooks }, () =>
    cli.out.table(
      [
        { title: 'ID', of: (w: WebhookView) => w.id },
        { title: 'STATE', of: (w) => w.state },
        { title: 'EVENTS', of: (w) => w.events.join(' ') },
        { title: 'URL', of: (w) => w.url },
      ],
      webhooks,
      'no webhooks: `chancery webhook create URL`',
    ),
  );
}

export function showDelivery(cli: Cli, delivery: DeliveryView): void {
  cli.out.result(delivery, () =>
    cli.out.record([
      ['id', delivery.id],
      ['event', `${delivery.type} ${delivery.event_id}`],
      ['state', delivery.state],
      ['attempts', delivery.attempts],
      ['next attempt', delivery.next_attempt_at],
    ]),
  );
}

export function showDeliveries(cli: Cli, deliveries: DeliveryView[]): void {
  cli.out.result({ data: deliveries }, () =>
    cli.out.table(
      [
        { title: 'ID', of: (d: DeliveryView) => d.id },
        { title: 'EVENT', of: (d) => d.type },
        { title: 'STATE', of: (d) => d.state },
        { title: 'TRIES', of: (d) => d.attempts },
        { title: 'LAST', of: lastOf },
        { title: 'NEXT', of: (d) => d.next_attempt_at },
        { title: 'SINCE', of: (d) => d.created_at },
      ],
      deliveries,
      'nothing was sent there',
    ),
  );
}

function lastOf({ log }: DeliveryView): string | number | null {
  const last = log.at(-1);
  return last?.status ?? last?.error ?? null;
}
