import { parseArgs } from 'node:util';
import { benchProxy } from './proxy.js';

const USAGE = `npm run bench -- proxy [--json] [options]
  --rounds N      interleaved rounds, of which the medians are printed (7)
  --calls N       of each side in each round (4000)
  --in-flight N   at a time (32)
  --tenants N     also N tenants at once (4)
  --only SIDE     measures one side alone, such as chancery
  --profile DIR   lets the server write a CPU profile there`;
const EX_USAGE = 64;

const option = (text: string) => ({ type: 'string', default: text }) as const;

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      rounds: option('7'),
      calls: option('4000'),
      'in-flight': option('32'),
      tenants: option('4'),
      only: { type: 'string' },
      profile: { type: 'string' },
    },
  });
  const { json, only, profile } = values;
  const [rounds, calls, tenants] = [values.rounds, values.calls, values.tenants].map(Number) as [
    number,
    number,
    number,
  ];
  switch (positionals[0]) {
    case 'proxy':
      await benchProxy({ rounds, calls, inFlight: Number(values['in-flight']), tenants, json, only, profile });
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
