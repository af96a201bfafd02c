import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { PACKAGE_ROOT } from '../package-root.js';

const PLACE = /file:\/\/\S+\.js:(\d+):(\d+)/;
const BUILT = path.join(PACKAGE_ROOT, 'dist');
const maps = new Map<string, SourceMap | null>();

/** A frame of a stack with the place in our source, not the one in a bundle. A package's frame stays as it is. */
export function inSource(frame: string, built = BUILT): string {
  const [place, line, column] = PLACE.exec(frame) ?? [];
  if (place === undefined || !place.startsWith(`${pathToFileURL(built).href}/`)) return frame;
  const file = fileURLToPath(place.replace(/:\d+:\d+$/, ''));
  const at = { line: Number(line) - 1, column: Number(column) - 1 };
  const entry = mapOf(file)?.findEntry(at.line, at.column);
  // The nearest one before may be that of another module: of packages the map says nothing.
  if (entry === undefined || !('originalSource' in entry) || entry.generatedLine !== at.line) return frame;
  const source = path.relative(PACKAGE_ROOT, path.resolve(path.dirname(file), entry.originalSource));
  return frame.replace(place, `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`);
}

/** Read when the first error is logged; a build without maps has none. */
function mapOf(file: string): SourceMap | null {
  const known = maps.get(file);
  if (known !== undefined) return known;
  const map = read(`${file}.map`);
  maps.set(file, map);
  return map;
}

function read(file: string): SourceMap | null {
  try {
    return new SourceMap(JSON.parse(readFileSync(file, 'utf8')) as ConstructorParameters<typeof SourceMap>[0]);
  } catch {
    return null;
  }
}
