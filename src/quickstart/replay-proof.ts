import { DpopKey } from '@chancery/client/dpop-key.js';
import { header, HttpClient, type HttpRequest } from '@chancery/client/http.js';
import { UPSTREAM_HOST } from './demo-upstream.js';
import { textOf } from '@chancery/client/http-answer.js';
import type { QuickstartState } from './state-file.js';

/** Sends one request twice, byte for byte, as somebody who recorded it would. */
export async function replayProof(state: QuickstartState): Promise<string> {
  const http = new HttpClient({ baseUrl: state.tenantUrl });
  const key = DpopKey.generate();
  let nonce: string | undefined;
  const prove = (request: HttpRequest, accessToken?: string): Promise<string> =>
    key.proof({ method: request.method, url: http.url(request), nonce, accessToken, now: new Date() });
  const remember = (answer: Awaited<ReturnType<HttpClient['send']>>) => {
    nonce = header(answer.headers, 'dpop-nonce') ?? nonce;
    return answer;
  };
  try {
    const agent = state.agents['scribe'] as { id: string; apiKey: string };
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: agent.id,
      client_secret: agent.apiKey,
    });
    const form = { method: 'POST', path: '/oauth/token', body: body.toString() };
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    remember(await http.send({ ...form, headers: { ...headers, dpop: await prove(form) } }));
    const answer = remember(await http.send({ ...form, headers: { ...headers, dpop: await prove(form) } }));
    const token = (JSON.parse(textOf(answer)) as { access_token: string }).access_token;

    const request = {
      method: 'GET',
      url: `https://${UPSTREAM_HOST}/v1/hello`,
      headers: { authorization: 'Bearer {{CREDENTIAL}}' },
    };
    const call = {
      method: 'POST',
      path: `/v1/credentials/${state.credential}/execute`,
      json: { purpose: 'quickstart', request },
    };
    const recorded = { ...call, headers: { authorization: `DPoP ${token}`, dpop: await prove(call, token) } };
    const first = await http.send(recorded);
    const second = await http.send(recorded);
    const { code } = JSON.parse(textOf(second)) as { code?: string };
    return `${first.status}, then ${second.status} ${code}`;
  } finally {
    await http.close();
  }
}
