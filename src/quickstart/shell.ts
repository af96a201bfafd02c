import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';

/** A prompt in the same terminal: what is pasted runs in `sh` while the server stays up. Resolves at Ctrl-D, Ctrl-C or `exit`. */
export function shell(root: string): Promise<void> {
  const env = {
    ...process.env,
    PATH: `${path.join(root, 'node_modules/.bin')}${path.delimiter}${process.env['PATH'] ?? ''}`,
  };
  return new Promise((resolve) => {
    const lines = createInterface({ input: process.stdin, output: process.stdout, prompt: 'quickstart$ ' });
    lines.on('close', resolve);
    lines.on('SIGINT', () => lines.close());
    lines.on('line', (line) => {
      const command = line.trim();
      if (command === 'exit' || command === 'quit') return lines.close();
      if (command === '' || command.startsWith('#')) return lines.prompt();
      lines.pause();
      process.stdin.setRawMode?.(false);
      const child = spawn('sh', ['-c', command], { cwd: root, stdio: 'inherit', env });
      child.on('exit', () => {
        lines.resume();
        lines.prompt();
      });
    });
    lines.prompt();
  });
}
