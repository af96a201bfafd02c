import type { Io } from './io.js';
import type { Output } from './output.js';
import type { Profile, StoredSession, Surface } from './profile.js';
import type { Terminal } from './terminal.js';

/** What signing in needs of a run. */
export type Context = {
  readonly io: Io;
  readonly out: Output;
  readonly terminal: Terminal;
  readonly profile: Profile;
  /** Keeps a session, here and in profiles.json; undefined forgets it. */
  keepSession: (surface: Surface, session: StoredSession | undefined) => Promise<void>;
};
