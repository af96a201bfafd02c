import 'reflect-metadata';
import { startNotes, type NotesApp } from '../../../test/support/notes.fixture.js';
import { securityTxt } from './security-txt.js';

const NOW = new Date('2026-11-22T08:30:00Z');
const ORIGIN = 'https://public.example.com';
const fieldsOf = (text: string) => Object.fromEntries(text.split('\n').map((line) => line.split(/: (.*)/, 2)));

test('security.txt has what RFC 9116 requires, and expires within a year', () => {
  const fields = fieldsOf(securityTxt({ origin: ORIGIN, contact: 'mailto:security@operator.example', now: NOW }));
  expect(fields).toMatchObject({
    Contact: 'mailto:security@operator.example',
    Expires: '2027-02-20T00:00:00.000Z',
    Policy: `${ORIGIN}/security-policy`,
    Canonical: `${ORIGIN}/.well-known/security.txt`,
  });
});

test('without a contact of the operator the policy page says where', () => {
  expect(fieldsOf(securityTxt({ origin: ORIGIN, contact: null, now: NOW })).Contact).toBe(`${ORIGIN}/security-policy`);
});

describe('P17: on the public surface, and on no other', () => {
  let app: NotesApp;
  beforeAll(async () => void (app = await startNotes()));
  afterAll(() => app.close());

  test('security.txt names a page that is there', async () => {
    const answer = await fetch(`${app.at.public}/.well-known/security.txt`);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/plain; charset=utf-8']);
    const policy = await fetch(String(fieldsOf(await answer.text()).Policy));
    expect(policy.status).toBe(200);
    expect(await policy.text()).toMatch(/^# Security\n/);
  });

  test.each(['/.well-known/security.txt', '/security-policy'])('%s', async (target) => {
    expect((await fetch(app.at.tenant + target)).status).toBe(404);
    expect((await fetch(app.at.ops + target)).status).toBe(404);
  });
});
