import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { ERROR_HEADER, PROBLEM_MEDIA_TYPE, problemDocument, type ProblemError } from './problem.js';
import { newRequestId } from './request-id.js';
import { RESPONSE_HEADERS } from './response-headers.js';

/** Answers a request that never reaches the router. The connection ends: what follows on it may be anything. */
export function refuse(request: IncomingMessage, response: ServerResponse, problem: ProblemError): string {
  const requestId = newRequestId();
  const { body, headers } = answerOf(problem, requestId);
  response.writeHead(problem.spec.status, headers);
  response.end(request.method === 'HEAD' ? undefined : body);
  return requestId;
}

/** Answers bytes that never became a request. */
export function refuseBytes(socket: Duplex, problem: ProblemError): string {
  const requestId = newRequestId();
  const { status } = problem.spec;
  const { body, headers } = answerOf(problem, requestId);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`);
  return requestId;
}

function answerOf(problem: ProblemError, requestId: string) {
  const body = JSON.stringify(problemDocument(problem, requestId));
  const headers = {
    ...RESPONSE_HEADERS,
    ...problem.spec.headers,
    [ERROR_HEADER]: problem.spec.code,
    'X-Request-Id': requestId,
    'Content-Type': PROBLEM_MEDIA_TYPE,
    'Content-Length': String(Buffer.byteLength(body)),
    Connection: 'close',
  };
  return { body, headers };
}
