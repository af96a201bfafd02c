import type { ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, symlinkSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { eventually } from './eventually.js';
import { isAlive, launch, type Outcome, outcomeOf, QUICKSTART, ROOT, run, type RunOptions } from './program.js';

/** The fields that the issue names; people and scripts go on from them. */
export interface State {
  readonly tenantUrl: string;
  readonly publicUrl: string;
  readonly opsUrl: string;
  readonly opsKey: string;
  readonly tenantId: string;
  readonly tenantKey: string;
  readonly member: { readonly email: string; readonly password: string; readonly totpSecret: string };
  readonly staff: { readonly email: string; readonly password: string; readonly totpSecret: string };
  readonly agents: Readonly<Record<string, { readonly id: string; readonly apiKey: string; readonly tier: string }>>;
  readonly credential: string;
  readonly upstreamUrl: string;
  readonly databaseUrl: string;
}

const READY = /It stays up until/;
const READY_MS = 240_000;
/** A server that was told to end may still write while its folder goes. */
const REMOVED = { recursive: true, force: true, maxRetries: 20, retryDelay: 50 } as const;

/** A folder of its own in which `npm run quickstart` keeps its things; whoever sits there has the commands at hand. */
export class Demonstration {
  readonly dir = mkdtempSync(path.join(tmpdir(), 'chancery-quickstart-'));
  readonly #options: RunOptions;
  #server: ChildProcess | undefined;
  #ended: Promise<Outcome> | undefined;

  constructor(user: { readonly uid?: number; readonly gid?: number } = {}) {
    this.#options = { cwd: this.dir, ...user };
    if (user.uid !== undefined) chmodSync(this.dir, 0o777);
    symlinkSync(path.join(ROOT, 'node_modules'), path.join(this.dir, 'node_modules'));
  }

  /** From start to end, as with `--exit`. */
  tell(...options: string[]): Promise<Outcome> {
    return run([...QUICKSTART, '--dir', this.dir, ...options], this.#options);
  }

  launch(...options: string[]): ChildProcess {
    this.#server = launch([...QUICKSTART, '--dir', this.dir, ...options], this.#options);
    this.#ended = outcomeOf(this.#server);
    return this.#server;
  }

  /** Starts it and waits until it stays up; resolves to what it has said until then. */
  async start(...options: string[]): Promise<string> {
    const server = this.launch(...options);
    let said = '';
    server.stdout?.on('data', (text: string) => (said += text));
    await eventually(() => READY.test(said) || server.exitCode !== null, READY_MS);
    if (!READY.test(said)) throw new Error(`the quickstart did not stay up: ${JSON.stringify(await this.#ended)}`);
    return said;
  }

  async end(signal: NodeJS.Signals): Promise<Outcome> {
    if (!this.#server || !this.#ended) throw new Error('it does not run');
    this.#server.kill(signal);
    return this.#ended;
  }

  file(name: string): string {
    return path.join(this.dir, '.chancery', name);
  }

  get state(): State {
    return JSON.parse(readFileSync(this.file('quickstart.json'), 'utf8')) as State;
  }

  /** What no program may print, no file and no table may hold. */
  get realKey(): string {
    return readFileSync(this.file('demo-key'), 'utf8');
  }

  /** Every secret that the state file holds. */
  get secrets(): string[] {
    const { opsKey, tenantKey, member, staff, agents } = this.state;
    const people = [member, staff].flatMap((person) => [person.password, person.totpSecret]);
    return [this.realKey, opsKey, tenantKey, ...people, ...Object.values(agents).map((agent) => agent.apiKey)];
  }

  /** Where PostgreSQL keeps its files: root’s lie elsewhere when its user cannot enter here. */
  get dataDir(): string {
    const pointer = this.file('postgres/location');
    return path.join(existsSync(pointer) ? readFileSync(pointer, 'utf8').trim() : this.file('postgres'), 'data');
  }

  /** The process id of its PostgreSQL, while that runs. */
  get postgres(): number | undefined {
    try {
      const pid = Number(readFileSync(path.join(this.dataDir, 'postmaster.pid'), 'utf8').split('\n')[0]);
      return isAlive(pid) ? pid : undefined;
    } catch {
      return undefined;
    }
  }

  /** Ends what still runs and leaves nothing on the disk. */
  async dispose(): Promise<void> {
    if (this.#server?.exitCode === null) await this.end('SIGTERM');
    const { postgres, dataDir } = this;
    if (postgres !== undefined) process.kill(postgres, 'SIGKILL');
    if (dataDir.startsWith('/var/lib/chancery-embedded/')) await rm(path.dirname(dataDir), REMOVED);
    await rm(this.dir, REMOVED);
  }
}
