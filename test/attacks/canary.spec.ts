import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { attack } from '../support/attack-report.js';
import { databaseDump, filesBelow, formsOf, foundIn } from '../support/canary-scan.js';
import { asSuperuser } from '../support/database.js';
import { Fleet, type FleetNode } from '../support/fleet/fleet.js';
import { Inspector } from '../support/inspector.js';
import { DOORS } from '../support/use-doors.js';
import { CanaryTraffic } from './canary-traffic.js';

jest.setTimeout(120_000);

/** In every secret of this run, and nowhere else in the world. */
const MARKER = `cnry${randomBytes(12).toString('hex')}`;
/** The name of a credential, which is no secret: what is not found with it was not looked at. */
const WITNESS = `wtns${randomBytes(12).toString('hex')}`;
const FORMS = formsOf(MARKER);
const LONG_STRINGS = ['--heap-snapshot-string-limit=1000000000'];

let fleet: Fleet;
let node: FleetNode;
let traffic: CanaryTraffic;
let inspector: Inspector;
beforeAll(async () => {
  fleet = await Fleet.start(1, ['--inspect=127.0.0.1:0', ...LONG_STRINGS]);
  [node] = fleet.nodes as [FleetNode];
  traffic = await CanaryTraffic.begin(fleet, node, MARKER, WITNESS);
  for (const door of DOORS) await traffic.run(door);
  await traffic.settle();
  const url = /ws:\/\/\S+/.exec(node.process.said())?.[0] ?? '';
  inspector = await Inspector.attach(url);
});
afterAll(async () => {
  inspector?.close();
  await fleet?.close();
});

function expectClean(bytes: Buffer): void {
  expect(foundIn(bytes, FORMS)).toEqual([]);
}

attack('34', 'process', 'every answer, body and header, of some hundred calls', async (saw) => {
  expect(traffic.answers.length).toBeGreaterThan(60);
  expect(traffic.answers.filter((answer) => foundIn(Buffer.from(answer), FORMS).length > 0)).toEqual([]);
  expect(traffic.sent).toBeGreaterThan(15);
  saw('nothing of the secrets');
});

attack('34', 'process', 'every line of the log, and standard error', async (saw) => {
  const lines = node.process.lines.map((line) => JSON.stringify(line));
  expect(lines.length).toBeGreaterThan(10);
  expectClean(Buffer.from(lines.join('\n') + node.process.said()));
  saw('nothing of the secrets');
});

attack('34', 'process', 'every row of every table, the audit log with them', async (saw) => {
  const dump = await asSuperuser(fleet.database.adminUrl, databaseDump);
  expect(dump.includes(WITNESS)).toBe(true);
  expect(dump.includes('credential.use')).toBe(true);
  expectClean(dump);
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

attack('34', 'process', 'the heap, after two collections', async (saw) => {
  const file = path.join(fleet.dir, 'canary.heapsnapshot');
  await inspector.collectGarbage(2);
  await inspector.writeHeapSnapshot(file);
  const heap = readFileSync(file);
  expect(heap.includes(WITNESS)).toBe(true);
  expectClean(heap);
  saw('nothing of the secrets');
});

attack('34', 'process', 'every reachable buffer, after two collections', async (saw) => {
  await inspector.collectGarbage(2);
  const secret = readFileSync(fleet.database.platformSecretFile).toString('latin1');
  expect(await inspector.inBuffers([secret])).not.toEqual([]);
  expect(await inspector.inBuffers(FORMS)).toEqual([]);
  saw('nothing of the secrets');
});
