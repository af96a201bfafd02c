/** The kinds of ids, by the prefix each wears. */
export const ID_PREFIXES = {
  tenant: 'ten',
  member: 'mem',
  service_key: 'key',
  session: 'ses',
  agent: 'agt',
  credential: 'crd',
  grant: 'grt',
  brake: 'brk',
  approval: 'apr',
  request: 'req',
  anomaly: 'anm',
  webhook: 'whk',
  event: 'evt',
  delivery: 'dlv',
} as const;

/** What stands before the underscore of an id. */
export type IdPrefix = (typeof ID_PREFIXES)[keyof typeof ID_PREFIXES];

/** An id as it is written everywhere outside the database: prefix, underscore, a UUID as 32 hex digits, no dashes. */
export type Id<P extends IdPrefix = IdPrefix> = `${P}_${string}`;

/** The tenant that stands for the platform itself. */
export const PLATFORM_TENANT_ID: Id<'ten'> = 'ten_00000000000000000000000000000000';

const DASHED = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const HEX_32 = /^[0-9a-f]{32}$/;

/**
 * `agt_018f…` from a UUID with dashes, lower case.
 * @throws {RangeError} when `uuid` is no such UUID: ids come from the database or a generator, never from a request
 */
export function formatId<P extends IdPrefix>(prefix: P, uuid: string): Id<P> {
  if (!DASHED.test(uuid)) throw new RangeError('a UUID in lower case with dashes is needed');
  return `${prefix}_${uuid.slice(0, 8)}${uuid.slice(9, 13)}${uuid.slice(14, 18)}${uuid.slice(19, 23)}${uuid.slice(24)}`;
}

/**
 * The UUID, with dashes, of an id of the kind `prefix`.
 * @returns undefined when `text` is anything else: another kind, upper case, another length
 */
export function parseId(prefix: IdPrefix, text: string): string | undefined {
  if (!text.startsWith(`${prefix}_`)) return undefined;
  const hex = text.slice(prefix.length + 1);
  if (!HEX_32.test(hex)) return undefined;
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** Whether `text` is an id of the kind `prefix`. */
export function isId<P extends IdPrefix>(prefix: P, text: string): text is Id<P> {
  return parseId(prefix, text) !== undefined;
}
