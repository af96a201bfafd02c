import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { CheckpointFile } from '../../src/audit/checkpoint-file.js';
import { Keyring } from '../../src/keys/keyring.js';
import { asSuperuser } from '../support/database.js';
import { newAgent, storeCredential } from '../support/app.js';
import { CrashSite } from '../support/crash/crash-site.js';
import { Inspection } from '../support/crash/inspection.js';
import { type Crew, Traffic } from '../support/crash/traffic.js';
import { eventually } from '../support/eventually.js';
import { SmallDisk } from '../support/small-disk.js';

jest.setTimeout(300_000);

/** It stands still while this process fills a disk. */
const UPSTREAM_MS = 60_000;
const disks: SmallDisk[] = [];
const mounted = (megabytes: number): SmallDisk | null => {
  const disk = SmallDisk.mount(megabytes);
  if (disk !== null) disks.push(disk);
  return disk;
};
const small = mounted(1);
const large = mounted(600);
if (small === null || large === null) process.stderr.write('SKIPPED disk-full: only root may mount a small disk\n');
afterAll(() => disks.forEach((disk) => disk.unmount()));

const record = (seq: number) => ({ tenant: 'ten_1', seq, hash: 'h', at: 'now', note: 'n'.repeat(1_000), key: 'k' });

(small === null || large === null ? describe.skip : describe)('a disk of its own', () => {
  test('P14: a checkpoint that finds no room is refused, harms none before it, and goes in when there is', async () => {
    const disk = small as SmallDisk;
    const file = path.join(disk.dir, 'checkpoints.jsonl');
    const opened = await CheckpointFile.open(file);
    await opened.append([record(1)]);
    disk.fill();
    let written = 1;
    // What is left of the file's last page may take a few more.
    const full = async (): Promise<void> => {
      for (;;) await opened.append([record(written + 1)]).then(() => (written += 1));
    };
    await expect(full()).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(opened.latest('ten_1')?.seq).toBe(written);
    disk.free();
    await opened.append([record(written + 1)]);
    await opened.close();
    const again = await CheckpointFile.open(file);
    const seqs = [];
    for await (const { seq } of await again.of('ten_1')) seqs.push(seq);
    expect(seqs).toEqual(Array.from({ length: written + 1 }, (_, i) => i + 1));
    expect(again.unreadable).toBeLessThanOrEqual(1);
    await again.close();
  });

  test('P14: a key that finds no room is answered 503 and leaves nothing; later there is one', async () => {
    const disk = small as SmallDisk;
    const keyring = new Keyring({ directory: disk.dir });
    const tenant = randomUUID();
    await keyring.create(tenant, 1, Buffer.from('first'));
    disk.fill();
    const refused = { spec: { status: 503, code: 'over_capacity', headers: { 'Retry-After': expect.any(String) } } };
    await expect(keyring.create(tenant, 2, Buffer.from('second'))).rejects.toMatchObject(refused);
    expect(readdirSync(path.join(disk.dir, 'kek', tenant))).toEqual(['1.json']);
    disk.free();
    expect((await keyring.create(tenant, 2, Buffer.from('second'))).toString()).toBe('second');
    expect(await keyring.versions(tenant)).toEqual([1, 2]);
  });

  test('P14: the disk of everything is full: 503 until there is room, and nothing acknowledged is lost', async () => {
    const disk = large as SmallDisk;
    const site = await CrashSite.create({ CHANCERY_JOBS: 'inline' }, disk.dir);
    try {
      const tenant = await site.newTenant();
      const agents = [await newAgent(site, tenant, 'a'), await newAgent(site, tenant, 'b')];
      await storeCredential(tenant, 'key', 'sk-live-0123456789abcdef', { grantTo: agents });
      const crew: Crew = { tenant, agents };
      const traffic = new Traffic([crew], UPSTREAM_MS);
      const unavailable = () => traffic.answers.get('503 database_unavailable') ?? 0;
      try {
        await eventually(
          () => traffic.acknowledged.length,
          (warm) => warm > 8,
        );
        disk.fill();
        // Uses up what the server holds of its write-ahead log, which a quiet system would live on for hours.
        for (let spent = 0; spent < 60 && unavailable() === 0; spent++) {
          await asSuperuser(site.cluster.adminUrl, (admin) => admin.query('select pg_switch_wal()')).catch(
            () => undefined,
          );
        }
        await eventually(unavailable, (count) => count > 0);
      } finally {
        disk.free();
        await site.cluster.stop();
        await site.cluster.startAgain();
        await eventually(
          () => traffic.acknowledged.length,
          (now) => now > 16,
        );
        await traffic.stop();
      }
      const answers = [...traffic.answers].map(([kind, count]) => `${count} × ${kind}`).join(', ');
      process.stderr.write(`  disk full: ${answers}\n`);
      const inspection = new Inspection(site, [crew]);
      expect((await inspection.compare(traffic, false)).faults).toEqual([]);
      expect(await inspection.deeds(traffic.deeds)).toEqual([]);
      expect((await inspection.verify()).faults).toEqual([]);
      expect(site.app.isRunning).toBe(true);
    } finally {
      await site.close();
    }
  });
});
