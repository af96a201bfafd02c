/**
 * The direction data runs in. A room may import what stands in its own list and everything below that; an import
 * upward or a circle fails. A new folder of src gets its line here first.
 */
const below = {
  config: [],
  platform: ['config'],
  tenancy: ['platform'],
  keys: ['tenancy'],
  audit: ['keys'],
  identity: ['audit'],
  brakes: ['identity'],
  credentials: ['brakes'],
  proxy: ['credentials'],
  registry: ['audit'],
  receipts: ['registry'],
  ledger: ['receipts'],
  rails: ['ledger'],
  commerce: ['rails'],
  disputes: ['commerce'],
  anchoring: ['audit'],
  webhooks: ['proxy', 'disputes', 'anchoring'],
  mcp: ['proxy', 'disputes', 'anchoring'],
  console: ['proxy', 'disputes', 'anchoring'],
};
const rooms = Object.keys(below);
const ENTRIES = '^src/([^/]+[.]ts$|quickstart/)'; // start, wire and tell; nothing imports them but each other
const SPEC = '[.]spec[.]ts$';

const reach = (room) => [...new Set([room, ...below[room].flatMap(reach)])];
const anyOf = (names) => `^src/(${names.join('|')})/`;
const rule = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

module.exports = {
  forbidden: [
    ...rooms.map((room) =>
      rule(
        `${room}-imports-downward`,
        `${room} may import: ${reach(room).join(', ')}`,
        { path: anyOf([room]) },
        {
          path: '^src/',
          pathNot: anyOf(reach(room)),
        },
      ),
    ),
    rule(
      'rooms-are-known',
      'a folder of src needs its place in the list above',
      {},
      {
        path: '^src/',
        pathNot: [anyOf(rooms), ENTRIES],
      },
    ),
    rule(
      'rooms-are-known-importing',
      'a folder of src needs its place in the list above',
      {
        path: '^src/',
        pathNot: [anyOf(rooms), ENTRIES],
      },
      {},
    ),
    rule('no-circles', 'a circle has no bottom to start reading from', {}, { circular: true }),
    rule(
      'features-keep-their-rows',
      'a feature offers use cases, guards and domain types; not its repository, not its controllers',
      { path: '^src/([^/]+)/' },
      { path: '^src/[^/]+/.*[.](repository|controller)[.]ts$', pathNot: '^src/$1/' },
    ),
    rule(
      'tables-serve-foreign-keys',
      'a feature’s table is its own; only another table may name it, for a foreign key',
      { path: '^src/([^/]+)/', pathNot: '[.]table[.]ts$' },
      { path: '^src/[^/]+/.*[.]table[.]ts$', pathNot: '^src/$1/' },
    ),
    rule(
      'protocol-is-pure',
      'server, CLI, SDK and browser run it',
      { path: '^packages/protocol/src/', pathNot: SPEC },
      {
        dependencyTypes: ['core'],
      },
    ),
    rule(
      'protocol-is-the-bottom',
      'protocol rests on nothing of ours',
      { path: '^packages/protocol/' },
      {
        path: '^(src|packages/client|test)/',
      },
    ),
    rule(
      'client-is-a-stranger',
      'the client knows a server by HTTP only',
      { path: '^packages/client/' },
      {
        path: '^(src|test)/',
      },
    ),
    rule(
      'server-needs-no-client',
      'the server does not import its client',
      { path: '^src/', pathNot: ENTRIES },
      {
        path: '^packages/client/',
      },
    ),
    rule(
      'acceptance-is-black-box',
      'acceptance tests see what a user sees',
      { path: '^test/acceptance/' },
      {
        path: '^src/',
        reachable: true,
      },
    ),
    rule(
      'product-without-tests',
      'nothing that ships imports a test',
      { path: '^(src|packages)/', pathNot: SPEC },
      {
        path: ['^test/', SPEC],
      },
    ),
    rule(
      'product-without-dev-packages',
      'what ships runs without development packages',
      {
        path: '^(src|packages)/',
        pathNot: SPEC,
      },
      { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['npm', 'type-only'] },
    ),
    rule('imports-lead-somewhere', 'an import that does not resolve', {}, { couldNotResolve: true }),
    rule(
      'packages-are-declared',
      'imported, but in no package.json',
      {},
      {
        dependencyTypes: ['npm-no-pkg', 'npm-unknown'],
      },
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['chancery-source', 'import', 'node', 'default', 'types'],
    },
  },
};
