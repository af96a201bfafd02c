const IDEMPOTENT = Symbol('chancery/idempotent');

/** Method decorator: this route honours `Idempotency-Key`. Never on `/oauth/token`, never on execute. */
export const Idempotent = (): MethodDecorator => (_target, _name, descriptor) => {
  Reflect.defineMetadata(IDEMPOTENT, true, descriptor.value as object);
};

export const isIdempotent = (handler: object): boolean => Reflect.hasMetadata(IDEMPOTENT, handler);
