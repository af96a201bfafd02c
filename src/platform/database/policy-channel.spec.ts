import { concernsPlatform, tenantNamed } from './policy-channel.js';

test('a notification names a tenant, or is not one of ours', () => {
  expect(tenantNamed('0198a0000000700080000000000000ab')).toBe('0198a000-0000-7000-8000-0000000000ab');
  for (const odd of ['', 'x', '0198A0000000700080000000000000AB', `${'0'.repeat(32)}0`, `${'0'.repeat(32)}\n`])
    expect(tenantNamed(odd)).toBeNull();
});

test('the platform is concerned by its own changes, and by a deafness that may have hidden one', () => {
  expect(concernsPlatform(tenantNamed('0'.repeat(32)))).toBe(true);
  expect(concernsPlatform(null)).toBe(true);
  expect(concernsPlatform('0198a000-0000-7000-8000-0000000000ab')).toBe(false);
});
