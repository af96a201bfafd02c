/** Exit codes of `chancery`. 64, 69, 77 as in sysexits.h. */
export const EXIT = {
  ok: 0,
  refused: 1,
  tampered: 2,
  gap: 3,
  checkpoint: 4,
  usage: 64,
  unreachable: 69,
  notPermitted: 77,
  interrupted: 130,
} as const;
