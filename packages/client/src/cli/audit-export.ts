import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { access, open, rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Cli } from './cli.js';
import { CliError, usage } from './cli-error.js';

const PROGRESS_EVERY_BYTES = 8 * 1024 * 1024;
const TAIL_BYTES = 512;

type Sink = { write: (chunk: Uint8Array) => Promise<unknown> };

/** Streams the chain out. A stream without its last line was cut: the file is not kept, the exit code says so. */
export async function exportAudit(cli: Cli, options: { ops?: boolean; out?: string; force?: boolean }): Promise<void> {
  const out = options.out === undefined ? undefined : resolve(cli.io.cwd, options.out);
  if (out !== undefined && !options.force && (await exists(out))) {
    throw usage(`${out} exists already`, 'choose another name, or say --force');
  }
  const connection = await cli.connect(options.ops ? 'ops' : 'tenant');
  const { body } = await connection.stream({ method: 'GET', path: '/v1/audit/export' });
  const bytes = out === undefined ? await pump(cli, body, stdoutSink(cli)) : await pumpToFile(cli, body, out);
  if (out !== undefined) cli.out.result({ file: out, bytes }, () => cli.out.line(`wrote ${out} (${bytes} bytes)`));
}

async function pumpToFile(cli: Cli, body: ReadableStream<Uint8Array>, out: string): Promise<number> {
  const temporary = `${out}.${randomBytes(6).toString('hex')}`;
  const file = await open(temporary, 'wx', 0o600).catch(() => {
    throw usage(`${out} cannot be written`, 'choose another folder');
  });
  try {
    const bytes = await pump(cli, body, { write: (chunk) => file.writeFile(chunk) });
    await file.sync();
    await rename(temporary, out);
    return bytes;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

async function pump(cli: Cli, body: ReadableStream<Uint8Array>, sink: Sink): Promise<number> {
  let bytes = 0;
  let told = 0;
  let tail = Buffer.alloc(0);
  try {
    for await (const chunk of body) {
      await sink.write(chunk);
      bytes += chunk.length;
      tail = Buffer.concat([tail, chunk]).subarray(-TAIL_BYTES);
      if (bytes - told >= PROGRESS_EVERY_BYTES) {
        told = bytes;
        cli.out.note(`${Math.round(bytes / 1024 / 1024)} MiB …`);
      }
    }
  } catch {
    throw cut();
  }
  if (!endsWell(tail.toString('utf8'))) throw cut();
  return bytes;
}

function endsWell(tail: string): boolean {
  const last = tail.trimEnd().split('\n').at(-1) ?? '';
  return /"kind"\s*:\s*"end"/.test(last) && last.endsWith('}');
}

const cut = () => new CliError('export_cut', 'the export ended early', 'run it again');

function stdoutSink(cli: Cli): Sink {
  const { stdout } = cli.io;
  return {
    write: async (chunk) => {
      if (!stdout.write(chunk)) await once(stdout, 'drain');
    },
  };
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
