import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { parseListenAddress } from './listen-address.js';

/** What a variable is for, as it stands in `.env.example`; the group is its headline there. */
export type About = { group: string; description: string; example?: string };

export const filePath = (about: About) =>
  z
    .string()
    .max(4096)
    .refine((path) => path.startsWith('/') || path.startsWith('./'), 'must be an absolute path or begin with ./')
    .meta(about);

/** zod's wrapper would lose what the variable is for. */
export const optional = <T extends z.ZodType>(schema: T) => schema.optional().meta(schema.meta() ?? {});

export const listen = (fallback: string, about: About) =>
  z
    .string()
    .default(fallback)
    .transform((text, context) => {
      const address = parseListenAddress(text);
      if (address) return address;
      context.issues.push({ code: 'custom', message: 'must be host:port or unix:/absolute/path', input: '' });
      return z.NEVER;
    })
    .meta(about);

/** A comma-separated list, checked item by item. */
export const list = <T>(read: (item: string) => T | null, fault: string, about: About) =>
  z
    .string()
    .default('')
    .transform((text, context): T[] => {
      const items = text
        .split(',')
        .map((item) => item.trim())
        .filter(Boolean)
        .map(read);
      if (items.length <= 64 && !items.includes(null)) return items as T[];
      context.issues.push({ code: 'custom', message: fault, input: '' });
      return z.NEVER;
    })
    .meta(about);

export const origins = (about: About) =>
  list(readOrigin, 'must be base URLs such as https://api.example.com: no path, query or login', about);

export const networks = (about: About) =>
  list((item) => (ipaddr.isValidCIDR(item) ? item : null), 'must be networks in CIDR form', about);

export const whole = (fallback: number, min: number, max: number, about: Omit<About, 'example'>) =>
  z
    .string()
    .regex(/^[0-9]{1,15}$/, 'must be a whole number')
    .default(String(fallback))
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be between ${min} and ${max}`)
    .meta({ ...about, example: String(fallback) });

export const url = (schemes: readonly string[], about: About) =>
  z
    .string()
    .max(2048)
    .refine(
      (text) => URL.canParse(text) && schemes.includes(new URL(text).protocol),
      `must be a URL of ${schemes.join(' or ')}`,
    )
    .meta(about);

function readOrigin(text: string): string | null {
  if (!URL.canParse(text)) return null;
  const { protocol, origin } = new URL(text);
  return (protocol === 'https:' || protocol === 'http:') && origin === text ? origin : null;
}

export function readNameServer(text: string): string | null {
  const [, four, six, port] = /^(?:([0-9.]+)|\[([0-9a-f:]+)\]):([0-9]{1,5})$/.exec(text) ?? [];
  if (Number(port) < 1 || Number(port) > 65_535) return null;
  const isAddress = four === undefined ? ipaddr.IPv6.isValid(six ?? '') : ipaddr.IPv4.isValidFourPartDecimal(four);
  return isAddress ? text : null;
}

export function readResolve(text: string): { name: string; address: string; port: number } | null {
  const [, name, address, port] = /^([a-z0-9.-]{1,253})=([0-9.]+|\[[0-9a-f:]+\]):([0-9]{1,5})$/.exec(text) ?? [];
  if (!name || !address || Number(port) > 65_535) return null;
  const bare = address.replace(/^\[|\]$/g, '');
  return ipaddr.isValid(bare) ? { name, address: bare, port: Number(port) } : null;
}
