import type { IncomingMessage } from 'node:http';
import { setCaller } from './caller.js';
import { rateLimited } from './http.errors.js';
import { ProblemError } from './problem.js';
import { COUNTED_MAX, type Refused, Refusals } from './refusals.js';

const tenantId = 'tenant';
const limited = rateLimited(1).spec;
const unauthenticated = { code: 'unauthenticated', status: 401, title: '' };

function requestOf(principalId?: string) {
  const request = { raw: {} as IncomingMessage };
  if (principalId !== undefined) setCaller(request, { tenantId, principalId });
  return request;
}

const shown = (refused: readonly Refused[]) => refused.map(({ caller, code, count }) => [caller, code, count]);

test('what signed nobody in is counted by its code, a principal past its rate by who it is', () => {
  const refusals = new Refusals();
  for (let i = 0; i < 3; i += 1) refusals.note(unauthenticated, requestOf());
  refusals.note(limited, requestOf());
  for (let i = 0; i < 2; i += 1) refusals.note(limited, requestOf('agent:a'));
  refusals.note(limited, requestOf('agent:b'));
  expect(shown(refusals.take())).toEqual([
    [null, 'unauthenticated', 3],
    [null, 'rate_limited', 1],
    [{ tenantId, principalId: 'agent:a' }, 'rate_limited', 2],
    [{ tenantId, principalId: 'agent:b' }, 'rate_limited', 1],
  ]);
  expect(refusals.take()).toEqual([]);
  // Whoever counts on gets the numbers since the start.
  expect([...refusals.unauthenticated]).toEqual([
    ['unauthenticated', 3],
    ['rate_limited', 1],
  ]);
  expect([...refusals.suppressed]).toEqual([['agent', 3]]);
});

test('a proof that was used up is counted for nobody, whoever seems to have sent it', () => {
  const refusals = new Refusals();
  refusals.note({ code: 'invalid_dpop_proof', status: 401, title: '' }, requestOf('agent:a'));
  expect(shown(refusals.take())).toEqual([[null, 'invalid_dpop_proof', 1]]);
});

test('a challenge, a limit with a denial of its own and every other failure are not counted', () => {
  const refusals = new Refusals();
  refusals.note({ code: 'use_dpop_nonce', status: 401, title: '', isChallenge: true }, requestOf());
  refusals.note({ code: 'limit_reached', status: 429, title: '' }, requestOf('agent:a'));
  refusals.note(new ProblemError({ code: 'forbidden', status: 403, title: '' }).spec, requestOf('agent:a'));
  refusals.note({ code: 'over_capacity', status: 503, title: '' }, requestOf());
  expect(refusals.take()).toEqual([]);
});

test('P20: past the bound, whoever else there is is counted together', () => {
  const refusals = new Refusals();
  for (let i = 0; i < COUNTED_MAX + 10; i += 1) refusals.note(limited, requestOf(`agent:${i}`));
  refusals.note(limited, requestOf('agent:0'));
  refusals.note(unauthenticated, requestOf());
  const taken = refusals.take();
  expect(taken).toHaveLength(COUNTED_MAX + 2);
  expect(taken[0]?.count).toBe(2);
  expect(shown(taken.slice(COUNTED_MAX))).toEqual([
    ['others', 'rate_limited', 10],
    [null, 'unauthenticated', 1],
  ]);
});

test('what is put back is counted on, since when it was first counted', () => {
  const refusals = new Refusals();
  refusals.count('unauthenticated');
  refusals.putBack(refusals.take(), 1_000);
  refusals.count('unauthenticated');
  refusals.putBack(refusals.take(), 2_000);
  refusals.count('unauthenticated');
  expect(refusals.take()).toEqual([{ caller: null, code: 'unauthenticated', count: 3, sinceMs: 1_000 }]);
});
