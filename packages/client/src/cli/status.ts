import type { Command } from 'commander';
import { ChanceryError } from '../errors.js';
import { textOf } from '../http-answer.js';
import type { Cli } from './cli.js';
import { CliError, usage } from './cli-error.js';
import type { Connection } from './connection.js';
import { EXIT } from './exit-codes.js';
import { allRows } from './pages.js';
import { urlKey, type Surface } from './profile.js';
import type { BrakeView, WhoamiView } from './views.js';

type Ready = { status: string; checks?: { database?: string; queue?: string; vault?: string } };
type SurfaceStatus = {
  surface: Surface;
  url: string;
  ready: boolean;
  checks: Ready['checks'];
  signed_in_as: string | null;
  active_brakes: number | null;
};

export function statusCommand(program: Command, cli: Cli): void {
  program
    .command('status')
    .description('the server, its vault and brakes, and who you are')
    .action(async () => {
      const surfaces = (['tenant', 'ops'] as const).filter((surface) => cli.hasUrl(surface));
      if (surfaces.length === 0)
        throw usage('no server is known', 'name it with --url, or sign in with `chancery login`');
      const found: SurfaceStatus[] = [];
      for (const surface of surfaces) found.push(await look(cli, await cli.connect(surface)));
      const ready = found.every((one) => one.ready);
      cli.out.result({ profile: cli.profile.name, ready, surfaces: found }, () => show(cli, found));
      if (!ready) cli.exitCode = EXIT.refused;
    });
}

async function look(cli: Cli, connection: Connection): Promise<SurfaceStatus> {
  const { surface } = connection;
  const answer = await connection.http.send({ method: 'GET', path: '/health/ready' });
  const body = parse(textOf(answer));
  if (typeof body?.status !== 'string') {
    const detail = `the server answered ${answer.status} where its health should be`;
    throw new ChanceryError({ code: 'unexpected_answer', status: answer.status, detail });
  }
  const whoami = await unlessSignedOut(
    () => connection.json<WhoamiView>({ method: 'GET', path: '/v1/whoami' }),
    connection,
  );
  const brakes =
    whoami && (await unlessSignedOut(() => allRows<BrakeView>(connection, '/v1/brakes', { active: true }), connection));
  return {
    surface,
    url: cli.profile[urlKey(surface)]!,
    ready: answer.status === 200,
    checks: body.checks,
    signed_in_as: whoami
      ? `${whoami.name} (${[whoami.kind, whoami.role].filter(Boolean).join(', ')}) of ${whoami.tenant.namespace}`
      : null,
    active_brakes: brakes ? brakes.length : null,
  };
}

/** Health is told to everybody; the rest only to who may see it. */
async function unlessSignedOut<T>(ask: () => Promise<T>, connection: Connection): Promise<T | undefined> {
  if (!connection.hasCredential) return undefined;
  try {
    return await ask();
  } catch (error) {
    if (error instanceof CliError || (error instanceof ChanceryError && [401, 403].includes(error.status)))
      return undefined;
    throw error;
  }
}

function parse(text: string): Ready | undefined {
  try {
    return JSON.parse(text) as Ready;
  } catch {
    return undefined;
  }
}

function show(cli: Cli, found: SurfaceStatus[]): void {
  cli.out.record([['profile', cli.profile.name]]);
  for (const one of found) {
    cli.out.line('');
    cli.out.record([
      [one.surface, one.url],
      ['ready', one.ready ? 'yes' : 'no'],
      ['database', one.checks?.database],
      ['queue', one.checks?.queue],
      ['vault', one.checks?.vault],
      ['signed in', one.signed_in_as ?? 'no'],
      ['brakes on', one.active_brakes],
    ]);
  }
}
