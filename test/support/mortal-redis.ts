import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { ownPort } from './own-ports.js';
import { eventually } from './eventually.js';

/** Where redis-server is; without one, what needs it is skipped. */
export const REDIS_SERVER = process.env.CHANCERY_TEST_REDIS_SERVER;

/** A Redis of a spec's own, which it may flush and kill. */
export class MortalRedis {
  #child: ChildProcess | undefined;
  readonly #dir = mkdtempSync(path.join(tmpdir(), 'redis-'));

  private constructor(
    readonly port: number,
    private readonly more: readonly string[],
  ) {}

  static async start(...more: readonly string[]): Promise<MortalRedis> {
    const redis = new MortalRedis(await ownPort(), more);
    await redis.startAgain();
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Without data: what it held was in memory only. */
  async startAgain(): Promise<void> {
    const options = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--dir', this.#dir];
    const policy = ['--maxmemory-policy', 'noeviction'];
    this.#child = spawn(String(REDIS_SERVER), [...options, ...policy, ...this.more], { stdio: 'ignore' });
    await eventually(
      () => this.ask((redis) => redis.ping()).catch(() => ''),
      (pong) => pong === 'PONG',
    );
  }

  async kill(): Promise<void> {
    const gone = this.#child === undefined ? null : once(this.#child, 'exit');
    this.#child?.kill('SIGKILL');
    await gone;
    this.#child = undefined;
  }

  async ask<T>(question: (redis: Redis) => Promise<T>): Promise<T> {
    const redis = new Redis(this.url, { lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => null });
    redis.on('error', () => undefined);
    try {
      await redis.connect();
      return await question(redis);
    } finally {
      redis.disconnect();
    }
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
