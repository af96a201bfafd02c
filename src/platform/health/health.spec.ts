import 'reflect-metadata';
import { startNotes, type NotesApp } from '../../../test/support/notes.fixture.js';
import { ReadinessChecks } from './readiness-checks.js';

let app: NotesApp;
beforeAll(async () => void (app = await startNotes()));
afterAll(() => app.close());

async function ready(url: string) {
  const answer = await fetch(`${url}/health/ready`);
  return { status: answer.status, body: await answer.json() };
}

test('every surface says that it lives', async () => {
  for (const url of Object.values(app.at)) {
    const answer = await fetch(`${url}/health/live`);
    expect([answer.status, await answer.json()]).toEqual([200, { status: 'ok' }]);
  }
});

test('ready is what every check says; why one failed stays inside', async () => {
  const checks = app.app.get(ReadinessChecks);
  checks.add('vault', () => ({ ready: true, state: 'sealed' }));
  expect(await ready(app.at.ops)).toEqual({ status: 200, body: { status: 'ok', checks: { vault: 'sealed' } } });
  checks.add('database', () => Promise.reject(new Error('password=hunter2')));
  expect(await ready(app.at.public)).toEqual({
    status: 503,
    body: { status: 'unavailable', checks: { vault: 'sealed', database: 'failed' } },
  });
  expect(() => checks.add('vault', () => ({ ready: true, state: 'ok' }))).toThrow('already');
});

test('P20: a check that hangs has failed', async () => {
  const checks = new ReadinessChecks();
  checks.add('queue', () => new Promise(() => undefined));
  expect(await checks.run()).toEqual({ ready: false, checks: { queue: 'timeout' } });
});
