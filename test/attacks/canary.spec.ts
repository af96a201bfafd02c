import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { attack } from '../support/attack-report.js';
import { databaseDump, filesBelow, formsOf, formsOfIssued, foundIn } from '../support/canary-scan.js';
import { asSuperuser } from '../support/database.js';
import { Fleet } from '../support/fleet/fleet.js';
import { Inspector } from '../support/inspector.js';
import { DOORS } from '../support/use-doors.js';
import type { WebhookReceiver } from '../support/webhook-receiver.js';
import { CanaryCast } from './canary-cast.js';
import { CanaryGuests, TOLD } from './canary-guests.js';
import { CanaryTraffic } from './canary-traffic.js';

jest.setTimeout(600_000);

/** In every secret of this run, and nowhere else in the world. */
const MARKER = `cnry${randomBytes(12).toString('hex')}`;
/** The name of a credential, which is no secret: what is not found with it was not looked at. */
const WITNESS = `wtns${randomBytes(12).toString('hex')}`;
const FORMS = formsOf(MARKER);
const LONG_STRINGS = ['--heap-snapshot-string-limit=1000000000'];
/** Where something of a use is written down: an empty one would be clean for nothing. */
const WRITTEN = ['approvals', 'audit_entries', 'credential_versions', 'idempotency_keys', 'outbox'];
const QUEUED = ['webhooks', 'webhook_deliveries'];

let fleet: Fleet;
let cast: CanaryCast;
let traffic: CanaryTraffic;
let hook: WebhookReceiver;
let inspector: Inspector;
/** Keys, passwords and tokens that the server issued itself: those it must know again, but need not tell. */
let issued: readonly string[];
beforeAll(async () => {
  fleet = await Fleet.start(1, ['--inspect=127.0.0.1:0', ...LONG_STRINGS]);
  const [node] = fleet.nodes as [(typeof fleet.nodes)[0]];
  cast = await CanaryCast.of(fleet, node, MARKER);
  await cast.store(WITNESS, { value: cast.secret() });
  traffic = new CanaryTraffic(cast);
  for (const door of DOORS) await traffic.run(door);
  hook = await new CanaryGuests(cast).run(DOORS);
  // The jobs run beside it: what they find out about such an agent would end its traffic.
  await fleet.join({ CHANCERY_JOBS: 'inline' });
  await hook.untilTold(TOLD);
  await traffic.settle();
  const { agent, tenant } = cast;
  const { password, otpauth_uri: uri } = tenant.owner;
  const factor = new URL(uri).searchParams.get('secret');
  issued = [agent.apiKey, agent.accessToken, tenant.key, hook.secret, password, factor]
    .map(String)
    .flatMap(formsOfIssued);
  const url = /ws:\/\/\S+/.exec(node.process.said())?.[0] ?? '';
  inspector = await Inspector.attach(url);
  await inspector.collectGarbage(2);
});
afterAll(async () => {
  inspector?.close();
  await fleet?.close();
});

function expectClean(bytes: Buffer, forms: readonly string[] = [...FORMS, ...issued]): void {
  expect(foundIn(bytes, forms)).toEqual([]);
}

attack('34', 'process', 'every answer, body and header, of some hundred calls', async (saw) => {
  expect(cast.answers.length).toBeGreaterThan(200);
  expect(cast.answers.filter((answer) => foundIn(Buffer.from(answer), FORMS).length > 0)).toEqual([]);
  expect(cast.sent).toBeGreaterThan(20);
  saw('nothing of the secrets');
});

attack('34', 'process', 'every line of the log, and standard error', async (saw) => {
  for (const { process } of fleet.nodes) {
    const lines = process.lines.map((line) => JSON.stringify(line));
    expect(lines.length).toBeGreaterThan(1);
    expectClean(Buffer.from(lines.join('\n') + process.said()));
  }
  saw('nothing of the secrets');
});

attack('34', 'process', 'every row of every table, the audit log with them', async (saw) => {
  const dump = await asSuperuser(fleet.database.adminUrl, databaseDump);
  for (const table of [...WRITTEN, ...QUEUED])
    expect([table, dump.get(`chancery.${table}`)?.length]).not.toEqual([table, 0]);
  expect([...dump.keys()].filter((table) => table.startsWith('bullmq.'))).not.toEqual([]);
  const all = Buffer.concat([...dump.values()]);
  expect(all.includes(WITNESS)).toBe(true);
  expect(all.includes('credential.use')).toBe(true);
  expectClean(all);
  saw('nothing of the secrets');
});

attack('34', 'process', 'keyring, checkpoints and all other files', async (saw) => {
  const files = filesBelow(fleet.dir);
  expect(files.length).toBeGreaterThan(100);
  expectClean(files);
  saw('nothing of the secrets');
});

attack('34', 'process', 'the export of the audit log', async (saw) => {
  const exported = await traffic.auditExport();
  expect(exported).toContain('credential.use');
  expectClean(Buffer.from(exported));
  saw('nothing of the secrets');
});

attack('34', 'process', 'what monitoring reads', async (saw) => {
  const metrics = await traffic.metrics();
  expect(metrics).toMatch(/^chancery_redactions_total [1-9]/m);
  expectClean(Buffer.from(metrics), [...FORMS, ...issued, WITNESS]);
  saw('nothing of the secrets');
});

attack('34', 'process', 'what a webhook is told', async (saw) => {
  expectClean(Buffer.from(JSON.stringify([hook.requests, await hook.deliveries('?limit=200')])));
  saw('nothing of the secrets');
});

attack('34', 'process', 'the heap, after two collections', async (saw) => {
  const file = path.join(fleet.dir, 'canary.heapsnapshot');
  await inspector.writeHeapSnapshot(file);
  const heap = readFileSync(file);
  expect(heap.includes(WITNESS)).toBe(true);
  expectClean(heap, FORMS);
  saw('nothing of the secrets');
});

attack('34', 'process', 'every reachable buffer, after two collections', async (saw) => {
  const secret = readFileSync(fleet.database.platformSecretFile).toString('latin1');
  const found = await inspector.inBuffers([secret, ...FORMS]);
  expect(found.map(([needle]) => needle)).toContain(secret);
  expect(found.filter(([needle]) => needle !== secret)).toEqual([]);
  saw('nothing of the secrets');
});
