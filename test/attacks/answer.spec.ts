import { once } from 'node:events';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { attack } from '../support/attack-report.js';
import { type AttackSite, openAttackSite, SECRET } from '../support/attack-site.js';
import { eventually } from '../support/eventually.js';
import { UPSTREAM_HOST as H } from '../support/hostile-upstream.js';
import { stream } from '../support/stream-call.js';
import type { SeenUse, UseDoor } from '../support/use-door.js';
import { DOORS } from '../support/use-doors.js';
import { ZSTD_FRAMES, zstdBlock, zstdFrame, zstdSkippable } from '../support/zstd-frames.js';
import { leaksIn, MIXED_SPELLINGS, OTHER_SECRETS, SPELLINGS } from './spellings.js';

jest.setTimeout(300_000);

/** One that can stand in a header's name. */
const TOKEN = 'sk-live-0123456789abcdef';

let site: AttackSite;
beforeAll(async () => {
  site = await openAttackSite();
  await site.credential('key');
  await site.credential('token', {}, TOKEN);
});
afterEach(() => {
  expect(leaksIn(JSON.stringify(site.app.logged), SECRET)).toEqual([]);
});
afterAll(() => site?.close());

const zstdText = (text: string, isLast: boolean): Buffer => zstdBlock('raw', Buffer.from(text), { isLast });
const zstdWith = (header: readonly number[]): Buffer => zstdFrame([zstdText(SECRET, true)], Buffer.from(header));
const HALF = SECRET.length >> 1;
const ZSTD_ECHOES: readonly (readonly [what: string, body: Buffer])[] = [
  ['as the program writes it', ZSTD_FRAMES.secret],
  [
    'the secret over two blocks',
    zstdFrame([zstdText(`before ${SECRET.slice(0, HALF)}`, false), zstdText(`${SECRET.slice(HALF)} behind`, true)]),
  ],
  [
    'the secret over two frames and a skippable one',
    Buffer.concat([
      zstdFrame([zstdText(`before ${SECRET.slice(0, HALF)}`, true)]),
      zstdSkippable(Buffer.from('between')),
      zstdFrame([zstdText(`${SECRET.slice(HALF)} behind`, true)]),
    ]),
  ],
];
const ZSTD_REFUSED: readonly (readonly [what: string, body: Buffer, code: string])[] = [
  ['that is none', Buffer.from(`${SECRET} is no zstd`), 'upstream_protocol_error'],
  ['that breaks off', ZSTD_FRAMES.secret.subarray(0, -5), 'upstream_protocol_error'],
  [
    'with the secret behind its end',
    Buffer.concat([ZSTD_FRAMES.empty, Buffer.from(SECRET)]),
    'upstream_protocol_error',
  ],
  ['with a reserved bit', zstdWith([0x08, 0x38]), 'upstream_protocol_error'],
  ['with a dictionary', zstdWith([0x01, 0x38, 7]), 'upstream_encoding_unsupported'],
];

let count = 0;
/** Answers one use as `answer` says, under a path of its own. */
async function answered(
  door: UseDoor,
  answer: Parameters<AttackSite['upstream']['on']>[1],
  credential = 'key',
): Promise<SeenUse> {
  count += 1;
  site.upstream.on(`/a${count}`, answer);
  return door.use(site.agent, credential, { url: `https://${H}/a${count}` });
}

const textOfAll = ({ status, reason, headers, body }: SeenUse): string =>
  JSON.stringify([status, reason, headers]) + body.toString('latin1') + body.toString();

/** Nothing of the secret came through in any form, and the chain says that something was taken out. */
async function expectRedacted(seen: SeenUse, secret = SECRET): Promise<void> {
  expect(leaksIn(textOfAll(seen), secret)).toEqual([]);
  expect(seen).toMatchObject({ code: null, broken: false });
  const outcome = await site.outcomeOf(seen.seq);
  expect(outcome.details.redactions).toBeGreaterThan(0);
  const entries = await eventually(
    () => site.lastEntries(6),
    (last) => last.some(({ entry }) => entry.action === 'credential.redacted' && entry.details.intent === seen.seq),
  );
  expect(leaksIn(JSON.stringify(entries), secret)).toEqual([]);
}

for (const door of DOORS) {
  for (const status of [200, 401, 500])
    attack('28', door.name, `in the body of a ${status}`, async (saw) => {
      const seen = saw(
        await answered(door, (_, response) => response.writeHead(status).end(`before ${SECRET} behind ${SECRET}`)),
      );
      expect(seen.body.toString()).toBe('before [redacted] behind [redacted]');
      await expectRedacted(seen);
    });
  attack('28', door.name, 'in a header', async (saw) => {
    const echo = { 'x-first': 'harmless', 'x-echo': `a ${SECRET} b` };
    const seen = saw(await answered(door, (_, response) => response.writeHead(200, echo).end()));
    expect(seen.headers).toContainEqual(['x-echo', 'a [redacted] b']);
    await expectRedacted(seen);
  });
  attack('28', door.name, 'in a header’s name', async (saw) => {
    const seen = saw(await answered(door, (_, response) => response.setHeader(`x-${TOKEN}`, '1').end(), 'token'));
    await expectRedacted(seen, TOKEN);
  });
  attack('28', door.name, 'in one of two Set-Cookie', async (saw) => {
    const cookies = [`a=${SECRET}; Path=/`, 'b=harmless'];
    const seen = saw(await answered(door, (_, response) => response.setHeader('set-cookie', cookies).end()));
    const got = seen.headers.filter(([name]) => name === 'set-cookie').map(([, value]) => value);
    expect(got).toEqual(['a=[redacted]; Path=/', 'b=harmless']);
    await expectRedacted(seen);
  });
  attack('28', door.name, 'in the status text', async (saw) => {
    const seen = saw(await answered(door, (_, response) => response.writeHead(200, `OK ${SECRET}`).end('{}')));
    expect(leaksIn(textOfAll(seen), SECRET)).toEqual([]);
  });
  attack('28', door.name, 'in a trailer', async (saw) => {
    const seen = saw(
      await answered(door, (_, response) => {
        response.writeHead(200, { trailer: 'x-echo', 'transfer-encoding': 'chunked' });
        response.write('{}');
        response.addTrailers({ 'x-echo': SECRET });
        response.end();
      }),
    );
    expect(leaksIn(textOfAll(seen), SECRET)).toEqual([]);
    expect(seen.body.toString()).toBe('{}');
  });
  attack('28', door.name, 'in an early hint (103)', async (saw) => {
    const seen = saw(
      await answered(door, (_, response) => {
        response.writeEarlyHints({ link: `</${encodeURIComponent(SECRET)}>; rel=preload` });
        response.end('{}');
      }),
    );
    expect(leaksIn(textOfAll(seen), SECRET)).toEqual([]);
    expect(seen).toMatchObject({ status: 200, code: null });
  });

  for (const [name, write] of SPELLINGS)
    attack('29', door.name, name, async (saw) => {
      const written = write(SECRET);
      const seen = saw(
        await answered(door, (_, response) => response.setHeader('x-echo', written).end(`before ${written} behind`)),
      );
      const left = seen.body.toString();
      expect(left).toMatch(/^before .*\[redacted\].* behind$/);
      // Of base64 nothing is left that carries a bit of the secret, and no padding.
      const shift = /^base64(?:url)?(?: behind (one|two) bytes?)?$/.exec(name);
      const foreign = { one: 1, two: 2 }[shift?.[1] ?? ''] ?? 0;
      if (shift !== null) expect(left.length).toBe('before [redacted] behind'.length + foreign);
      expect(seen.headers.find(([header]) => header === 'x-echo')?.[1]).toContain('[redacted]');
      await expectRedacted(seen);
    });

  for (const [name, value, written] of OTHER_SECRETS)
    attack('29', door.name, name, async (saw) => {
      const credential = `other_${door.name}_${OTHER_SECRETS.findIndex(([other]) => other === name)}`;
      await site.credential(credential, {}, value);
      const seen = saw(await answered(door, (_, response) => response.end(`before ${written} behind`), credential));
      expect(seen.body.toString()).toBe('before [redacted] behind');
      await expectRedacted(seen, value);
    });

  for (const [coding, compress] of [
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['GZip', gzipSync],
    ['br', brotliCompressSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
    ['zstd', (text: Buffer) => zstdFrame([zstdBlock('raw', text, { isLast: true })])],
    ['identity', (text: Buffer) => text],
  ] as const)
    attack('30', door.name, `under ${coding}${compress === deflateRawSync ? ', raw' : ''}`, async (saw) => {
      const body = compress(Buffer.from(`before ${SECRET} behind`));
      const seen = saw(await answered(door, (_, response) => response.setHeader('content-encoding', coding).end(body)));
      expect(seen.body.toString()).toBe('before [redacted] behind');
      expect(seen.headers.map(([name]) => name)).not.toContain('content-encoding');
      await expectRedacted(seen);
    });
  for (const [what, body] of ZSTD_ECHOES)
    attack('30', door.name, `zstd, ${what}`, async (saw) => {
      const seen = saw(await answered(door, (_, response) => response.setHeader('content-encoding', 'zstd').end(body)));
      expect(seen.body.toString()).toMatch(/^before \[redacted\] behind/);
      await expectRedacted(seen);
    });
  for (const [what, body, code] of ZSTD_REFUSED)
    attack('30', door.name, `zstd ${what}`, async (saw) => {
      const seen = saw(await answered(door, (_, response) => response.setHeader('content-encoding', 'zstd').end(body)));
      expect(leaksIn(textOfAll(seen), SECRET)).toEqual([]);
      expect(seen.broken ? code : seen.code).toBe(code);
    });
  for (const headers of [
    { 'content-encoding': 'rot13' },
    { 'content-encoding': 'compress' },
    { 'content-encoding': 'aws-chunked' },
    { 'content-encoding': 'gzip;q=1' },
  ])
    attack('30', door.name, Object.entries(headers).flat().join(': '), async (saw) => {
      const seen = saw(await answered(door, (_, response) => response.writeHead(200, headers).end(SECRET)));
      expect(seen).toMatchObject({ status: 502, code: 'upstream_encoding_unsupported' });
      expect(leaksIn(textOfAll(seen), SECRET)).toEqual([]);
    });
  for (const [what, body] of [
    ['that is none', Buffer.from(`${SECRET} is no gzip`)],
    ['that breaks off', gzipSync(Buffer.from(`before ${SECRET} behind`)).subarray(0, -9)],
  ] as const)
    attack('30', door.name, `gzip ${what}`, async (saw) => {
      const seen = saw(await answered(door, (_, response) => response.setHeader('content-encoding', 'gzip').end(body)));
      expect(leaksIn(textOfAll(seen), SECRET)).toEqual([]);
      expect(seen.broken || seen.code === 'upstream_protocol_error').toBe(true);
    });

  for (const size of [1, 2, 7])
    for (const [name, write] of [SPELLINGS[0], SPELLINGS[2], SPELLINGS[13], SPELLINGS[21], SPELLINGS[24]] as Spelling[])
      attack('31', door.name, `${name}, ${size} ${size === 1 ? 'byte' : 'bytes'} at a time`, async (saw) => {
        const text = Buffer.from(`before ${write(SECRET)} behind`);
        const seen = saw(await answered(door, (_, response) => void dripped(response, text, size)));
        expect(seen.body.toString()).toMatch(/^before .{0,2}\[redacted\].{0,2} behind$/);
        await expectRedacted(seen);
      });
  for (const [name, write] of MIXED_SPELLINGS)
    attack('31', door.name, name, async (saw) => {
      const text = Buffer.from(`before ${write(SECRET)} behind`);
      const seen = saw(await answered(door, (_, response) => void dripped(response, text, 16)));
      expect(seen.body.toString()).toBe('before [redacted] behind');
      await expectRedacted(seen);
    });
  attack('31', door.name, 'in the second of three server-sent events, split inside', async (saw) => {
    const events = [`data: {"t":"a"}\n\n`, `data: {"t":${JSON.stringify(SECRET)}}\n\n`, `data: [DONE]\n\n`].join('');
    const seen = saw(
      await answered(
        door,
        (_, response) => void dripped(response.setHeader('content-type', 'text/event-stream'), Buffer.from(events), 27),
      ),
    );
    expect(seen.body.toString()).toBe('data: {"t":"a"}\n\ndata: {"t":"[redacted]"}\n\ndata: [DONE]\n\n');
    await expectRedacted(seen);
  });
}

attack(
  '31',
  'stream',
  'an event, before the next one is sent: no stream stalls for what could be in it',
  async (saw) => {
    let sendNext = (): void => undefined;
    site.upstream.on('/waits', (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: {"t":"a"}\n\n');
      sendNext = () => response.end(`data: ${SECRET}\n\n`);
    });
    const answer = await stream(site.agent, '/waits', { headers: { 'chancery-forward-x-key': '{{CREDENTIAL}}' } });
    let text = '';
    answer.setEncoding('latin1').on('data', (piece: string) => (text += piece));
    await eventually(
      () => text,
      (seen) => seen.trimEnd() === 'data: {"t":"a"}',
    );
    saw(text.trimEnd());
    sendNext();
    await once(answer, 'end');
    expect(text).toBe('data: {"t":"a"}\n\ndata: [redacted]\n\n');
  },
);

for (const door of DOORS)
  attack('37', door.name, '3 MB of zeros under gzip, which is less than an answer may have', async (saw) => {
    const bomb = gzipSync(Buffer.alloc(3_000_000));
    const seen = saw(await answered(door, (_, response) => response.setHeader('content-encoding', 'gzip').end(bomb)));
    if (seen.code === null) expect(seen.broken).toBe(true);
    else expect(seen).toMatchObject({ status: 502, code: 'upstream_too_large' });
    expect(seen.body.length).toBeLessThan(1_100_000);
  });

type Spelling = (typeof SPELLINGS)[number];
type Response = Parameters<Parameters<AttackSite['upstream']['on']>[1]>[1];

/** Each piece in a chunk of its own, and in a turn of the event loop of its own. */
async function dripped(response: Response, text: Buffer, size: number): Promise<void> {
  for (let at = 0; at < text.length; at += size) {
    response.write(text.subarray(at, at + size));
    await new Promise(setImmediate);
  }
  response.end();
}

for (const [sent, value, status, code] of [
  ['15 bytes', 'x'.repeat(15), 400, 'secret_too_short'],
  ['one byte', 'x', 400, 'secret_too_short'],
  ['eight two-byte letters', 'é'.repeat(8), 201, null],
  ['16 bytes', 'x'.repeat(16), 201, null],
] as const)
  attack('31a', 'api', `storing ${sent}`, async (saw) => {
    const body = { name: `short_${value.length}`, value, allowed_domains: [H] };
    const answer = await site.tenant.admin('POST', '/v1/credentials', body);
    saw({ status: answer.status, code: (answer.body.code as string | undefined) ?? null });
    expect([answer.status, answer.body.code ?? null]).toEqual([status, code]);
  });
attack('31a', 'api', 'rotating to 15 bytes', async (saw) => {
  await site.credential('rotated');
  const answer = await site.tenant.admin('POST', '/v1/credentials/rotated/rotate', { value: 'x'.repeat(15) });
  saw({ status: answer.status, code: String(answer.body.code) });
  expect([answer.status, answer.body.code]).toEqual([400, 'secret_too_short']);
});
attack('31a', 'api', 'a password of 8 bytes beside a long user name', async (saw) => {
  const fields = { username: 'a-user-name-of-24-letters', password: 'hunter22' };
  const answer = await site.tenant.admin('POST', '/v1/credentials', { name: 'pair', fields, allowed_domains: [H] });
  saw({ status: answer.status, code: String(answer.body.code) });
  expect([answer.status, answer.body.code]).toEqual([400, 'secret_too_short']);
});
for (const door of DOORS)
  attack('31a', door.name, '8 bytes with redact: false, echoed', async (saw) => {
    const name = `tiny_${door.name}`;
    await site.credential(name, { redact: false }, 'hunter22');
    expect((await site.tenant.admin('GET', `/v1/credentials/${name}`)).body.flags).toEqual(['not_redacted']);
    const seen = saw(await answered(door, (_, response) => response.end('hunter22'), name));
    // Flagged in the entry of every use, and no guess is confirmed by being taken out.
    expect(seen.body.toString()).toBe('hunter22');
    const intent = (await site.lastEntries(6)).find(({ entry }) => entry.seq === seen.seq)?.entry;
    expect(intent?.details.flags).toEqual(['not_redacted']);
  });
