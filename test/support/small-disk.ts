import { spawnSync } from 'node:child_process';
import { chmodSync, closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const PIECE = Buffer.alloc(65_536, 1);

/** A file system of a few megabytes, which root may have; elsewhere there is none, and the spec says so. */
export class SmallDisk {
  private constructor(readonly dir: string) {}

  static mount(megabytes: number): SmallDisk | null {
    const dir = mkdtempSync(path.join(tmpdir(), 'chancery-disk-'));
    const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0711`, 'tmpfs', dir]);
    if (status === 0) return new SmallDisk(dir);
    rmSync(dir, { recursive: true });
    return null;
  }

  get #ballast(): string {
    return path.join(this.dir, 'ballast');
  }

  /** To the last byte. */
  fill(): void {
    const file = openSync(this.#ballast, 'a');
    try {
      for (let piece = PIECE; piece.length > 0; piece = piece.subarray(0, piece.length >> 1)) {
        while (wrote(file, piece)) continue;
      }
    } finally {
      closeSync(file);
    }
    chmodSync(this.#ballast, 0o600);
  }

  free(): void {
    rmSync(this.#ballast, { force: true });
  }

  unmount(): void {
    spawnSync('umount', ['-l', this.dir]);
    rmSync(this.dir, { recursive: true, force: true });
  }
}

function wrote(file: number, piece: Buffer): boolean {
  try {
    return writeSync(file, piece) === piece.length;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false;
    throw error;
  }
}
