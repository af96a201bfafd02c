import type { Chancery as Client } from '@chancery/client/chancery.js';
import { type DemoUpstream, STREAM_PATH, UPSTREAM_HOST } from './demo-upstream.js';
import type { Narrator } from './narrator.js';

const EVENT_END = '\n\n';

/**
 * The API sends its last words only once the first have arrived here, so an answer that somebody gathers before handing it on
 * never ends; and it says the key over two pieces, so that looking at each piece alone would miss it.
 */
export async function tellStream(
  narrator: Narrator,
  { scribe, credential, upstream }: { scribe: Client; credential: string; upstream: DemoUpstream },
): Promise<void> {
  await narrator.step('An answer streams through, word by word', 'event by event', async () => {
    const fetchWithKey = scribe.fetch(credential, { purpose: 'quickstart' });
    const headers = { authorization: 'Bearer {{CREDENTIAL}}' };
    const answer = await fetchWithKey(`https://${UPSTREAM_HOST}${STREAM_PATH}`, { headers });
    let text = '';
    const decoder = new TextDecoder();
    for await (const piece of answer.body ?? []) {
      text += decoder.decode(piece, { stream: true });
      if (text.includes(EVENT_END)) upstream.goOn();
    }
    const events = text.split(EVENT_END).filter(Boolean);
    const redacted = text.includes('[redacted]') && !text.includes(upstream.key);
    return redacted ? `event by event (${events.length}), an echo split in two redacted` : 'the story is wrong';
  });
}
