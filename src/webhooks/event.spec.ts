import { EVENT_TYPES, eventIdOf, eventTypeOf } from '../audit/notable.js';
import { eventBody, eventIdText, subscribes } from './event.js';

const stored = {
  hash: `0123456789abcdef0123456789abcdef${'f'.repeat(32)}`,
  entry: {
    v: 1 as const,
    tenant: 'ten_0',
    seq: 7,
    at: '2026-11-22T08:00:00.000Z',
    actor: 'agent:agt_1',
    action: 'credential.redacted',
    outcome: 'success',
    details: { intent: 6, count: 2, places: ['body'], url: 'https://a.test/private', jti: 'x' },
    salt: '',
    prev: '',
  },
};

test('an event tells what was named to be told, and nothing else of its entry', () => {
  expect(JSON.parse(eventBody(stored))).toEqual({
    type: 'credential.redacted',
    timestamp: '2026-11-22T08:00:00.000Z',
    data: {
      tenant: 'ten_0',
      actor: 'agent:agt_1',
      action: 'credential.redacted',
      outcome: 'success',
      details: { intent: 6, count: 2, places: ['body'] },
      audit: { seq: 7, hash: stored.hash },
    },
  });
});

test('its id is the beginning of its entry’s hash', () => {
  expect(eventIdText(stored)).toBe('evt_0123456789abcdef0123456789abcdef');
  expect(eventIdOf(stored.hash)).toBe('01234567-89ab-cdef-0123-456789abcdef');
});

test('every type has an action, and a use has none', () => {
  const actions = ['brake.activate', 'brake.clear', 'agent.anomaly', 'approval.requested', 'approval.refused'];
  actions.push('agent.demoted', 'credential.redacted', 'audit.verification_failed');
  expect(new Set(actions.map(eventTypeOf))).toEqual(new Set(EVENT_TYPES));
  for (const action of ['credential.use', 'credential.use.outcome', 'constructor', 'toString'])
    expect(eventTypeOf(action)).toBeUndefined();
});

test('"*" is all events', () => {
  expect([subscribes(['*'], 'brake.cleared'), subscribes(['brake.cleared'], 'brake.activated')]).toEqual([true, false]);
});
