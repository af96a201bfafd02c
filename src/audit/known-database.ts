import { z } from 'zod';
import { readPrivateFile, replacePrivateFile } from '../platform/crypto/private-file.js';
import { databaseIdentity, type DatabaseIdentity } from '../platform/database/database-identity.js';

const FILE_BYTES_MAX = 16_777_216;

const content = databaseIdentity.extend({
  /** Tenants that were signed for and are not in the database any more; a person was told. */
  gone: z.array(z.string()),
});

export interface KnownDatabase extends DatabaseIdentity {
  readonly gone: readonly string[];
}

/** Which database the last start found, in a file next to the checkpoints: what stands in a backup would be restored with it. */
export class KnownDatabaseFile {
  constructor(private readonly file: string) {}

  /** Null before the first start. A damaged file is an error: it must not pass for a first start. */
  async read(): Promise<KnownDatabase | null> {
    try {
      return content.parse(JSON.parse((await readPrivateFile(this.file, FILE_BYTES_MAX)).toString('utf8')));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw new Error(`${this.file} cannot be read: ${(error as Error).message}`, { cause: error });
    }
  }

  async write(known: KnownDatabase): Promise<void> {
    const { system, timeline, gone } = known;
    await replacePrivateFile(this.file, Buffer.from(`${JSON.stringify({ system, timeline, gone })}\n`));
  }
}
