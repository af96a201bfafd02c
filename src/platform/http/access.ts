const OPEN_TO_ALL = Symbol('chancery/open-to-all');

/** Class or method decorator: no sign-in here. Guards ask {@link isOpenToAll}; the API document says so too. */
export const OpenToAll = (): ClassDecorator & MethodDecorator =>
  ((target: object, _name?: string | symbol, descriptor?: PropertyDescriptor) => {
    Reflect.defineMetadata(OPEN_TO_ALL, true, (descriptor?.value as object | undefined) ?? target);
  }) as ClassDecorator & MethodDecorator;

export function isOpenToAll(handler: object, controller: object): boolean {
  return Reflect.hasMetadata(OPEN_TO_ALL, handler) || Reflect.hasMetadata(OPEN_TO_ALL, controller);
}
