import { HttpCode } from '@nestjs/common';
import type { z } from 'zod';
import { type Answer, routeSettings, settingsOfHandler } from './route-config.js';

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
  return settingsOfHandler(handler).answer;
}

function answers(answer: Answer): MethodDecorator {
  return (target, name, descriptor) => {
    HttpCode(answer.status)(target, name, descriptor);
    routeSettings({ answer })(target, name, descriptor);
  };
}
