import { CallCut, InFlightCalls } from './in-flight.js';

const LABELS = { tenantId: 't1', agentId: 'a1', sessionId: 's1', credentialId: 'c1' };

test('a cut ends exactly the calls that carry all its labels, and says how many', () => {
  const calls = new InFlightCalls();
  const one = calls.open(LABELS);
  const otherAgent = calls.open({ ...LABELS, agentId: 'a2' });
  const otherTenant = calls.open({ ...LABELS, tenantId: 't2' });

  expect(calls.cut({ tenantId: 't1', agentId: 'a1' }, 'brake')).toBe(1);
  expect(one.signal.reason).toEqual(new CallCut('brake'));
  expect([otherAgent, otherTenant].map(({ signal }) => signal.aborted)).toEqual([false, false]);
  expect(calls.cut({ tenantId: 't1', agentId: 'a1' }, 'brake')).toBe(0);
});

test('a cut without labels ends every call', () => {
  const calls = new InFlightCalls();
  const open = [calls.open(LABELS), calls.open({ ...LABELS, tenantId: 't2' })];
  expect(calls.cut({}, 'seal')).toBe(2);
  expect(open.every(({ signal }) => signal.aborted)).toBe(true);
  expect(calls.size).toBe(0);
});

test('a closed call is past cutting, and closing twice is harmless', () => {
  const calls = new InFlightCalls();
  const call = calls.open(LABELS);
  call.close();
  call.close();
  expect(calls.cut({}, 'shutdown')).toBe(0);
  expect(call.signal.aborted).toBe(false);
});
