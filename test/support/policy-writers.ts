import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const SRC = path.resolve(__dirname, '../../src');
/** The names drizzle's tables have in the source. */
const TABLES: Readonly<Record<string, string>> = {
  agents: 'agents',
  approvals: 'approvals',
  agent_sessions: 'agentSessions',
  brakes: 'brakes',
  credentials: 'credentials',
  credential_versions: 'credentialVersions',
  grants: 'grants',
};

/** `table` → `file: function`, for every statement in the source that writes one of the tables that decisions read. */
export function policyWriters(): Record<string, string[]> {
  const sources = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'),
  );
  const found: Record<string, string[]> = Object.fromEntries(Object.keys(TABLES).map((table) => [table, []]));
  for (const file of sources.sort()) {
    const text = readFileSync(path.join(SRC, file), 'utf8');
    for (const [table, name] of Object.entries(TABLES)) {
      const written = new RegExp(
        `\\.(?:insert|update|delete)\\(${name}\\)|(?:insert into|update|delete from) (?:chancery\\.)?${table}\\b|\\bdelete_${table}\\(`,
        'g',
      );
      for (const { index } of text.matchAll(written)) {
        const writer = `src/${file}: ${enclosing(text, index)}`;
        if (!found[table]?.includes(writer)) found[table]?.push(writer);
      }
    }
  }
  return found;
}

/** The last function that begins before a position. */
function enclosing(text: string, position: number): string {
  const names = [...text.slice(0, position).matchAll(/function\*? (\w+)|^ {2}(?:async )?(#?\w+)\(/gm)];
  const last = names.at(-1);
  return last?.[1] ?? last?.[2] ?? '?';
}
