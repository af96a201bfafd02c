import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Public test vectors stand beside the checkout; their README names sources and licences. */
const VECTORS = path.resolve(__dirname, '../../../../shared/vectors');

/**
 * A conformance suite over one file or folder of public vectors. Without them it counts as skipped, loudly: a silent
 * pass would look like conformance.
 */
export function describeVectors(name: string, suite: (file: string) => void): void {
  const file = path.join(VECTORS, name);
  describe(`conformance: ${name}`, () => {
    if (existsSync(file)) return suite(file);
    // oxlint-disable-next-line no-console -- loud on purpose
    console.warn(`conformance suite skipped: ${name} is not in ../shared/vectors`);
    test.skip('the vectors are not here', () => undefined);
  });
}

/** A JSON vector file. */
export function readVectors(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** The names of the files in a folder of vectors. */
export function vectorNames(folder: string): string[] {
  return readdirSync(folder).sort();
}
