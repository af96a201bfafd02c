/** Everything a command touches outside itself, so that tests run commands in their own process. */
export type Io = {
  stdin: NodeJS.ReadableStream & { isTTY?: boolean; setRawMode?: (on: boolean) => unknown };
  stdout: NodeJS.WritableStream & { isTTY?: boolean; columns?: number };
  stderr: NodeJS.WritableStream & { isTTY?: boolean };
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  homeDir: string;
  /** A folder inside the installed package: where the search for the checkout starts. */
  packageDir: string;
  now: () => Date;
  sleep: (ms: number) => Promise<void>;
  /** Aborted by Ctrl-C or SIGTERM, once `onInterrupt` was called. */
  interrupted: AbortSignal;
  /** From here on Ctrl-C and SIGTERM abort `interrupted` instead of ending the process. */
  onInterrupt: () => void;
};
