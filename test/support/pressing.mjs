// The worst of clients: as many calls at once as it is told, and nobody waits between two tries. A process of its own, so
// that what is measured is the server. Reads lines `{"lanes":200,"ms":1000}`, answers each with what it counted.
// node pressing.mjs '{"base":…,"agents":[{"id":…,"apiKey":…}],"path":…,"json":{…}}'
import { createInterface } from 'node:readline';
import { AgentSession } from '../../packages/client/dist/agent-session.js';
import { HttpClient } from '../../packages/client/dist/http.js';

const { base, agents, path, json } = JSON.parse(process.argv[2] ?? '');
const http = new HttpClient({ baseUrl: base, timeoutMs: 60_000 });
const sessions = agents.map(({ id, apiKey }) => new AgentSession({ http, agentId: id, apiKey }));

function kindOf({ status, headers, body }) {
  if (status === 200) return '200';
  if (headers['retry-after'] !== undefined) return `${status} with Retry-After`;
  const { code, error } = JSON.parse(Buffer.from(body).toString() || '{}');
  return `${status} ${code ?? error ?? ''}`.trim();
}

async function press(lanes, ms) {
  const answers = {};
  let slowestMs = 0;
  const began = performance.now();
  const lane = async (_, i) => {
    const session = sessions[i % sessions.length];
    while (performance.now() - began < ms) {
      const asked = performance.now();
      const kind = await session.send({ method: 'POST', path, json }).then(kindOf, ({ code }) => `failed: ${code}`);
      slowestMs = Math.max(slowestMs, performance.now() - asked);
      answers[kind] = (answers[kind] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  // Until the last answer: whoever asked within the time is waited for.
  const perSecond = Math.round(((answers['200'] ?? 0) * 1000) / (performance.now() - began));
  return { answers, perSecond, slowestMs: Math.round(slowestMs) };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { lanes, ms } = JSON.parse(line);
  console.log(JSON.stringify(await press(lanes, ms)));
}
await http.close();
