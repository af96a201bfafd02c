import { PassThrough, Readable, Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Pool } from 'undici';
import { Redaction } from '../src/proxy/redaction/redactor.js';
import { currentNonce, drive, openPool, prepare, type Prepared } from './load.js';
import { machine, median, rounded, table } from './report.js';
import { directCalls, openDirect, startWorld, streamTarget } from './world.js';

export interface RedactionOptions {
  readonly rounds: number;
  /** First bytes waited for on each side in a round. */
  readonly calls: number;
  readonly json: boolean;
}

const SECRETS = ['sk-proj-4f8a1c2e9dAZ_b/c+d==0123456789abcdefXYZ', 'bench@example.com:0123456789abcdefghij'];
const BYTES = 16 * 1_048_576;
const PIECE_BYTES = 65_536;
/** Enough for the compiler to have seen everything. In portions: a proof is good for a minute only. */
const WARM_UP = { rounds: 4, calls: 2_000, inFlight: 32 };
const EVENT = 'data: {"id":"chatcmpl-1","choices":[{"delta":{"content":"hello world \\n and \\"more\\""}}]}\n\n';

/** What passes: text as models write it, with escapes in every event, and text without any. */
const TEXTS = {
  events: piecesOf(EVENT),
  prose: piecesOf('The quick brown fox jumps over the lazy dog. '),
};

function piecesOf(text: string): Buffer[] {
  const piece = Buffer.from(text.repeat(Math.ceil(PIECE_BYTES / text.length))).subarray(0, PIECE_BYTES);
  return Array.from({ length: BYTES / PIECE_BYTES }, () => piece);
}

/** The redacting stream beside a plain pipe; and the first byte of a stream through Chancery beside a direct call. */
export async function benchRedaction(options: RedactionOptions): Promise<void> {
  const rates: Record<string, { plain: number; redacting: number; ratio: number }> = {};
  for (const [name, pieces] of Object.entries(TEXTS)) rates[name] = await throughput(pieces, options.rounds);
  const first = await firstBytes(options);
  if (options.json) return console.log(JSON.stringify({ mb_per_second: rates, first_byte_ms: first }));
  const rows = Object.entries(rates).map(([name, { plain, redacting, ratio }]) => [name, plain, redacting, ratio]);
  console.log(table([['text', 'plain MB/s', 'redacting MB/s', 'ratio'], ...rows]));
  console.log(
    `\nfirst byte: direct ${first.direct} ms, through Chancery ${first.chancery} ms, added ${first.added} ms`,
  );
  console.log(`${options.rounds} rounds, medians; ${options.calls} first bytes a round, one at a time. ${machine()}`);
}

async function throughput(pieces: readonly Buffer[], rounds: number) {
  const redaction = new Redaction(SECRETS.map((secret) => Buffer.from(secret)));
  const sides = { plain: () => new PassThrough(), redacting: () => redactingStream(redaction) };
  const seen: Record<keyof typeof sides, number[]> = { plain: [], redacting: [] };
  for (let round = -1; round < rounds; round += 1) {
    const order = round % 2 === 0 ? (['plain', 'redacting'] as const) : (['redacting', 'plain'] as const);
    for (const side of order) {
      const rate = await passThrough(pieces, sides[side]());
      if (round >= 0) seen[side].push(rate);
    }
  }
  const ratio = median(seen.redacting.map((rate, round) => rate / (seen.plain[round] as number)));
  return {
    plain: rounded(median(seen.plain), 0),
    redacting: rounded(median(seen.redacting), 0),
    ratio: rounded(ratio, 3),
  };
}

async function passThrough(pieces: readonly Buffer[], through: Transform): Promise<number> {
  const from = performance.now();
  await pipeline(Readable.from(pieces), through, new Writable({ write: (_piece, _encoding, done) => done() }));
  return BYTES / 1e6 / ((performance.now() - from) / 1_000);
}

function redactingStream(redaction: Redaction): Transform {
  const redactor = redaction.stream();
  return new Transform({
    transform: (piece: Buffer, _encoding, done) => done(null, redactor.push(piece)),
    flush: (done) => done(null, redactor.flush()),
  });
}

async function firstBytes({ rounds, calls }: RedactionOptions) {
  const world = await startWorld();
  const direct = openDirect(world, 1);
  const through = openPool(world.tenantUrl, 1);
  const crowd = openPool(world.tenantUrl, WARM_UP.inFlight);
  try {
    const tenant = await world.newTenant();
    await world.storeCredential(tenant);
    const agent = await world.newAgent(tenant);
    const asked = async (count = calls): Promise<Prepared[]> => {
      const nonce = await currentNonce(world.tenantUrl);
      const requests = await prepare([agent], streamTarget(world), nonce, count);
      const place = { 'chancery-forward-authorization': 'Bearer {{CREDENTIAL}}' };
      return requests.map((request) => ({ ...request, headers: { ...request.headers, ...place } }));
    };
    const times = { direct: [] as number[], chancery: [] as number[] };
    for (let round = 0; round < WARM_UP.rounds; round += 1)
      await drive(crowd, await asked(WARM_UP.calls), WARM_UP.inFlight);
    for (let round = -1; round < rounds; round += 1) {
      const own = await firstByteMs(through, await asked());
      const bare = await firstByteMs(direct, directCalls(calls));
      if (round < 0) continue;
      times.chancery.push(own);
      times.direct.push(bare);
    }
    const added = median(times.chancery.map((ms, round) => ms - (times.direct[round] as number)));
    return {
      direct: rounded(median(times.direct)),
      chancery: rounded(median(times.chancery)),
      added: rounded(added),
    };
  } finally {
    await Promise.all([direct, through, crowd].map((pool) => pool.close()));
    await world.close();
  }
}

/** The median time from the request to the first byte of the answer's body. */
async function firstByteMs(pool: Pool, requests: readonly Prepared[]): Promise<number> {
  const times: number[] = [];
  for (const { method, path, headers, body } of requests) {
    const from = performance.now();
    const answer = await pool.request({ method, path, headers, body });
    if (answer.statusCode !== 200) throw new Error(`${answer.statusCode}: ${await answer.body.text()}`);
    const pieces = answer.body[Symbol.asyncIterator]();
    await pieces.next();
    times.push(performance.now() - from);
    while ((await pieces.next()).done !== true);
  }
  return median(times);
}
