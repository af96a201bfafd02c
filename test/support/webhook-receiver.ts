import { Webhook } from 'standardwebhooks';
import { type AppTenant, expectStatus, UPSTREAM_URL } from './app.js';
import { eventually } from './eventually.js';
import { type Received, ScriptedUpstream } from './scripted-upstream.js';

export interface Told {
  readonly id: string;
  readonly type: string;
  readonly timestamp: string;
  readonly data: Readonly<Record<string, unknown>> & {
    readonly audit: { readonly seq: number; readonly hash: string };
  };
}

export interface DeliveryBody {
  readonly id: string;
  readonly event_id: string;
  readonly type: string;
  readonly state: string;
  readonly attempts: number;
  readonly next_attempt_at: string | null;
  readonly log: readonly { readonly status: number | null; readonly error: string | null; readonly response: string }[];
}

/** A tenant's endpoint, as its own developers would write it: what `standardwebhooks` does not verify is no event. */
export class WebhookReceiver {
  readonly url: string;

  private constructor(
    private readonly tenant: AppTenant,
    private readonly path: string,
    readonly id: string,
    readonly secret: string,
    private readonly upstream: ScriptedUpstream,
  ) {
    this.url = UPSTREAM_URL + path;
  }

  static async register(
    tenant: AppTenant,
    path: string,
    options: { readonly upstream?: ScriptedUpstream; readonly events?: readonly string[] | undefined } = {},
  ): Promise<WebhookReceiver> {
    const made = await tenant.admin<{ id: string; secret: string }>('POST', '/v1/webhooks', {
      url: UPSTREAM_URL + path,
      events: options.events ?? ['*'],
    });
    expectStatus(made, 201);
    return new WebhookReceiver(
      tenant,
      path,
      made.body.id,
      made.body.secret,
      options.upstream ?? new ScriptedUpstream(),
    );
  }

  /** Answers these, in this order, and 200 from then on. */
  answers(...statuses: readonly number[]): void {
    const left = [...statuses];
    this.upstream.on(this.path, (_, response) => {
      const status = left.shift() ?? 200;
      response.writeHead(status).end(`answered ${status}`);
    });
  }

  get requests(): readonly Received[] {
    return this.upstream.received.filter(({ target }) => target === this.path);
  }

  /** Everything that came, verified. */
  told(secret = this.secret): Told[] {
    return this.requests.map(({ headers, body }) => {
      const verified = new Webhook(secret).verify(body, headers as Record<string, string>) as Omit<Told, 'id'>;
      return { ...verified, id: String(headers['webhook-id']) };
    });
  }

  /** Waits until so many have come. */
  async until(count: number): Promise<Told[]> {
    await eventually(
      () => this.requests.length,
      (came) => came >= count,
    );
    return this.told();
  }

  /** Waits until each of these has come. */
  async untilTold(types: readonly string[]): Promise<void> {
    await eventually(
      () => new Set(this.told().map(({ type }) => type)),
      (came) => types.every((type) => came.has(type)),
    );
  }

  async deliveries(query = ''): Promise<DeliveryBody[]> {
    const path = `/v1/webhooks/${this.id}/deliveries${query}`;
    const answer = await this.tenant.admin<{ data: DeliveryBody[] }>('GET', path);
    expectStatus(answer, 200);
    return answer.body.data;
  }

  /** The newest delivery, when it is in this state. */
  async newestIs(state: string): Promise<DeliveryBody> {
    const newest = async () => (await this.deliveries('?limit=1'))[0];
    return (await eventually(newest, (one) => one?.state === state)) as DeliveryBody;
  }
}
