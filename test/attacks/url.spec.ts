import { OpenVersion } from '../../src/credentials/open-version.js';
import { Outbound } from '../../src/platform/outbound/outbound.js';
import { attack } from '../support/attack-report.js';
import { type AttackSite, openAttackSite, SECRET } from '../support/attack-site.js';
import { UPSTREAM_HOST as H } from '../support/hostile-upstream.js';
import type { AskedUse } from '../support/use-door.js';
import { DOORS } from '../support/use-doors.js';
import { URLS } from './urls.js';

jest.setTimeout(300_000);

let site: AttackSite;
let calledOut: jest.SpyInstance[];
beforeAll(async () => {
  site = await openAttackSite();
  await site.credential('key');
  const { app } = site.app;
  calledOut = [
    jest.spyOn(app.get(Outbound, { strict: false }), 'send'),
    jest.spyOn(app.get(Outbound, { strict: false }), 'open'),
    jest.spyOn(app.get(OpenVersion, { strict: false }), 'execute'),
  ];
});
beforeEach(() => {
  calledOut.forEach((spy) => spy.mockClear());
  site.upstream.received.length = 0;
});
afterAll(() => site?.close());

const BEARER = { authorization: 'Bearer {{CREDENTIAL}}' };

interface Refused {
  readonly row: string;
  readonly sent: string;
  readonly asked: AskedUse;
  readonly expected: readonly [status: number, code: string];
  readonly only?: 'execute';
}
/** What only a template that was read is told. */
const DECIDED = new Set(['url_refused', 'template_refused', 'domain_not_allowed']);
const TURNED_AWAY = [400, 401, 404];
const MISPLACED = [400, 'template_refused'] as const;
const REFUSALS: readonly Refused[] = [
  ...URLS.map(({ row, url, expected }) => ({ row, sent: url, asked: { url, headers: BEARER }, expected })),
  { row: '9', sent: 'in a header name', asked: { headers: { '{{CREDENTIAL}}': 'x' } }, expected: MISPLACED },
  { row: '9', sent: 'in the method', asked: { method: '{{CREDENTIAL}}' }, expected: MISPLACED },
  { row: '9', sent: 'in Host', asked: { headers: { host: '{{CREDENTIAL}}' } }, expected: MISPLACED },
  { row: '9', sent: 'in a parameter’s name', asked: { query: { '{{CREDENTIAL}}': 'x' } }, expected: MISPLACED },
  {
    row: '9',
    sent: 'in the content type',
    asked: { headers: { 'content-type': '{{CREDENTIAL}}' }, body: 'x' },
    expected: MISPLACED,
    // On the streaming route a type that is none means a body nobody reads, and the header is one like others.
    only: 'execute',
  },
  {
    row: '9',
    sent: 'in the name of a form field',
    asked: {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'a=1&{{CREDENTIAL}}=2',
    },
    expected: MISPLACED,
  },
  {
    row: '9',
    sent: 'in body_base64',
    asked: { method: 'POST', headers: BEARER, body_base64: Buffer.from('{{CREDENTIAL}}').toString('base64') },
    expected: MISPLACED,
    // Of other bodies the streaming route reads nothing.
    only: 'execute',
  },
  { row: '9', sent: 'in a JSON member name', asked: { body: { '{{CREDENTIAL}}': 'x' } }, expected: MISPLACED },
];

for (const door of DOORS) {
  for (const { row, sent, asked, expected } of REFUSALS.filter(
    (one) => door.canSay(one.asked) && (one.only ?? door.name) === door.name,
  )) {
    attack(row, door.name, sent, async (saw) => {
      const seen = saw(await door.use(site.agent, 'key', asked));
      // The streaming route takes a URL apart before anybody reads it: some never get as far as the template.
      const isRead = door.name === 'execute' || DECIDED.has(String(seen.code));
      if (isRead) expect([seen.status, seen.code]).toEqual(expected);
      else expect(TURNED_AWAY).toContain(seen.status);
      // Before any look-up of the credential: an unknown one gets the same answer. A foreign host comes behind it.
      const unknown = await door.use(site.agent, 'nowhere', asked);
      const same = seen.code === 'domain_not_allowed' ? [404, 'credential_not_found'] : [seen.status, seen.code];
      expect([unknown.status, unknown.code]).toEqual(same);
      // ATTACKS 35: nobody is told which domains are allowed.
      if (isRead) expect(seen.body.toString()).not.toContain(H);
      for (const spy of calledOut) expect(spy).not.toHaveBeenCalled();
      expect([site.upstream.received, site.dns.asked]).toEqual([[], []]);
      if (!isRead) return;
      const denials = (await site.lastEntries(6)).filter(({ entry }) => entry.action === 'credential.use').slice(0, 2);
      expect(denials.map(({ entry }) => entry.outcome)).toEqual(['denied', 'denied']);
    });
  }

  attack('9', door.name, 'nowhere, and the credential says nothing of its own', async (saw) => {
    const seen = saw(await door.use(site.agent, 'key', { headers: {} }));
    expect(seen).toMatchObject({ status: 400, code: 'placeholder_missing' });
    expect(await door.use(site.agent, 'nowhere', { headers: {} })).toMatchObject({ code: 'credential_not_found' });
    for (const spy of calledOut) expect(spy).not.toHaveBeenCalled();
  });

  for (const [row, url, target] of [
    ['4', `https://${H}./x`, '/x'],
    ['4', `HTTPS://Api.UPSTREAM.Test/x`, '/x'],
    ['4', `hTTpS://${H.toUpperCase()}.:443/x`, '/x'],
    ['7', `https://${H}:443/x`, '/x'],
    ['26', `https://${H}/?k=1&k={{CREDENTIAL}}&k=2`, `/?k=${encodeURIComponent(SECRET)}`],
  ] as const) {
    attack(row, door.name, url, async (saw) => {
      const seen = await door.use(site.agent, 'key', { url, headers: BEARER });
      expect(seen.status).toBe(200);
      const [received] = site.upstream.received;
      saw(
        `arrived as https://${received?.headers.host}${received?.target.replaceAll(encodeURIComponent(SECRET), '…')}`,
      );
      // What was checked, what is in the chain, and what came over the wire, in Host and in TLS, is one name.
      expect(received).toMatchObject({ target, serverName: H, headers: { host: H } });
      const intent = (await site.lastEntries(3)).find(({ entry }) => entry.seq === seen.seq);
      expect(intent?.entry.details.url).toBe(`https://${H}${target.replace(/\?.*/, '')}`);
    });
  }
}
