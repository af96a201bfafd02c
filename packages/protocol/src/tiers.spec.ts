import { DEFAULT_MINIMUM_TIER, FIRST_TIER, isTier, TIER_RULES, TIERS, tierAtLeast } from './tiers.js';

test('the five tiers are those of the protocol', () => {
  const rows = TIERS.map((tier) => Object.values(TIER_RULES[tier]));
  expect(Object.fromEntries(TIERS.map((tier, i) => [tier, rows[i]]))).toEqual({
    NOVICE: [1, 3_600, 5, 0.9, false],
    COMPANION: [5, 14_400, 10, 0.8, false],
    PARTNER: [20, 28_800, 20, 0.7, false],
    GUARDIAN: [null, 43_200, 15, 0.6, false],
    SACRED: [null, 86_400, 3, 0.5, true],
  });
  expect([FIRST_TIER, DEFAULT_MINIMUM_TIER]).toEqual(['NOVICE', 'COMPANION']);
});

test('tiers are ordered', () => {
  const matrix = TIERS.map((held) => TIERS.map((needed) => (tierAtLeast(held, needed) ? 1 : 0)).join(''));
  expect(matrix).toEqual(['10000', '11000', '11100', '11110', '11111']);
});

test('only the five names are tiers, in upper case', () => {
  expect(TIERS.every(isTier)).toBe(true);
  expect(['novice', 'ADMIN', '', 'toString', 'length'].some(isTier)).toBe(false);
});
