import { pathOf } from './request-target.js';
import type { Surface } from './surface.js';

/**
 * The base URLs each surface is known by, from the configuration alone: `Host` and `X-Forwarded-*` are the client's
 * words. A surface without configured origins is known by the address its listener got.
 */
export class SurfaceOrigins {
  private readonly origins: Record<Surface, readonly string[]>;

  constructor(configured: Readonly<Record<Surface, readonly string[]>>) {
    this.origins = { ...configured };
  }

  of(surface: Surface): readonly string[] {
    return this.origins[surface];
  }

  /** The one to print and to name as issuer. */
  main(surface: Surface): string {
    const [origin] = this.origins[surface];
    if (origin === undefined) throw new Error(`the ${surface} surface has no origin yet: it is not listening`);
    return origin;
  }

  /**
   * What `htu` of a DPoP proof may say: scheme, authority and path, without query and fragment.
   * https://www.rfc-editor.org/rfc/rfc9449#section-4.3
   */
  htu(surface: Surface, rawTarget: string): string[] {
    return this.origins[surface].map((origin) => origin + pathOf(rawTarget));
  }

  /** Called by the listeners, for surfaces nobody configured. */
  adopt(surface: Surface, origin: string): void {
    if (this.origins[surface].length === 0) this.origins[surface] = [origin];
  }
}
