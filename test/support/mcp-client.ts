import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { DpopAgent } from './dpop-agent.js';

/** The official client; all it has to be taught is the proof. The agent has a token, and has seen a nonce. */
export async function connectMcp(as: DpopAgent): Promise<Client> {
  const prove = async (input: string | URL, init?: RequestInit): Promise<Response> => {
    const method = init?.method ?? 'GET';
    const dpop = await as.proof({ htm: method, htu: String(input), accessToken: as.accessToken ?? '' });
    const headers = new Headers(init?.headers);
    headers.set('authorization', `DPoP ${as.accessToken}`);
    headers.set('dpop', dpop);
    const answer = await fetch(input, { ...init, headers });
    as.nonce = answer.headers.get('dpop-nonce') ?? as.nonce;
    return answer;
  };
  const transport = new StreamableHTTPClientTransport(new URL(`${as.base}/mcp`), { fetch: prove });
  const made = new Client({ name: 'a test', version: '1' });
  await made.connect(transport);
  return made;
}
