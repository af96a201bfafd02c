import type { INestApplicationContext } from '@nestjs/common';
import { aroundStatements, type Statement } from './statements.js';

/** A statement that was, or will be, kept waiting. */
export interface Barrier {
  /** Resolves when somebody stands at it. */
  readonly reached: Promise<void>;
  open(): void;
}

interface Standing {
  readonly matches: (statement: Statement) => boolean;
  readonly reach: () => void;
  readonly opened: Promise<void>;
}

/** Holds statements of one node back: before they are sent, or after the server answered. Each barrier stops one. */
export class Barriers {
  readonly #before: Standing[] = [];
  readonly #after: Standing[] = [];

  static on(app: INestApplicationContext): Barriers {
    const barriers = new Barriers();
    aroundStatements(app, async (statement, run) => {
      await pass(barriers.#before, statement);
      const answer = await run();
      await pass(barriers.#after, statement);
      return answer;
    });
    return barriers;
  }

  before(tenantId: string, matches: (statement: Statement) => boolean): Barrier {
    return stand(this.#before, tenantId, matches);
  }

  after(tenantId: string, matches: (statement: Statement) => boolean): Barrier {
    return stand(this.#after, tenantId, matches);
  }
}

function stand(all: Standing[], tenantId: string, matches: (statement: Statement) => boolean): Barrier {
  let reach = (): void => undefined;
  let open = (): void => undefined;
  const reached = new Promise<void>((resolve) => (reach = resolve));
  const opened = new Promise<void>((resolve) => (open = resolve));
  all.push({ matches: (statement) => statement.tenantId === tenantId && matches(statement), reach, opened });
  return { reached, open };
}

async function pass(all: Standing[], statement: Statement): Promise<void> {
  const index = all.findIndex(({ matches }) => matches(statement));
  const [standing] = index < 0 ? [] : all.splice(index, 1);
  if (standing === undefined) return;
  standing.reach();
  await standing.opened;
}
