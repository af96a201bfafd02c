import { applyDecorators, UseInterceptors } from '@nestjs/common';
import { IdempotencyInterceptor } from './idempotency.interceptor.js';

const IDEMPOTENT = Symbol('chancery/idempotent');

/** Method decorator: this route honours `Idempotency-Key`. Never on `/oauth/token`, never on execute. */
export const Idempotent = (): MethodDecorator =>
  applyDecorators(UseInterceptors(IdempotencyInterceptor), (_target, _name, descriptor) => {
    Reflect.defineMetadata(IDEMPOTENT, true, (descriptor as PropertyDescriptor).value as object);
  });

export const isIdempotent = (handler: object): boolean => Reflect.hasMetadata(IDEMPOTENT, handler);
