import { Injectable } from '@nestjs/common';

/** `ok` and anything else that still serves (`sealed`), or a failure. */
export type CheckResult = { ready: boolean; state: string };
export type Check = () => Promise<CheckResult> | CheckResult;

const CHECK_TIMEOUT_MS = 2_000;

/** Each room adds its own check when its module starts. */
@Injectable()
export class ReadinessChecks {
  private readonly checks = new Map<string, Check>();

  add(name: string, check: Check): void {
    if (this.checks.has(name)) throw new Error(`there is a readiness check named ${name} already`);
    this.checks.set(name, check);
  }

  /** A check that throws or takes too long has failed; why is for the log, not for the network. */
  async run(): Promise<{ ready: boolean; checks: Record<string, string> }> {
    const results = await Promise.all(
      [...this.checks].map(async ([name, check]) => [name, await settled(check)] as const),
    );
    return {
      ready: results.every(([, result]) => result.ready),
      checks: Object.fromEntries(results.map(([name, { state }]) => [name, state])),
    };
  }
}

async function settled(check: Check): Promise<CheckResult> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<CheckResult>((resolve) => {
    timer = setTimeout(() => resolve({ ready: false, state: 'timeout' }), CHECK_TIMEOUT_MS);
  });
  try {
    return await Promise.race([check(), late]);
  } catch {
    return { ready: false, state: 'failed' };
  } finally {
    clearTimeout(timer);
  }
}
