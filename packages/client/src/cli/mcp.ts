import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import type { AgentSession } from '../agent-session.js';
import { type HttpAnswer, textOf } from '../http-answer.js';
import { ChanceryError } from '../errors.js';
import type { Cli } from './cli.js';

/** As long as the server lets an upstream take, and a little. */
const ANSWER_TIMEOUT_MS = 130_000;
const LINE_CHARS_MAX = 1_048_576;
const ACCEPT = 'application/json, text/event-stream';
/** JSON-RPC 2.0 section 5.1; the last is the first code that is left to implementations. */
const RPC = { parse: -32_700, invalid: -32_600, server: -32_000 };

type Id = string | number | null;
type Message = { id?: Id; method?: string };

export function mcpCommand(program: Command, cli: Cli): void {
  program
    .command('mcp')
    .description('speak the Model Context Protocol on stdin and stdout as an agent, for clients that know no DPoP')
    .action(() => bridge(cli));
}

/** MCP's stdio transport on this side, its HTTP transport on the other: one line, one request with a proof of its own. */
async function bridge(cli: Cli): Promise<void> {
  const { stdin, stdout } = cli.io;
  const session = await cli.agentSession();
  const write = (answer: unknown): void => void stdout.write(`${JSON.stringify(answer)}\n`);
  cli.out.note('speaking MCP on stdin and stdout; end of input ends it');
  const open = new Set<Promise<void>>();
  for await (const line of createInterface({ input: stdin, crlfDelay: Infinity })) {
    if (line.trim() === '') continue;
    const reply = relay(session, line).then((answer) => {
      if (answer !== undefined) write(answer);
      open.delete(reply);
    });
    open.add(reply);
  }
  await Promise.all(open);
}

/** What the server says to one line; undefined for what has no answer. */
async function relay(session: AgentSession, line: string): Promise<unknown> {
  if (line.length > LINE_CHARS_MAX)
    return failure(null, RPC.invalid, `a message has at most ${LINE_CHARS_MAX} characters`);
  let message: Message;
  try {
    message = JSON.parse(line) as Message;
  } catch {
    return failure(null, RPC.parse, 'this is not JSON');
  }
  if (typeof message !== 'object' || message === null || Array.isArray(message)) {
    return failure(null, RPC.invalid, 'one JSON-RPC message a line, no batches');
  }
  const headers = { accept: ACCEPT };
  try {
    const answer = await session.send({
      method: 'POST',
      path: '/mcp',
      json: message,
      headers,
      timeoutMs: ANSWER_TIMEOUT_MS,
    });
    return answerOf(message, answer);
  } catch (error) {
    if (!(error instanceof ChanceryError) || message.id === undefined) return undefined;
    return failure(message.id, RPC.server, error.message, { code: error.code });
  }
}

function answerOf({ id }: Message, answer: HttpAnswer): unknown {
  const { status, body } = answer;
  if (body.length === 0) return undefined;
  const said = JSON.parse(textOf(answer)) as {
    jsonrpc?: string;
    code?: string;
    title?: string;
    detail?: string;
  };
  if (said.jsonrpc !== undefined) return said;
  // A problem document: the request did not reach the tools.
  const why = [said.code, said.detail ?? said.title].filter((part) => part !== undefined).join(': ');
  return id === undefined ? undefined : failure(id, RPC.server, why === '' ? `status ${status}` : why, said);
}

const failure = (id: Id, code: number, message: string, data?: unknown) => ({
  jsonrpc: '2.0',
  id,
  error: { code, message, ...(data === undefined ? {} : { data }) },
});
