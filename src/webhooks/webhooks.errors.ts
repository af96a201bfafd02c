import { ProblemError } from '../platform/http/problem.js';

export const webhookLimitReached = (max: number): ProblemError =>
  new ProblemError({
    code: 'webhook_limit_reached',
    status: 409,
    title: 'There are as many webhooks as a tenant may have',
    detail: `A tenant has at most ${max}. Delete one that is not needed, or let one take more events.`,
  });

export const webhookDisabled = (): ProblemError =>
  new ProblemError({
    code: 'webhook_disabled',
    status: 409,
    title: 'The webhook is disabled',
    detail: 'Set its state to "active" first.',
  });

export const deliveryPending = (): ProblemError =>
  new ProblemError({
    code: 'delivery_pending',
    status: 409,
    title: 'The delivery is still under way',
    detail: 'It is tried again by itself; next_attempt_at says when.',
  });
