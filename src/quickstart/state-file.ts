import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** Somebody who can sign in as a person. */
export interface DemoPerson {
  readonly tenant: string;
  readonly email: string;
  readonly password: string;
  /** Base32, as in the URI. */
  readonly totpSecret: string;
  readonly otpauthUri: string;
}

/** `.chancery/quickstart.json`: what people and scripts go on from. It holds every key of the demonstration. */
export interface QuickstartState {
  readonly warning: string;
  readonly tenantUrl: string;
  readonly publicUrl: string;
  readonly opsUrl: string;
  readonly opsKey: string;
  readonly tenantId: string;
  readonly tenantKey: string;
  readonly member: DemoPerson;
  readonly staff: DemoPerson;
  readonly agents: Readonly<Record<string, { readonly id: string; readonly apiKey: string; readonly tier: string }>>;
  readonly credential: string;
  readonly upstreamUrl: string;
  /** The embedded superuser’s. */
  readonly databaseUrl: string;
}

export const WARNING =
  'A demonstration: whoever can read this file has every key in it. Do not use it for anything real.';

/** The folder everything of the quickstart lives in. */
export class QuickstartFolder {
  constructor(readonly dir: string) {}

  path(name: string): string {
    return path.join(this.dir, name);
  }

  async read(): Promise<QuickstartState | null> {
    try {
      return JSON.parse(await readFile(this.path('quickstart.json'), 'utf8')) as QuickstartState;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw new Error(`${this.path('quickstart.json')} cannot be read; start over with -- --reset`, { cause: error });
    }
  }

  async write(state: QuickstartState): Promise<void> {
    await mkdir(this.dir, { recursive: true });
    const draft = this.path('quickstart.json.new');
    await writeFile(draft, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
    await rename(draft, this.path('quickstart.json'));
  }
}
