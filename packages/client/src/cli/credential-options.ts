import { type Command, InvalidArgumentError } from 'commander';
import { collect, port, wholeNumber } from './values.js';

const PER_MINUTE_MAX = 1_000_000;

/** Takes a setting away. Commander makes an empty text of null. */
const NONE = 'none';

export type BindingOptions = {
  domain?: string[];
  port?: number[];
  cleartext?: boolean;
  method?: string[];
  pathPrefix?: string[];
  privateRange?: string[];
  placement?: string[];
};
export type UseOptions = {
  minimumTier?: string;
  inject?: Injection | typeof NONE;
  approval?: string;
  perMinute?: number | typeof NONE;
};
export type Injection = { kind: string; scheme?: string; name?: string; field?: string };

export const bindingOptions = (command: Command): Command =>
  command
    .option('--domain <host>', 'where it may go, e.g. api.openai.com or *.github.com (repeatable)', collect)
    .option('--port <port>', 'port it may go to, default 443 (repeatable)', port)
    .option('--cleartext', 'allow http (development only)')
    .option('--method <method>', 'HTTP method it may be used with, default any (repeatable)', collect)
    .option('--path-prefix <path>', 'path it may be sent below, default any (repeatable)', collect)
    .option('--private-range <cidr>', 'private network it may be sent into (repeatable)', collect)
    .option('--placement <place>', 'header, query, path or body: where it may stand (repeatable)', collect);

export const useOptions = (command: Command): Command =>
  command
    .option('--minimum-tier <tier>', 'lowest tier that may use it (default COMPANION)')
    .option(
      '--inject <how>',
      'where it goes unasked: bearer, basic, scheme:NAME, header:NAME, query:NAME; …=FIELD',
      injection,
    )
    .option('--approval <when>', 'each_use: a person is asked before every use; none')
    .option('--per-minute <n>', 'uses a minute and agent; none', perMinute);

export const valueOptions = (command: Command): Command =>
  command
    .option('--field <name>', 'a secret field: NAME asks, NAME=@FILE, NAME=- for stdin (repeatable)', collect)
    .option('--public-field <name=text>', 'a field that is no secret, such as a user name (repeatable)', collect);

export const bindingBody = (o: BindingOptions) => ({
  allowed_domains: o.domain ?? [],
  ports: o.port,
  cleartext: o.cleartext,
  methods: o.method,
  path_prefixes: o.pathPrefix,
  private_ranges: o.privateRange,
  placements: o.placement,
});

export const useBody = (o: UseOptions) => ({
  minimum_tier: o.minimumTier?.toUpperCase(),
  injection: o.inject === NONE ? null : o.inject,
  approval: o.approval,
  limits: o.perMinute === undefined ? undefined : { per_minute: o.perMinute === NONE ? null : o.perMinute },
});

/** @throws InvalidArgumentError, which commander reports as usage */
function injection(text: string): Injection | typeof NONE {
  const [, kind = '', name, field] = /^([a-z]+)(?::([^=]+))?(?:=([a-z][a-z0-9_]{0,31}))?$/.exec(text) ?? [];
  const ofField = field === undefined ? {} : { field };
  if (name === undefined) {
    if (text === NONE) return NONE;
    if (kind === 'basic' && field === undefined) return { kind };
    if (kind === 'bearer') return { kind: 'scheme', scheme: 'Bearer', ...ofField };
  } else {
    if (kind === 'scheme') return { kind, scheme: name, ...ofField };
    if (kind === 'header' || kind === 'query') return { kind, name, ...ofField };
  }
  throw new InvalidArgumentError('It is bearer, basic, scheme:NAME, header:NAME, query:NAME or none.');
}

const perMinute = (text: string): number | typeof NONE => (text === NONE ? NONE : wholeNumber(1, PER_MINUTE_MAX)(text));
