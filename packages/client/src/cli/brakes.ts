import { ChanceryError } from '../errors.js';
import type { Cli } from './cli.js';
import { CliError, usage } from './cli-error.js';
import { allRows } from './pages.js';
import type { Surface } from './profile.js';
import type { BrakeView } from './views.js';

const CONFIRMATION = 'clear the global brake';

/** The brakes this profile can see: the tenant's and, with rights there, the ops surface's. */
export async function activeBrakes(cli: Cli, all = false): Promise<BrakeView[]> {
  const found = new Map<string, BrakeView>();
  const refusals: unknown[] = [];
  const surfaces = (['ops', 'tenant'] as const).filter((surface) => cli.hasUrl(surface));
  for (const surface of surfaces) {
    const connection = await cli.connect(surface);
    if (surface === 'ops' && !connection.hasCredential) continue;
    try {
      const rows = await allRows<BrakeView>(connection, '/v1/brakes', all ? {} : { active: true });
      for (const brake of rows) found.set(brake.id, brake);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      refusals.push(error);
    }
  }
  if (surfaces.length === 0) await cli.connect('tenant'); // throws: no server is known
  if (refusals.length === surfaces.length) throw refusals[0];
  return [...found.values()];
}

export async function clearBrake(
  cli: Cli,
  id: string | undefined,
  options: { reason: string; confirm?: string },
): Promise<void> {
  const brake = choose(await activeBrakes(cli), id);
  const isGlobal = brake.scope === 'global';
  const surface: Surface = isGlobal ? 'ops' : 'tenant';
  const json = { reason: options.reason, ...(isGlobal ? { confirm: await confirmation(cli, options.confirm) } : {}) };
  const connection = await cli.connect(surface);
  const path = `/v1/brakes/${encodeURIComponent(brake.id)}/clear`;
  showBrake(cli, await connection.json<BrakeView>({ method: 'POST', path, json }, 'person'), 'brake cleared');
}

function choose(active: BrakeView[], id: string | undefined): BrakeView {
  if (id !== undefined) {
    const found = active.find((brake) => brake.id === id);
    if (!found)
      throw new CliError('not_found', 'no such brake is on', '`chancery emergency status` shows those that are');
    return found;
  }
  if (active.length === 0) throw new CliError('not_found', 'no brake is on', 'nothing to clear');
  if (active.length > 1) throw usage('several brakes are on', `name one: ${active.map((brake) => brake.id).join(' ')}`);
  return active[0]!;
}

async function confirmation(cli: Cli, given: string | undefined): Promise<string> {
  if (given === undefined && !cli.terminal.interactive) {
    throw usage('the global brake needs a typed confirmation', `add --confirm "${CONFIRMATION}"`);
  }
  const typed = given ?? (await cli.terminal.ask(`This lets every tenant's agents go on. Type "${CONFIRMATION}": `));
  if (typed.trim() !== CONFIRMATION)
    throw usage('that is not the confirmation; the brake stays on', `type "${CONFIRMATION}"`);
  return CONFIRMATION;
}

export function showBrakes(cli: Cli, brakes: BrakeView[]): void {
  cli.out.result({ data: brakes }, () =>
    cli.out.table(
      [
        { title: 'ID', of: (b: BrakeView) => b.id },
        { title: 'SCOPE', of: scopeText },
        { title: 'STATE', of: (b) => (b.active ? 'on' : 'cleared') },
        { title: 'SINCE', of: (b) => b.activated_at },
        { title: 'BY', of: (b) => b.activated_by },
        { title: 'REASON', of: (b) => b.reason },
      ],
      brakes,
      'no brake is on',
    ),
  );
}

export function showBrake(cli: Cli, brake: BrakeView, what: string): void {
  cli.out.result(brake, () =>
    cli.out.record([
      [what, scopeText(brake)],
      ['id', brake.id],
      ['reason', brake.reason],
      ['since', brake.activated_at],
      ['cleared', brake.cleared_at],
      ['audit entry', brake.audit?.seq],
    ]),
  );
}

const scopeText = (brake: BrakeView) =>
  [brake.scope, brake.agent_id ?? brake.credential_name].filter(Boolean).join(' ');

function isRefusal(error: unknown): boolean {
  if (error instanceof CliError) return true;
  return error instanceof ChanceryError && (error.status === 401 || error.status === 403);
}
