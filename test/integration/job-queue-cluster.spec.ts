import { pino } from 'pino';
import { JobQueue } from '../../src/platform/queue/job-queue.js';
import { ownPort } from '../support/own-ports.js';
import { eventually } from '../support/eventually.js';
import { MortalRedis, REDIS_SERVER } from '../support/mortal-redis.js';

jest.setTimeout(180_000);

const NODES = 3;
const SLOTS = 16_384;
const OPTIONS = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '15000'];

/** Masters that share the slots among them, on loopback. */
async function startCluster(): Promise<MortalRedis[]> {
  // By itself a node's bus listens ten thousand above its port, where the kernel may have given that to somebody else.
  const buses: string[] = [];
  for (let i = 0; i < NODES; i += 1) buses.push(String(await ownPort()));
  const nodes = await Promise.all(buses.map((bus) => MortalRedis.start(...OPTIONS, '--cluster-port', bus)));
  const [first] = nodes as [MortalRedis];
  for (const [i, node] of nodes.entries()) {
    const [from, to] = [i, i + 1].map((n) => Math.floor((n * SLOTS) / NODES)) as [number, number];
    await node.ask((redis) => redis.call('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1)));
    await node.ask((redis) => redis.call('CLUSTER', 'ADDSLOTSRANGE', String(from), String(to - 1)));
    await node.ask((redis) => redis.call('CLUSTER', 'MEET', '127.0.0.1', String(first.port), String(buses[0])));
  }
  const whole = async (): Promise<boolean> => {
    const told = await Promise.all(nodes.map((node) => node.ask((redis) => redis.call('CLUSTER', 'INFO'))));
    return told.every((info) => /cluster_state:ok/.test(String(info)) && /known_nodes:3/.test(String(info)));
  };
  await eventually(whole, (isWhole) => isWhole);
  return nodes;
}

(REDIS_SERVER ? describe : describe.skip)('a Redis Cluster of three', () => {
  let nodes: MortalRedis[] = [];
  let queue: JobQueue;
  let runs = 0;
  beforeAll(async () => {
    nodes = await startCluster();
    // Told of one node only, and most likely not of the one that has our slot.
    queue = new JobQueue({ log: pino({ level: 'silent' }), watchMs: 300, redisUrl: nodes[0]?.url ?? '' });
    queue.schedule('count', { everyMs: 200 }, async () => void runs++);
    await queue.start();
  });
  afterAll(async () => {
    await queue?.stop();
    for (const node of nodes) await node.close();
  });

  const keysOf = (node: MortalRedis) => node.ask((redis) => redis.keys('*'));
  const expectGoingOn = async (): Promise<void> => {
    const before = runs;
    await eventually(
      () => runs,
      (now) => now >= before + 3,
    );
    await eventually(
      () => queue.health().ready,
      (ready) => ready,
    );
  };

  test('jobs run, and every key stands on one node, under one prefix', async () => {
    await expectGoingOn();
    const keys = await Promise.all(nodes.map(keysOf));
    expect(keys.filter(({ length }) => length > 0)).toHaveLength(1);
    expect(keys.flat().filter((key) => !key.startsWith('{chancery}:'))).toEqual([]);
  });

  test('P15: jobs go on after every node has lost everything', async () => {
    for (const node of nodes) await node.ask((redis) => redis.flushall());
    await expectGoingOn();
  });

  test('P15: jobs go on after every connection was ended', async () => {
    for (const node of nodes)
      await node.ask((redis) => redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'));
    await expectGoingOn();
  });
});
