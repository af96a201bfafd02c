import { HttpCode } from '@nestjs/common';
import type { z } from 'zod';

/** What a route answers with when all goes well. */
export type Answer = Readonly<{
  status: number;
  summary?: string;
  /** Further statuses with the same body, such as 200 for what was so already. */
  alsoStatuses?: readonly number[];
}> &
  (
    | Readonly<{ kind: 'view'; schema: z.ZodType }>
    | Readonly<{ kind: 'nothing' }>
    | Readonly<{ kind: 'raw'; mediaType: string }>
  );

const ANSWER = Symbol('chancery/answer');

/** The route answers with this view; a field it does not name cannot leave. */
export const Returns = (
  schema: z.ZodType,
  about: { status?: number; summary?: string; alsoStatuses?: number[] } = {},
) => answers({ kind: 'view', schema, status: 200, ...about });

/** 204. */
export const ReturnsNothing = (about: { summary?: string } = {}) => answers({ kind: 'nothing', status: 204, ...about });

/** A stream or a text of another media type, which the handler vouches for itself. */
export const ReturnsRaw = (mediaType: string, about: { summary?: string } = {}) =>
  answers({ kind: 'raw', mediaType, status: 200, ...about });

export function answerOf(handler: object): Answer | undefined {
  return Reflect.getMetadata(ANSWER, handler) as Answer | undefined;
}

function answers(answer: Answer): MethodDecorator {
  return (target, name, descriptor) => {
    HttpCode(answer.status)(target, name, descriptor);
    Reflect.defineMetadata(ANSWER, answer, descriptor.value as object);
  };
}
