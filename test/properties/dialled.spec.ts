import fc from 'fast-check';
import { DialPolicy, type Endpoint } from '../../src/platform/outbound/dial-policy.js';
import { Outbound } from '../../src/platform/outbound/outbound.js';
import { render } from '../../src/proxy/render.js';
import { parseTemplate } from '../../src/proxy/template.js';
import { WireCapture } from '../support/wire-capture.js';
import { hostileUrl } from './hostile-urls.js';
import { dialledRuns, PROPERTY_TIMEOUT_MS } from './runs.js';

jest.setTimeout(PROPERTY_TIMEOUT_MS);

/** Leads every name to the capture, and writes down the names. */
class AskedPolicy extends DialPolicy {
  readonly asked: string[] = [];
  endpoint: Endpoint = { address: '127.0.0.1', port: 0 };

  constructor() {
    super({ allowRanges: [], own: [], resolve: new Map() }, () => []);
  }

  override overrideFor(host: string): Endpoint {
    this.asked.push(host);
    return this.endpoint;
  }
}

const policy = new AskedPolicy();
let capture: WireCapture;
let outbound: Outbound;
beforeAll(async () => {
  capture = await WireCapture.start();
  outbound = new Outbound({ policy, extraCa: capture.authority.certificate });
});
afterAll(async () => {
  await outbound?.destroy();
  capture?.close();
});

const SECRET = Buffer.from('sk-live-0123456789abcdef');

test('whatever the URL, it is refused, or exactly what was checked is looked up, named in TLS, and asked for in HTTP', async () => {
  let dialled = 0;
  await fc.assert(
    fc.asyncProperty(hostileUrl, async (url) => {
      const parsed = parseTemplate(
        { method: 'GET', url, headers: { 'x-key': '{{CREDENTIAL}}' } },
        { allowCleartext: true },
      );
      if (!parsed.ok) return;
      const { scheme, host, port } = parsed.value.target;
      const rendered = render(parsed.value, { bytesFor: () => SECRET });
      if (!rendered.ok) throw new Error('it renders');
      policy.asked.length = 0;
      policy.endpoint = { address: '127.0.0.1', port: capture.ports[scheme] };
      const options = {
        tenantId: 't',
        signal: new AbortController().signal,
        timeoutMs: 60_000,
        maxResponseBytes: 1_000,
      };
      const answer = await outbound.send(rendered.value, options);
      dialled += 1;
      expect(answer.status).toBe(204);
      expect(new Set(policy.asked)).toEqual(new Set([host]));
      const shown = port === (scheme === 'https' ? 443 : 80) ? host : `${host}:${port}`;
      const requestLine = `GET ${rendered.value.path} HTTP/1.1`;
      const serverName = scheme === 'https' ? host : null;
      expect(capture.take()).toEqual([{ serverName, requestLine, hosts: [shown] }]);
      // And what another reader of the same string would have dialled.
      expect(new URL(url).hostname.replace(/\.$/, '')).toBe(host);
    }),
    dialledRuns(1_000),
  );
  expect(dialled).toBeGreaterThan(50);
});
