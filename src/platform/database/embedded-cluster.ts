import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { locateBinaries } from './embedded/binaries.js';
import { clusterHome, ensureData, readOwner } from './embedded/home.js';
import { freePort, launch } from './embedded/launch.js';
import { endOrphan, stopServer } from './embedded/postmaster.js';
import { serverUser } from './embedded/server-user.js';

const PORT_ATTEMPTS = 3;

export type EmbeddedClusterOptions = {
  /** Holds the data, the superuser's password and what else the cluster remembers. */
  dir: string;
  /** Default: a free one. */
  port?: number;
  log?: (line: string) => void;
  /** Further arguments of `postgres`, such as `-c`, `work_mem=8MB`. */
  flags?: string[];
};

/** A real PostgreSQL of our own, on loopback, for the quickstart, for development and for tests. */
export class EmbeddedCluster {
  #stopping: Promise<void> | undefined;

  private constructor(
    /** The superuser's connection string. */
    readonly adminUrl: string,
    readonly port: number,
    private readonly server: ChildProcess,
  ) {
    process.once('exit', this.#stopAtExit);
  }

  /** Makes the cluster at the first start; later starts go on with the same data and the same password. */
  static async start(options: EmbeddedClusterOptions): Promise<EmbeddedCluster> {
    const log = options.log ?? (() => undefined);
    const user = serverUser();
    const home = clusterHome(options.dir, user, log);
    const binaries = await locateBinaries(user, log);
    const password = await ensureData(home, binaries, user);
    await endOrphan(home.dataDir, readOwner(home), log);

    for (let attempt = 1; ; attempt++) {
      const port = options.port ?? (await freePort());
      try {
        const server = await launch({ home, binaries, user, log, port, flags: options.flags ?? [] });
        return new EmbeddedCluster(`postgres://postgres:${password}@127.0.0.1:${port}/postgres`, port, server);
      } catch (error) {
        // Somebody else may take a free port between our look and the server's.
        const taken = error instanceof Error && error.message.includes('could not bind');
        if (!taken || options.port !== undefined || attempt === PORT_ATTEMPTS) throw error;
      }
    }
  }

  /** Deletes everything a cluster in `dir` left, wherever it lies. Refuses while it is in use. */
  static async remove(dir: string): Promise<void> {
    if (!existsSync(dir)) return;
    const home = clusterHome(dir, serverUser(), () => undefined);
    await endOrphan(home.dataDir, readOwner(home), () => undefined);
    await rm(path.dirname(home.dataDir), { recursive: true, force: true });
    await rm(dir, { recursive: true, force: true });
  }

  /** Ends open connections and waits until the server is gone. May be called any number of times. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    process.off('exit', this.#stopAtExit);
    if (this.server.exitCode !== null || this.server.signalCode !== null || !this.server.pid) return;
    await stopServer(this.server.pid);
  }

  readonly #stopAtExit = (): void => {
    this.server.kill('SIGINT');
  };
}
