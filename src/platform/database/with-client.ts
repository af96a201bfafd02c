import { Client, type ClientConfig } from 'pg';

/**
 * Lends `work` one connection of its own and ends it after. A connection that is lost while nothing is asked of it
 * is no fault by itself: the next question says so.
 */
export async function withClient<T>(config: ClientConfig, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(config);
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
