// Jest's environment of every spec file: what the file makes in the temporary folder goes when the file ends, however it ends.
import { endStores } from './ended-stores.mjs';
import './compiled-once.mjs';
import { chmodSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { TestEnvironment } from 'jest-environment-node';

export default class TempOfFile extends TestEnvironment {
  #before = process.env.TMPDIR;
  #dir;

  constructor(...given) {
    // A socket's path has 107 bytes, so names are short. PostgreSQL may run as another user, who passes through.
    const dir = mkdtempSync(path.join(process.env.CHANCERY_TEST_TEMP ?? tmpdir(), 'f-'));
    chmodSync(dir, 0o711);
    process.env.TMPDIR = dir; // before the specs get their copy of the environment
    super(...given);
    this.#dir = dir;
  }

  async teardown() {
    await super.teardown();
    endStores();
    if (this.#before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = this.#before;
    // A program that was told to end may still write. `rmSync` would not look again at what is in a folder.
    await rm(this.#dir, { recursive: true, force: true, maxRetries: 15, retryDelay: 50 });
  }
}
