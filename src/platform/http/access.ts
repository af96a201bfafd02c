const OPEN_TO_ALL = Symbol('chancery/open-to-all');

/** Class or method decorator: no sign-in here. Guards ask {@link isOpenToAll}; the API document says so too. */
export const OpenToAll =
  (): ClassDecorator & MethodDecorator =>
  (target: object, _name?: string | symbol, descriptor?: PropertyDescriptor) => {
    Reflect.defineMetadata(OPEN_TO_ALL, true, (descriptor?.value as object | undefined) ?? target);
  };

export function isOpenToAll(handler: object, controller: object): boolean {
  return Reflect.hasMetadata(OPEN_TO_ALL, handler) || Reflect.hasMetadata(OPEN_TO_ALL, controller);
}

/** How a caller signs in: `Authorization: Bearer …`, or `Authorization: DPoP …` with a proof. */
export type Scheme = 'bearer' | 'dpop';

const SCHEMES = Symbol('chancery/schemes');

/** Method decorator, for the API document: which of the schemes this route takes. Guards decide for themselves. */
export const SignedInBy =
  (...schemes: Scheme[]): MethodDecorator =>
  (_target, _name, descriptor) => {
    Reflect.defineMetadata(SCHEMES, schemes, descriptor.value as object);
  };

export function schemesOf(handler: object, controller: object): readonly Scheme[] {
  if (isOpenToAll(handler, controller)) return [];
  return (Reflect.getMetadata(SCHEMES, handler) as Scheme[] | undefined) ?? ['bearer', 'dpop'];
}
