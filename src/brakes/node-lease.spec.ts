import fc from 'fast-check';
import { LEASE_MS, NodeLease } from './node-lease.js';

function leaseAt() {
  const time = { monotonic: 1_000, wall: 1_700_000_000_000 };
  const lease = new NodeLease({ monotonic: () => time.monotonic, wall: () => time.wall });
  const pass = (ms: number): void => {
    time.monotonic += ms;
    time.wall += ms;
  };
  return { time, lease, pass };
}

test('a node that never asked holds nothing', () => {
  expect(leaseAt().lease.holds).toBe(false);
});

test('P4: a lease counts from before the question was sent, however long the answer took', () => {
  fc.assert(
    fc.property(fc.nat(3 * LEASE_MS), fc.nat(3 * LEASE_MS), (answerMs, laterMs) => {
      const { lease, pass } = leaseAt();
      const sentAt = lease.now();
      pass(answerMs);
      lease.renew(sentAt);
      pass(laterMs);
      expect(lease.holds).toBe(answerMs + laterMs < LEASE_MS);
    }),
  );
});

test('a wall clock set forward ends a lease, one set back does not lengthen it', () => {
  const { time, lease, pass } = leaseAt();
  lease.renew(lease.now());
  time.wall += 300_000;
  expect(lease.holds).toBe(false);
  lease.renew(lease.now());
  time.wall -= 600_000;
  expect(lease.holds).toBe(true);
  pass(LEASE_MS);
  expect(lease.holds).toBe(false);
});

test('a lease that was given up is over', () => {
  const { lease } = leaseAt();
  lease.renew(lease.now());
  lease.giveUp();
  expect(lease.holds).toBe(false);
});
