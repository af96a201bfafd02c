import { parseArgs } from 'node:util';
import { EnvironmentError, loadConfig } from './config/environment.js';
import { createLog } from './platform/telemetry/logger.js';
import { startChancery } from './start.js';
import { SetUpPlatform } from './tenancy/set-up-platform.js';

const USAGE = `node dist/setup.js --staff-email you@example.com
  Makes roles and tables, and lets the first member of staff in. Needs DATABASE_ADMIN_URL; safe to repeat.`;
const EX_USAGE = 64;
const EX_CONFIG = 78;

async function setUp(email: string): Promise<void> {
  const config = loadConfig(process.env);
  const log = createLog({ level: 'warn' });
  const chancery = await startChancery({ config, log });
  try {
    const staff = await chancery.app.get(SetUpPlatform).firstStaff(email);
    const shown = staff && { email, password: staff.password, otpauth_uri: staff.otpauthUri };
    process.stdout.write(
      `${JSON.stringify(shown ?? { email: null, note: 'there is a member of staff already' }, null, 2)}\n`,
    );
  } finally {
    await chancery.close();
  }
}

try {
  const { values } = parseArgs({ options: { 'staff-email': { type: 'string' } } });
  const email = values['staff-email'];
  if (email === undefined || !/^[^@\s]+@[^@\s]+$/.test(email)) throw Object.assign(new Error(USAGE), { usage: true });
  await setUp(email.toLowerCase());
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  const usage = 'usage' in (error as object) || String((error as { code?: string }).code).startsWith('ERR_PARSE_ARGS');
  process.exitCode = usage ? EX_USAGE : error instanceof EnvironmentError ? EX_CONFIG : 1;
}
