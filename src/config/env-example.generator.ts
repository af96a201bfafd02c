import { environmentShape } from './environment-shape.js';

export const file = '.env.example';

/** `.env.example`, from the descriptions in the schema. What is required stands uncommented. */
export function generate(): string {
  const groups = new Map<string, string[]>();
  for (const [name, schema] of Object.entries(environmentShape)) {
    const { group, description, example } = schema.meta() as { group: string; description: string; example: string };
    const required = !schema.safeParse(undefined).success;
    const lines = groups.get(group) ?? [];
    lines.push(...wrapped(description), `${required ? '' : '# '}${name}=${example}`, '');
    groups.set(group, lines);
  }
  const head = '# Made by `npm run generate` from src/config/environment-shape.ts. Every fault is named at start.\n';
  return [head, ...[...groups].map(([group, lines]) => `# ── ${group} ──\n\n${lines.join('\n')}`)].join('\n');
}

const LINE_CHARS_MAX = 100;

function wrapped(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + word.length < LINE_CHARS_MAX) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(`# ${word}`);
  }
  return lines;
}
