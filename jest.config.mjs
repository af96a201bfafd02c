/** ESM-only packages that Jest must transform, because it runs everything as CommonJS. */
const esmOnly = [
  '@nestjs',
  'cookie',
  'jose',
  '@noble',
  'canonicalize',
  'uuidv7',
  'otpauth',
  'oauth4webapi',
  'dpop',
  'commander',
  'lru-cache',
  '@exodus',
  'tldts',
  'tldts-core',
  'fast-check',
  'pure-rand',
  'file-type',
  'strtok3',
  'token-types',
  'uint8array-extras',
  '@tokenizer',
  '@borewit',
  'find-my-way',
];

/** @type {import('jest').Config} */
const base = {
  testEnvironment: '<rootDir>/test/support/temp-of-file.mjs',
  globalSetup: '<rootDir>/test/support/start-run.mjs',
  globalTeardown: '<rootDir>/test/support/stop-services.mjs',
  rootDir: import.meta.dirname ?? process.cwd(),
  transform: {
    '^.+\\.(ts|js|mjs)$': [
      '@swc/jest',
      {
        swcrc: false,
        sourceMaps: true, // beside the code: inline they are most of what each file has to read again
        module: { type: 'commonjs' },
        jsc: {
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          target: 'es2023',
          keepClassNames: true,
        },
      },
    ],
  },
  resolver: '<rootDir>/test/support/typescript-first.mjs',
  moduleNameMapper: {
    '^@chancery/(protocol|client)/(.*)\\.js$': '<rootDir>/packages/$1/src/$2.ts',
    // Its exports name the condition `import` only.
    '^canonicalize$': '<rootDir>/node_modules/canonicalize/lib/canonicalize.js',
  },
  transformIgnorePatterns: [`/node_modules/(?!(${esmOnly.join('|')})/)`],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/packages/.*/dist/', '<rootDir>/.chancery/'],
};

/** One cluster for every spec of these; a run of unit specs alone starts none. */
const services = { globalSetup: '<rootDir>/test/support/start-services.mjs' };

const project = (name, roots, more = {}) => ({
  ...base,
  ...more,
  displayName: name,
  testMatch: roots.map((root) => `<rootDir>/${root}/**/*.spec.ts`),
});

export default {
  testTimeout: 60_000, // patience, no promise: a machine may have much else to do
  testSequencer: '<rootDir>/test/support/heaviest-first.mjs',
  projects: [
    project('unit', ['src', 'packages']),
    project('integration', ['test/integration'], services),
    project('e2e', ['test/e2e'], services),
    project('properties', ['test/properties']),
    project('attacks', ['test/attacks'], services),
    project('acceptance', ['test/acceptance'], services),
    // What takes minutes: `npm run test:long`.
    ...(process.env.CHANCERY_TEST_LONG === '1' ? [project('long', ['test/long'], services)] : []),
    project('browser', ['test/browser'], services),
  ],
};
