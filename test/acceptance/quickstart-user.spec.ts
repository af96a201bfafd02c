import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { Demonstration } from './support/demonstration.js';
import { QUICKSTART } from './support/program.js';

jest.setTimeout(300_000);

const NOBODY = { uid: 65_534, gid: 65_534 };
/** Only root can become somebody else, and only where the checkout lies open. */
const canBeNobody =
  process.getuid?.() === 0 && spawnSync('test', ['-r', QUICKSTART[1]], { ...NOBODY, cwd: '/' }).status === 0;

(canBeNobody ? describe : describe.skip)('as nobody', () => {
  test('a user without any rights has the same demonstration', async () => {
    const demonstration = new Demonstration(NOBODY);
    try {
      const told = await demonstration.tell('--exit');
      expect(told).toMatchObject({ code: 0, stderr: '' });
      expect(told.stdout).not.toContain('✗');
      expect(statSync(demonstration.file('quickstart.json')).uid).toBe(NOBODY.uid);
      expect(demonstration.dataDir).toContain(demonstration.dir);
      expect(demonstration.postgres).toBeUndefined();
    } finally {
      await demonstration.dispose();
    }
  });
});
