import 'reflect-metadata';
import { NotesModule, SECRET_VALUE, startNotes, type NotesApp } from '../../../test/support/notes.fixture.js';

let app: NotesApp;
beforeAll(async () => void (app = await startNotes({ REQUEST_BYTES_MAX: '4096' }, NotesModule)));
afterAll(() => app.close());

const json = { 'content-type': 'application/json' };
const post = (body: string | Buffer, headers: Record<string, string> = json, path = '/v1/notes') =>
  fetch(app.at.tenant + path, { method: 'POST', headers, body });

/** Every failure has the same shape, whoever noticed it. */
async function problem(answer: Response | Promise<Response>) {
  const response = await answer;
  const body = (await response.json()) as Record<string, unknown>;
  expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(response.headers.get('cache-control')).toBe('no-store');
  expect(response.headers.get('x-request-id')).toMatch(/^req_[0-9a-f]{32}$/);
  expect(body).toMatchObject({
    type: `/errors/${String(body['code'])}`,
    status: response.status,
    title: expect.any(String),
    request_id: response.headers.get('x-request-id'),
  });
  expect(JSON.stringify(body)).not.toContain(' at ');
  return { status: response.status, code: body['code'], body, headers: response.headers };
}

test('an unknown route and a route of another surface are the same 404, whatever the body', async () => {
  const answers = [
    await problem(fetch(`${app.at.tenant}/v1/nothing`)),
    await problem(fetch(`${app.at.public}/v1/notes/1`)),
    await problem(post('{', json, '/v1/nothing')),
    await problem(post('<a/>', { 'content-type': 'text/xml' }, '/v1/nothing')),
    await problem(fetch(`${app.at.tenant}/v1/notes/${'x'.repeat(600)}`)),
    await problem(fetch(`${app.at.tenant}/v1/notes/`)),
  ];
  const told = answers.map(({ body }) => ({ ...body, request_id: 'req' }));
  const same = { type: '/errors/not_found', code: 'not_found', status: 404, title: 'Not found', request_id: 'req' };
  expect(told).toEqual(answers.map(() => same));
});

test('one path may have a handler a surface', async () => {
  expect(await (await fetch(`${app.at.tenant}/v1/where`)).json()).toMatchObject({ where: 'tenant' });
  expect(await (await fetch(`${app.at.ops}/v1/where`)).json()).toEqual({ where: 'ops' });
  expect((await fetch(`${app.at.public}/v1/where`)).status).toBe(404);
});

test('a known path with an unknown method is 405 and names the methods of this surface', async () => {
  const { status, code, headers } = await problem(fetch(`${app.at.tenant}/v1/notes`, { method: 'PUT' }));
  expect([status, code, headers.get('allow')]).toEqual([405, 'method_not_allowed', 'GET, HEAD, POST, OPTIONS']);
  expect((await problem(fetch(`${app.at.public}/v1/notes`, { method: 'PUT' }))).status).toBe(404);
});

test('OPTIONS names the methods, HEAD has no body', async () => {
  const options = await fetch(`${app.at.tenant}/v1/notes/1`, { method: 'OPTIONS' });
  expect([options.status, options.headers.get('allow')]).toEqual([204, 'GET, HEAD, DELETE, OPTIONS']);
  expect((await fetch(`${app.at.tenant}/v1/nothing`, { method: 'OPTIONS' })).status).toBe(404);
  const head = await fetch(`${app.at.tenant}/v1/notes/1`, { method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([200, '']);
  expect((await fetch(`${app.at.tenant}/v1/nothing`, { method: 'HEAD' })).status).toBe(404);
});

test.each([
  ['cut off', '{"text":', 'malformed_json'],
  ['empty', '', 'malformed_json'],
  ['a key twice', '{"text":"a","text":"b"}', 'malformed_json'],
  ['a key twice, once escaped', '{"text":"a","te\\u0078t":"b"}', 'malformed_json'],
  ['__proto__', '{"text":"a","__proto__":{"admin":true}}', 'malformed_json'],
  ['__proto__, escaped', '{"text":"a","\\u005f_proto__":{"admin":true}}', 'malformed_json'],
  ['too deep', '['.repeat(200) + ']'.repeat(200), 'malformed_json'],
  ['not UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'malformed_json'],
  ['a byte order mark', '\ufeff{"text":"a"}', 'malformed_json'],
  ['half a surrogate pair', '{"text":"\\ud800"}', 'malformed_json'],
  ['a wrong type', '{"text":5}', 'invalid_request'],
  ['an array', '[]', 'invalid_request'],
  ['null', 'null', 'invalid_request'],
  ['an unknown key', '{"text":"a","admin":true}', 'invalid_request'],
  ['a long string', `{"text":"${'a'.repeat(81)}"}`, 'invalid_request'],
])('a body that is %s is a 400', async (_what, body, code) => {
  expect(await problem(post(body))).toMatchObject({ status: 400, code });
});

test('a number that is a fraction is JSON, and the schema decides about it', async () => {
  expect((await problem(post('{"text":"a","pages":1.5}'))).code).toBe('invalid_request');
  expect((await post('{"text":"a","pages":3}')).status).toBe(201);
});

test('issues name the place and the rule, never the value or an unknown key', async () => {
  const { body } = await problem(post(`{"text":5,"${SECRET_VALUE}":"${SECRET_VALUE}"}`));
  expect(body['issues']).toEqual([
    { path: 'text', message: expect.any(String) },
    { path: '', message: 'holds a key that is not known here' },
  ]);
  expect(JSON.stringify(body)).not.toContain(SECRET_VALUE);
});

test('malformed JSON names the position', async () => {
  expect((await problem(post('{"text":"a","text":"b"}'))).body['position']).toBe(12);
});

test('a body past the limit is 413, announced or not', async () => {
  const body = JSON.stringify({ text: 'a'.repeat(5_000) });
  expect(await problem(post(body))).toMatchObject({ status: 413, code: 'payload_too_large' });
  const stream = new Blob([body]).stream();
  const chunked = fetch(`${app.at.tenant}/v1/notes`, {
    method: 'POST',
    headers: json,
    body: stream,
    duplex: 'half',
  });
  expect(await problem(chunked)).toMatchObject({ status: 413, code: 'payload_too_large' });
});

test.each([
  ['text/plain', '{"text":"a"}'],
  ['application/json; charset=latin1', '{"text":"a"}'],
  ['application/x-www-form-urlencoded', 'text=a'],
  ['application/vnd.api+json', '{"text":"a"}'],
  ['', '{"text":"a"}'],
])('content type %p is 415', async (type, body) => {
  const answer = await problem(post(Buffer.from(body), type ? { 'content-type': type } : {}));
  expect([answer.status, answer.code, answer.headers.get('accept')]).toEqual([
    415,
    'unsupported_media_type',
    'application/json',
  ]);
});

test('a compressed body is 415: nothing is inflated here', async () => {
  expect((await problem(post('{"text":"a"}', { ...json, 'content-encoding': 'gzip' }))).status).toBe(415);
});

test('a form route reads forms, each field once, and nothing else', async () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const good = await post('a=1&b=x%20y', form, '/oauth/token');
  expect([good.status, await good.json()]).toEqual([200, { a: '1', b: 'x y' }]);
  expect((await problem(post('a=1&a=2', form, '/oauth/token'))).code).toBe('malformed_form');
  expect((await problem(post('a=%zz', form, '/oauth/token'))).code).toBe('malformed_form');
  const refused = await problem(post('{"a":1}', json, '/oauth/token'));
  expect([refused.status, refused.headers.get('accept')]).toEqual([415, form['content-type']]);
});

test('an error of ours is internal_error; neither the client nor the log sees its message', async () => {
  const { status, code, body } = await problem(post('{"text":"explode"}'));
  expect([status, code]).toEqual([500, 'internal_error']);
  const answer = JSON.stringify(body);
  expect(answer).not.toContain(SECRET_VALUE);
  const lines = app
    .logged()
    .split('\n')
    .filter((line) => line.includes(String(body['request_id'])) && line.includes('"err"'));
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain('notes.fixture.ts');
  expect(app.logged()).not.toContain(SECRET_VALUE);
});

test('P1: a field nobody named does not leave, and a handler cannot break its view', async () => {
  const answer = await (await post('{"text":"a"}')).json();
  expect(Object.keys(answer as object).sort()).toEqual(['id', 'key', 'text']);
  expect(await problem(fetch(`${app.at.tenant}/v1/mismatch`))).toMatchObject({ status: 500, code: 'internal_error' });
  expect(app.logged()).toContain('"where":["count (invalid_type)"]');
  const removed = await fetch(`${app.at.tenant}/v1/notes/1`, { method: 'DELETE' });
  expect([removed.status, await removed.text()]).toEqual([204, '']);
});

test('a request id is never taken from the client', async () => {
  const { headers } = await fetch(`${app.at.tenant}/v1/notes/1`, {
    headers: { 'x-request-id': 'req_mine', 'request-id': 'req_mine' },
  });
  expect(headers.get('x-request-id')).toMatch(/^req_[0-9a-f]{32}$/);
});

test('the log names the route and never the path, the query or a header', async () => {
  await fetch(`${app.at.tenant}/v1/notes/${SECRET_VALUE}?q=${SECRET_VALUE}`, {
    headers: { authorization: SECRET_VALUE },
  });
  expect(app.logged()).toContain('"route":"/v1/notes/:id"');
  expect(app.logged()).not.toContain(SECRET_VALUE);
});

test('htu comes from the listener and the raw path, not from Host or X-Forwarded-*', async () => {
  const headers = { 'x-forwarded-host': 'evil.test', 'x-forwarded-proto': 'https' };
  const { htu } = (await (await fetch(`${app.at.tenant}/v1/where?a=1`, { headers })).json()) as { htu: string[] };
  expect(htu).toEqual([`${app.at.tenant}/v1/where`]);
});
