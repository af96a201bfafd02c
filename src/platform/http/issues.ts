import type { Issue } from './http.errors.js';

const ISSUES_MAX = 20;
const PATH_CHARS_MAX = 200;

/** An issue as Standard Schema has it: https://standardschema.dev */
type SchemaIssue = { message: string; path?: readonly (PropertyKey | { key: PropertyKey })[] | undefined };

/**
 * zod's issues for the client. Messages name the rule; where zod would repeat what the client sent (an unknown key may
 * be a mistyped secret), the message is cut down to the rule.
 */
export function issuesOf(found: readonly SchemaIssue[]): Issue[] {
  return found.slice(0, ISSUES_MAX).map((issue) => ({
    path: pathText(issue.path),
    message:
      (issue as { code?: string }).code === 'unrecognized_keys' ? 'holds a key that is not known here' : issue.message,
  }));
}

function pathText(path: SchemaIssue['path'] = []): string {
  const keys = path.map((part) => (typeof part === 'object' ? part.key : part));
  return keys.map(String).join('.').slice(0, PATH_CHARS_MAX);
}
