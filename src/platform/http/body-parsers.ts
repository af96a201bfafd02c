import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { parseFormBody } from './form-body.js';
import { unsupportedMediaType } from './http.errors.js';
import { parseJsonBody } from './json-body.js';
import { routeSettings, settingsOf } from './route-config.js';

const JSON_TYPE = 'application/json';
const FORM_TYPE = 'application/x-www-form-urlencoded';

/** Method decorator for OAuth endpoints: this route reads a form, and nothing but a form. It checks the fields itself. */
export const ReadsForm = (formSchema?: z.ZodType): MethodDecorator => routeSettings({ readsForm: true, formSchema });

/** Method decorator: the handler reads the body from the raw request, of any type and length. */
export const StreamsBody = (): MethodDecorator => routeSettings({ streamsBody: true });

/** Known to no client: what a route that streams says its body is, so that no parser reads it. */
const STREAM_TYPE = 'application/vnd.chancery.unread';

/** For `onRequest`, before Fastify picks a parser. The raw request keeps the type the client named. */
export function leaveBodyUnread(request: FastifyRequest): void {
  // Fastify lays them over those that came.
  request.headers = { 'content-type': STREAM_TYPE };
}

/** Replaces Fastify's parsers: JSON everywhere, forms where a route asks for them, nothing else anywhere. */
export function registerBodyParsers(fastify: FastifyInstance, bytesMax: number): void {
  fastify.removeAllContentTypeParsers();
  const options = { parseAs: 'buffer', bodyLimit: bytesMax } as const;
  fastify.addContentTypeParser(JSON_TYPE, options, async (request: FastifyRequest, bytes: Buffer) => {
    assertReads(request, JSON_TYPE);
    return wiped(bytes, () => parseJsonBody(bytes, bytesMax));
  });
  fastify.addContentTypeParser(STREAM_TYPE, (request, _payload, done) =>
    done(settingsOf(request).streamsBody ? null : unsupportedMediaType(acceptedType(request))),
  );
  fastify.addContentTypeParser(FORM_TYPE, options, async (request: FastifyRequest, bytes: Buffer) => {
    assertReads(request, FORM_TYPE);
    return wiped(bytes, () => parseFormBody(bytes));
  });
}

/** Bodies carry secrets, and Fastify puts small ones into memory that it shares: what was parsed is not left there. */
function wiped<T>(bytes: Buffer, parse: () => T): T {
  try {
    return parse();
  } finally {
    bytes.fill(0);
  }
}

function assertReads(request: FastifyRequest, type: string): void {
  const wanted = acceptedType(request);
  const encoding = request.headers['content-encoding'];
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(request.headers['content-type'] ?? '')?.[1];
  const plain = encoding === undefined || encoding === 'identity';
  const utf8 = charset === undefined || charset.toLowerCase() === 'utf-8';
  if (wanted !== type || !plain || !utf8) throw unsupportedMediaType(wanted);
}

/** What the matched route reads, also for the answer to a type that no parser knows. */
export function acceptedType(request: FastifyRequest): string {
  return settingsOf(request).readsForm ? FORM_TYPE : JSON_TYPE;
}
