import { execute } from './app.js';
import { throughStream } from './stream-door.js';
import type { UseDoor } from './use-door.js';

interface ExecuteAnswer {
  readonly status: number;
  readonly code?: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body?: string;
  readonly body_base64?: string;
  readonly redactions: number;
  readonly audit?: { readonly seq: number };
}

const throughExecute: UseDoor = {
  name: 'execute',
  canSay: () => true,
  async use(agent, credential, asked = {}, { timeoutMs, version, approvalId } = {}) {
    const more = {
      ...(timeoutMs !== undefined && { timeout_ms: timeoutMs }),
      ...(version !== undefined && { version }),
      ...(approvalId !== undefined && { approval_id: approvalId }),
    };
    const answer = await execute(agent, credential, { ...asked }, more);
    const body = answer.body as unknown as ExecuteAnswer;
    const seq = body.audit?.seq;
    if (answer.status !== 200) {
      const own = {
        headers: [...answer.headers],
        body: Buffer.from(JSON.stringify(body)),
        redactions: null,
        broken: false,
      };
      return { status: answer.status, code: body.code ?? 'none', ...own, seq };
    }
    const bytes = body.body === undefined ? Buffer.from(body.body_base64 ?? '', 'base64') : Buffer.from(body.body);
    const headers = Object.entries(body.headers).flatMap(([name, values]) =>
      [values].flat().map((value) => [name, value] as const),
    );
    return { status: body.status, code: null, headers, body: bytes, redactions: body.redactions, broken: false, seq };
  },
};

export const DOORS: readonly UseDoor[] = [throughExecute, throughStream];
