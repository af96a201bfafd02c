import { constants } from 'node:fs';
import { type FileHandle, link, lstat, mkdir, open, rename, unlink } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { overCapacity } from '../database/database.errors.js';

const PRIVATE_MODE = 0o600;
const OTHERS_MASK = 0o077;

/** A key file that does not look as it must. The message names the file and what to do, never its content. */
export class PrivateFileError extends Error {
  override readonly name = 'PrivateFileError';
}

/**
 * Creates a file that is either whole and on disk or not there: written under another name, synced, then linked.
 * Throws EEXIST when the name is taken, also when two processes race for it.
 */
export async function createPrivateFile(path: string, data: Uint8Array): Promise<void> {
  const temporary = await writeTemporary(path, data);
  try {
    await link(temporary, path);
  } finally {
    await unlink(temporary);
  }
  await syncDirectory(dirname(path));
}

/** Replaces a file in one step: after a crash there is the old one or the new one. */
export async function replacePrivateFile(path: string, data: Uint8Array): Promise<void> {
  await rename(await writeTemporary(path, data), path);
  await syncDirectory(dirname(path));
}

/** Reads a file only its owner may read. Refuses open modes, foreign symlinks, other kinds of files and large ones. */
export async function readPrivateFile(path: string, bytesMax: number): Promise<Buffer> {
  const named = await lstat(path);
  const us = process.getuid?.() ?? named.uid;
  if (named.isSymbolicLink() && named.uid !== us && named.uid !== 0) {
    throw new PrivateFileError(`${path} is a symbolic link that belongs to another user (uid ${named.uid})`);
  }
  // O_NONBLOCK: opening a FIFO must not hang the start.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw new PrivateFileError(`${path} is not a regular file`);
    if ((stat.mode & OTHERS_MASK) !== 0) {
      const mode = (stat.mode & 0o777).toString(8).padStart(4, '0');
      throw new PrivateFileError(`${path} is open to group or others (mode ${mode}): run chmod 600 ${path}`);
    }
    if (stat.size > bytesMax)
      throw new PrivateFileError(`${path} has ${stat.size} bytes, at most ${bytesMax} expected`);
    return await readAtMost(file, path, bytesMax);
  } finally {
    await file.close();
  }
}

/**
 * Overwrites, syncs and unlinks. On copy-on-write disks the old blocks may outlive the overwrite; what is shredded
 * here is wrapped under a key that is not on the disk.
 */
export async function shredFile(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const { size } = await file.stat();
    await file.write(randomBytes(size), 0, size, 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await unlink(path);
  await syncDirectory(dirname(path));
}

/** Makes a directory and its missing parents, 0700, and syncs the entry of each. */
export async function makePrivateDirectory(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncDirectory(dirname(made));
}

export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** A full disk is not the caller's fault and may pass: 503, and nothing is left behind. */
async function writeTemporary(path: string, data: Uint8Array): Promise<string> {
  try {
    return await writeBeside(path, data);
  } catch (error) {
    const full = ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '');
    throw full ? overCapacity('The disk that holds the keys is full. Nothing was stored.') : error;
  }
}

async function writeBeside(path: string, data: Uint8Array): Promise<string> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(8).toString('hex')}.tmp`);
  const file = await open(temporary, 'wx', PRIVATE_MODE);
  try {
    await file.writeFile(data);
    await file.sync();
  } catch (error) {
    await unlink(temporary);
    throw error;
  } finally {
    await file.close();
  }
  return temporary;
}

async function readAtMost(file: FileHandle, path: string, bytesMax: number): Promise<Buffer> {
  const room = Buffer.alloc(bytesMax + 1);
  let filled = 0;
  while (filled < room.length) {
    const { bytesRead } = await file.read(room, filled, room.length - filled, filled);
    if (bytesRead === 0) return room.subarray(0, filled);
    filled += bytesRead;
  }
  room.fill(0);
  throw new PrivateFileError(`${path} grew past ${bytesMax} bytes while it was read`);
}
