import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import type { Cli } from './cli.js';
import { usage } from './cli-error.js';

/** For options that may be repeated. */
export const collect = (value: string, before: string[] = []) => [...before, value];

/** @throws InvalidArgumentError, which commander reports as usage */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^[0-9]{1,10}$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}

export function port(text: string, before: number[] = []): number[] {
  return [...before, wholeNumber(1, 65_535)(text)];
}

/** A secret value from a hidden prompt or, when stdin is no terminal, from stdin; one line end at its end is dropped. */
export async function readSecretValue(cli: Cli, question: string): Promise<string> {
  if (cli.terminal.interactive) {
    const typed = await cli.terminal.askHidden(question);
    if (typed === '') throw usage('the value is empty', 'type or paste it');
    return typed;
  }
  const value = decode(await cli.terminal.readAll()).replace(/\r?\n$/, '');
  if (value === '') throw usage('stdin holds no value', 'pipe it in, e.g. `pass show openai | chancery …`');
  return value;
}

/** A request body: the text itself, `@file`, or `-` for stdin. */
export async function readBody(cli: Cli, data: string): Promise<string> {
  if (data === '-' || data === '@-') return decode(await cli.terminal.readAll());
  if (!data.startsWith('@')) return data;
  return readFile(resolve(cli.io.cwd, data.slice(1)), 'utf8').catch(() => {
    throw usage('the file of the body cannot be read', 'it is named after the @');
  });
}

export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw usage(`${what} is not JSON`, 'check quotes and commas');
  }
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw usage('stdin is not UTF-8 text', 'encode binary values first, e.g. with base64');
  }
}
