import { createServer } from 'node:net';
import { holdPorts } from './free-ports.js';

async function isFree(port: number): Promise<boolean> {
  const held = await holdPorts([port]);
  await held.release();
  return held.ports[0] === port;
}

test('held ports are nobody else’s until they are released, and the same are there again', async () => {
  const held = await holdPorts([0, 0, 0]);
  expect(new Set(held.ports).size).toBe(3);
  for (const port of held.ports) expect(port).toBeLessThan(32_768);
  expect(await Promise.all(held.ports.map(isFree))).toEqual([false, false, false]);
  await held.release();
  expect(await Promise.all(held.ports.map(isFree))).toEqual([true, true, true]);
  const again = await holdPorts(held.ports);
  await again.release();
  await again.release();
  expect(again.ports).toEqual(held.ports);
});

test('where one of them is taken, all are exchanged', async () => {
  const before = await holdPorts([0, 0]);
  await before.release();
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(before.ports[1], '127.0.0.1', resolve));
  const held = await holdPorts(before.ports);
  expect(held.ports).not.toContain(before.ports[1]);
  expect(await isFree(before.ports[0] as number)).toBe(true);
  await held.release();
  await new Promise((resolve) => taken.close(resolve));
});
