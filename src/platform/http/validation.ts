import { StandardSchemaValidationPipe } from '@nestjs/common';
import { invalidRequest } from './http.errors.js';
import { issuesOf } from './issues.js';

/** Checks what `@Body({ schema })`, `@Query({ schema })` and `@Param({ schema })` declare. */
export class ValidationPipe extends StandardSchemaValidationPipe {
  constructor() {
    super({ exceptionFactory: (issues) => invalidRequest(issuesOf(issues)) });
  }

  /**
   * Nest would delete keys named `constructor` and `prototype` from a template's body. Our parser has refused
   * `__proto__` already; the other two are ordinary keys.
   */
  protected override stripProtoKeys(): void {}
}
