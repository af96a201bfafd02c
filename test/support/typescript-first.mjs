// Jest's resolver: our own imports name the file that is built (`./a.js`), and the source beside them is `./a.ts`.
import { existsSync } from 'node:fs';
import path from 'node:path';

const BUILT = /^\.{1,2}\/.*\.js$/;

export function sync(request, options) {
  if (BUILT.test(request) && !options.basedir.includes('/node_modules/')) {
    const source = path.resolve(options.basedir, request.replace(/js$/, 'ts'));
    if (existsSync(source)) return source;
  }
  return options.defaultResolver(request, options);
}
