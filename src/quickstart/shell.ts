import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { EndSignals } from '../end-signals.js';

/** No spinner between question and answer, and no call to a registry for news of npm. */
const QUIET_NPX = { npm_config_progress: 'false', npm_config_update_notifier: 'false' };

export interface ShellOptions {
  /** Where commands run. */
  readonly dir: string;
  /** A folder of programs that comes first in their PATH. */
  readonly programs: string;
  readonly signals: EndSignals;
}

/**
 * A prompt in the same terminal: what is typed or pasted runs in `sh`, a line after the other, while the server stays up.
 * Resolves at Ctrl-D, Ctrl-C or `exit`.
 */
export function shell({ dir, programs, signals }: ShellOptions): Promise<void> {
  const env = { ...process.env, ...QUIET_NPX, PATH: `${programs}${path.delimiter}${process.env['PATH'] ?? ''}` };
  const { stdin: input, stdout: output } = process;
  return new Promise((resolve) => {
    const lines = createInterface({ input, output, prompt: 'quickstart$ ' });
    const waiting: string[] = [];
    let running = false;
    const next = async (): Promise<void> => {
      if (running) return;
      running = true;
      for (let command = waiting.shift(); command !== undefined; command = waiting.shift()) {
        if (command === 'exit' || command === 'quit') return lines.close();
        if (command === '' || command.startsWith('#')) continue;
        // The terminal is the command's alone: it may ask for a password, and Ctrl-C is meant for it.
        lines.pause();
        input.setRawMode?.(false);
        await signals.leaveInterruptsTo(ended(spawn('sh', ['-c', command], { cwd: dir, stdio: 'inherit', env })));
        input.setRawMode?.(true);
      }
      running = false;
      lines.resume();
      lines.prompt();
    };
    lines.on('line', (line) => {
      waiting.push(line.trim());
      void next();
    });
    lines.on('SIGINT', () => lines.close());
    // A terminal that was closed cannot be set back; the server still ends in order.
    for (const side of [lines, output]) side.on('error', () => undefined);
    lines.on('close', () => {
      output.write('\n');
      resolve();
    });
    lines.prompt();
  });
}

function ended(child: ReturnType<typeof spawn>): Promise<unknown> {
  return new Promise((resolve) => child.once('close', resolve).once('error', resolve));
}
