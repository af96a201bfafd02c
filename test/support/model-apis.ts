import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

export interface ModelCall {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Record<string, unknown>;
}

/** What the APIs of OpenAI and Anthropic speak, as far as their official packages look at it. */
export class ModelApis {
  readonly calls: ModelCall[] = [];
  /** The pieces of every answer. */
  words: readonly string[] = ['Good', ' morning', ', ', 'Vietnam'];
  /** Awaited before each piece of a streamed answer. */
  beforePiece: (piece: number) => Promise<void> = () => Promise.resolve();
  /** An error of the API's own instead of the next answer. */
  fail: { status: number; headers?: Record<string, string> } | undefined;

  readonly listener: RequestListener = (request, response) => void this.#serve(request, response);

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const path = (request.url ?? '').split('?', 1)[0] as string;
    const body = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
    this.calls.push({ path, headers: request.headers, body });
    const { fail } = this;
    if (fail !== undefined) {
      this.fail = undefined;
      return json(response.writeHead(fail.status, { 'content-type': 'application/json', ...fail.headers }), {
        type: 'error',
        error: { type: 'its_own_type', message: 'says the API', code: 'its_own_code' },
      });
    }
    const answer = ANSWERS[path];
    if (answer === undefined) return json(response.writeHead(404), { error: { message: path } });
    if (body.stream !== true)
      return json(response.setHeader('content-type', 'application/json'), answer.whole(this.words));
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const [piece, event] of answer.events(this.words).entries()) {
      await this.beforePiece(piece);
      if (typeof event.type === 'string') response.write(`event: ${event.type}\n`);
      response.write(`data: ${JSON.stringify(event)}\n\n`);
    }
    response.end(path.startsWith('/v1/chat/') ? 'data: [DONE]\n\n' : '');
  }
}

const json = (response: ServerResponse, value: unknown): void => void response.end(JSON.stringify(value));

type Json = Record<string, unknown>;
interface Answers {
  whole(words: readonly string[]): Json;
  events(words: readonly string[]): Json[];
}

const chat = { id: 'chatcmpl-1', created: 1_795_000_000, model: 'gpt-test' };
const message = { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-test', stop_sequence: null };
const usage = { input_tokens: 1, output_tokens: 4 };
const response = { id: 'resp_1', object: 'response', created_at: 1_795_000_000, model: 'gpt-test', error: null };
const outputText = (text: string) => ({ type: 'output_text', text, annotations: [] });
const outputItem = (text: string) => ({
  id: 'm_1',
  type: 'message',
  role: 'assistant',
  status: 'completed',
  content: [outputText(text)],
});

/** https://platform.openai.com/docs/api-reference, https://docs.anthropic.com/en/api/messages */
const ANSWERS: Readonly<Record<string, Answers>> = {
  '/v1/chat/completions': {
    whole: (words) => ({
      ...chat,
      object: 'chat.completion',
      choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: words.join('') } }],
    }),
    events: (words) => [
      ...words.map((content) => ({
        ...chat,
        object: 'chat.completion.chunk',
        choices: [{ index: 0, delta: { content }, finish_reason: null }],
      })),
      { ...chat, object: 'chat.completion.chunk', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
    ],
  },
  '/v1/responses': {
    whole: (words) => ({ ...response, status: 'completed', output: [outputItem(words.join(''))] }),
    events: (words) => [
      { type: 'response.created', sequence_number: 0, response: { ...response, status: 'in_progress', output: [] } },
      ...words.map((delta, at) => ({
        type: 'response.output_text.delta',
        sequence_number: at + 1,
        item_id: 'm_1',
        output_index: 0,
        content_index: 0,
        delta,
      })),
      {
        type: 'response.completed',
        sequence_number: words.length + 1,
        response: { ...response, status: 'completed', output: [outputItem(words.join(''))] },
      },
    ],
  },
  '/v1/messages': {
    whole: (words) => ({
      ...message,
      stop_reason: 'end_turn',
      usage,
      content: [{ type: 'text', text: words.join('') }],
    }),
    events: (words) => [
      { type: 'message_start', message: { ...message, stop_reason: null, usage, content: [] } },
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
      ...words.map((text) => ({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } })),
      { type: 'content_block_stop', index: 0 },
      { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage },
      { type: 'message_stop' },
    ],
  },
};
