import { AppModule } from './app.module.js';
import { openApiOf, openApiText } from './platform/http/openapi.js';

export const file = 'openapi.json';

/** The whole API; the address is never looked at, because nothing is started. */
export async function generate(): Promise<string> {
  return openApiText(await openApiOf(AppModule.at({ host: 'nowhere', port: 0, database: 'none', ssl: false })));
}
