import 'reflect-metadata';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { startNotes, type NotesApp } from '../../../test/support/notes.fixture.js';

let app: NotesApp;
beforeAll(async () => void (app = await startNotes()));
afterAll(() => app.close());
const get = (target: string) => fetch(app.at.tenant + target);

test('the reference runs no inline script and asks nobody else', async () => {
  const page = await get('/reference');
  const html = await page.text();
  expect(page.headers.get('content-security-policy')).toContain(
    "default-src 'none'; script-src 'self'; style-src 'self';",
  );
  expect(html).not.toMatch(/<script>|<style|\son[a-z]+=|https?:/);
  const parts = [...html.matchAll(/(?:src|href)="(\/reference\/[^"]+)"/g)].map(([, part]) => part!);
  expect(parts).toHaveLength(3);
  for (const part of parts) {
    const answer = await get(part);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([
      200,
      expect.stringMatching(/^text\/(css|javascript)/),
    ]);
    expect((await answer.text()).length).toBeGreaterThan(50);
  }
});

test.each([
  '/reference/package.json',
  '/reference/..%2F..%2Fpackage.json',
  '/reference/swagger-ui.css.map',
  '/reference/openapi.json',
  '/reference/index.html',
])('%s is not served', async (target) => expect((await get(target)).status).toBe(404));

test('a code has a page, in plain text; anything else is not found', async () => {
  const page = await get('/errors/malformed_json');
  expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/plain; charset=utf-8']);
  expect(await page.text()).toContain('malformed_json');
  for (const code of [
    'no_such_code',
    '..%2Ferrors%2Fmalformed_json',
    '%2E%2E%2Ferrors%2Fmalformed_json',
    'malformed_json.md',
    'MALFORMED_JSON',
    `a${'b'.repeat(64)}`,
  ]) {
    expect((await get(`/errors/${code}`)).status).toBeGreaterThanOrEqual(400);
  }
});

test('every code of this room has a page that starts with it', () => {
  const pages = path.join(__dirname, '../../../docs/errors');
  const source = readdirSync(__dirname).filter((name) => name.endsWith('.errors.ts'));
  const codes = source.flatMap((name) => [
    ...readFileSync(path.join(__dirname, name), 'utf8').matchAll(/code: '([a-z_]+)'/g),
  ]);
  expect(codes.length).toBeGreaterThan(10);
  for (const [, code] of codes)
    expect(readFileSync(path.join(pages, `${code}.md`), 'utf8')).toMatch(new RegExp(`^# ${code}\n`));
});

test('the papers stand on the tenant surface alone', async () => {
  for (const target of ['/openapi.json', '/reference', '/errors/malformed_json']) {
    expect((await fetch(app.at.public + target)).status).toBe(404);
    expect((await fetch(app.at.ops + target)).status).toBe(404);
  }
});
