import { Session } from 'node:inspector/promises';

/** Collects everything of this process that nothing refers to. */
export async function collectGarbage(): Promise<void> {
  const session = new Session();
  session.connect();
  try {
    for (let time = 0; time < 2; time += 1) await session.post('HeapProfiler.collectGarbage');
  } finally {
    session.disconnect();
  }
}
