// A process: Aegis (github.com/getaegis/aegis) from a built checkout, its store on disk, its agents' sign-in off.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

/** What of Aegis is used here. */
interface Aegis {
  readonly getDb: (config: object) => object;
  readonly migrate: (db: object) => void;
  readonly Vault: new (db: object, masterKey: string) => { add(credential: object): void };
  readonly Ledger: new (db: object) => object;
  readonly Gate: new (options: object) => { start(): Promise<void>; readonly listeningPort: number };
}

const { AEGIS_DIR = '', UPSTREAM_PORT, UPSTREAM_HOST = '' } = process.env;
const { getDb, migrate, Vault, Ledger, Gate } = (await import(
  pathToFileURL(path.join(AEGIS_DIR, 'dist/index.js')).href
)) as Aegis;
const dataDir = mkdtempSync(path.join(tmpdir(), 'chancery-bench-aegis-'));
const masterKey = 'the master key of a bench';
const db = getDb({ dataDir, masterKey, salt: 'bench', vaultName: 'bench' });
migrate(db);
const vault = new Vault(db, masterKey);
vault.add({ name: 'bench', service: 'bench', secret: 'the-real-key', authType: 'bearer', domains: [UPSTREAM_HOST] });
const gate = new Gate({
  port: 0,
  vault,
  ledger: new Ledger(db),
  logLevel: 'error',
  requireAgentAuth: false,
  _testUpstream: { protocol: 'https', hostname: '127.0.0.1', port: Number(UPSTREAM_PORT) },
});
await gate.start();
process.send?.({ port: gate.listeningPort });
process.once('disconnect', () => {
  rmSync(dataDir, { recursive: true, force: true });
  process.exit(0);
});
