import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { EmbeddedCluster } from '../../../src/platform/database/embedded-cluster.js';
import { ownPort } from '../own-ports.js';
import { readPidFile } from '../../../src/platform/database/embedded/postmaster.js';
import { clusterHome } from '../../../src/platform/database/embedded/home.js';
import { serverUser } from '../../../src/platform/database/embedded/server-user.js';
import { asSuperuser } from '../database.js';
import { freshCluster } from '../fresh-cluster.js';

const DATABASE = 'chancery';
/** Every file a start after a crash would flush by itself, the kernel flushes at once, where it can. */
const FLUSH_AT_ONCE = process.platform === 'linux' ? ['-c', 'recovery_init_sync_method=syncfs'] : [];
const FLAGS = ['-c', 'max_connections=150', ...FLUSH_AT_ONCE];
const START_AGAIN_WITHIN_MS = 120_000;

/** A cluster on a port of its own that may be killed, paused and started again; nobody else's tests are on it. */
export class MortalCluster {
  readonly dataDir: string;
  #isPaused = false;

  private constructor(
    private readonly dir: string,
    private readonly port: number,
    private server: EmbeddedCluster,
  ) {
    this.dataDir = clusterHome(dir, serverUser(), () => undefined).dataDir;
  }

  static async create(dir: string): Promise<MortalCluster> {
    const port = await ownPort();
    await freshCluster(dir);
    const made = new MortalCluster(dir, port, await EmbeddedCluster.start({ dir, port, flags: FLAGS }));
    await asSuperuser(made.server.adminUrl, (admin) => admin.query(`create database ${DATABASE}`));
    return made;
  }

  /** The superuser's way into the one database. */
  get adminUrl(): string {
    const url = new URL(this.server.adminUrl);
    url.pathname = `/${DATABASE}`;
    return url.href;
  }

  get #pid(): number {
    const pid = readPidFile(this.dataDir)?.pid;
    if (pid === undefined) throw new Error('the cluster does not run');
    return pid;
  }

  /** `postmaster`: its backends see that it is gone and end. `all`: every process of the server at once. */
  async kill(what: 'postmaster' | 'all'): Promise<void> {
    const backends = what === 'all' ? this.#backends() : [];
    for (const pid of [this.#pid, ...backends]) send(pid, 'SIGKILL');
    await this.server.stop();
  }

  /** Every process of the server stands still, connections stay open, nothing is answered. */
  pause(): void {
    // The postmaster first: it would start others.
    send(this.#pid, 'SIGSTOP');
    for (const pid of this.#backends()) send(pid, 'SIGSTOP');
    this.#isPaused = true;
  }

  resume(): void {
    for (const pid of [this.#pid, ...this.#backends()]) send(pid, 'SIGCONT');
    this.#isPaused = false;
  }

  /** Each is a session of its own, so that no signal to a group reaches them. */
  #backends(): number[] {
    return childrenOf(this.#pid);
  }

  stop(): Promise<void> {
    return this.server.stop();
  }

  /** On the same port. What a killed postmaster left behind may hold its memory for a moment. */
  async startAgain(): Promise<void> {
    for (const end = Date.now() + START_AGAIN_WITHIN_MS; ; await sleep(50)) {
      try {
        this.server = await EmbeddedCluster.start({ dir: this.dir, port: this.port, flags: FLAGS });
        return;
      } catch (error) {
        if (Date.now() > end) throw error;
      }
    }
  }

  async remove(): Promise<void> {
    if (this.#isPaused) this.resume();
    await this.server.stop();
    await EmbeddedCluster.remove(this.dir);
  }
}

function childrenOf(parent: number): number[] {
  const listed = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).stdout;
  const pairs = listed.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  return pairs.filter(([, ppid]) => ppid === parent).map(([pid]) => Number(pid));
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
