import type { Readable } from 'node:stream';

export type AnswerHeaders = Record<string, string | string[] | undefined>;
export type HttpAnswer = { status: number; headers: AnswerHeaders; body: Buffer };
export type HttpStream = { status: number; headers: AnswerHeaders; body: Readable };
