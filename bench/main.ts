import { parseArgs } from 'node:util';
import { benchAudit } from './audit.js';
import { benchLatency } from './latency.js';
import { benchProxy } from './proxy.js';
import { benchRedaction } from './redaction.js';
import { benchRls } from './rls.js';
import { benchTenants } from './tenants.js';

const USAGE = `npm run bench -- proxy|latency|audit|rls|tenants|redaction [--json] [options]
  proxy           proxied calls over two pass-throughs, bare and verifying the same proof
  latency         what a call takes longer than a direct one, at half of what the server can do
  audit           chained durable appends over unchained inserts of the same rows
  rls             a tenant's query over the same on a table without row security
  tenants         p99 of 500 active among 10000 tenants over that of 10 (--tenants, --registered)
  redaction       the redacting stream over a plain pipe, and the first byte of a stream over a direct call's
  --rounds N      interleaved rounds, of which the medians are printed (7)
  --calls N       of each side in each round (4000)
  --in-flight N   at a time (proxy 128, latency and audit 64, tenants 8)
  --tenants N     proxy: also N tenants at once (4); tenants: how many are active (500)
  --only SIDE     measures one side alone, such as chancery
  --aegis DIR     proxy: also Aegis, from a checkout that was installed and built there
  --profile DIR   lets the server write a CPU profile there`;
const EX_USAGE = 64;
/** An append is a small part of a call. */
const AUDIT_CALLS_FACTOR = 5;
/** First bytes are waited for one at a time. */
const FIRST_BYTE_CALLS_PART = 10;

const option = (text: string) => ({ type: 'string', default: text }) as const;

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      rounds: option('7'),
      calls: option('4000'),
      'in-flight': { type: 'string' },
      tenants: { type: 'string' },
      registered: option('10000'),
      only: { type: 'string' },
      aegis: { type: 'string' },
      profile: { type: 'string' },
    },
  });
  const { json, only, profile, aegis } = values;
  const [rounds, calls] = [values.rounds, values.calls].map(Number) as [number, number];
  const tenantsOf = (usual: number): number => Number(values.tenants ?? usual);
  const inFlightOf = (usual: number): number => Number(values['in-flight'] ?? usual);
  switch (positionals[0]) {
    case 'proxy':
      await benchProxy({ rounds, calls, inFlight: inFlightOf(128), tenants: tenantsOf(4), json, only, profile, aegis });
      break;
    case 'latency':
      await benchLatency({ rounds, calls, inFlight: inFlightOf(64), json });
      break;
    case 'audit':
      await benchAudit({ rounds, calls: calls * AUDIT_CALLS_FACTOR, inFlight: inFlightOf(64), json });
      break;
    case 'redaction':
      await benchRedaction({ rounds, calls: calls / FIRST_BYTE_CALLS_PART, json });
      break;
    case 'rls':
      await benchRls({ rounds, calls, json });
      break;
    case 'tenants':
      await benchTenants({
        rounds,
        calls,
        inFlight: inFlightOf(8),
        json,
        registered: Number(values.registered),
        active: tenantsOf(500),
      });
      break;
    default:
      throw Object.assign(new Error(USAGE), { exitCode: EX_USAGE });
  }
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = (error as { exitCode?: number }).exitCode ?? 1;
}
// Whatever a bench that failed half-way left open must not keep it from ending.
process.exit();
