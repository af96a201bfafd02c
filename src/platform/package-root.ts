import { existsSync } from 'node:fs';
import path from 'node:path';

/** The folder with the package's papers, migrations and generated files. Built code lies at other depths than its source. */
export const PACKAGE_ROOT = folderAbove(import.meta.dirname);

function folderAbove(dir: string): string {
  if (existsSync(path.join(dir, 'package.json'))) return dir;
  const above = path.dirname(dir);
  if (above === dir) throw new Error('no package.json above the code of Chancery');
  return folderAbove(above);
}
