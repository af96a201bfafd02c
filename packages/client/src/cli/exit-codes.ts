/** Exit codes of `chancery`; `audit verify` has 2, 3 and 4 besides. 64, 69, 75, 77 as in sysexits.h. */
export const EXIT = {
  ok: 0,
  refused: 1,
  usage: 64,
  unreachable: 69,
  pending: 75,
  notPermitted: 77,
  interrupted: 130,
} as const;
