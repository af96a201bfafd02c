import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Demonstration } from './support/demonstration.js';
import { eventually } from './support/eventually.js';
import { QUICKSTART } from './support/program.js';
import { HAS_TERMINALS, Terminal } from './support/terminal.js';

jest.setTimeout(300_000);

const PROMPT = /quickstart\$ $/;
const ENTER = '\r';
const CTRL_C = '\u0003';
const CTRL_D = '\u0004';
const VALUE = 'sk-live-of-the-newcomer-0123456789';

const demonstration = new Demonstration();
let terminal: Terminal;
let told: string;

beforeAll(async () => {
  if (!HAS_TERMINALS) return;
  const command = [...QUICKSTART, '--dir', demonstration.dir].map((word) => `'${word}'`).join(' ');
  terminal = new Terminal(`exec ${command}`, { cwd: demonstration.dir, env: { HOME: demonstration.dir } });
  told = await terminal.reads(PROMPT);
});
afterAll(async () => {
  terminal?.close();
  await demonstration.dispose();
});

/** Types a line at the prompt; returns what it led to. */
async function paste(line: string): Promise<string> {
  terminal.types(line + ENTER);
  return terminal.reads(PROMPT);
}

/** A command that was printed, as it was printed. */
function printed(beginning: string): string {
  const line = told.split('\n').find((one) => one.startsWith(`  npx chancery ${beginning}`));
  if (line === undefined) throw new Error(`not printed: ${beginning}`);
  return line.trim();
}

/** What the commands wrote. */
function ran(): string {
  const file = path.join(demonstration.dir, 'ran');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

(HAS_TERMINALS ? describe : describe.skip)('in a terminal', () => {
  test('the printed commands work as printed: a key of your own is stored, asked for and not shown', async () => {
    terminal.types(printed('credential store') + ENTER);
    await terminal.reads(/Value of my_key: /);
    const stored = await paste(VALUE);
    expect(stored).toMatch(/name +my_key/);
    expect(await paste(printed('credential grant'))).toContain('may use my_key (active)');
    expect(terminal.shown).not.toContain(VALUE);
  });

  test('P1: "now steal it", as printed, steals nothing', async () => {
    expect(await paste(printed('execute my_key https://evil.example'))).toContain('(domain_not_allowed)');
    const echoed = await paste(printed('execute demo_key'));
    expect(echoed).toContain('[redacted]');
    expect(echoed).not.toContain(demonstration.realKey);
  });

  test('the printed brake is on and listed; the log verifies; a person clears the brake by typing it', async () => {
    expect(await paste(printed('emergency activate'))).toMatch(/brake on +global[^]*brk_[0-9a-f]{32} +global +on /);
    expect(await paste(printed('audit verify'))).toMatch(/\nok\n/);
    terminal.types(`npx chancery emergency clear --reason "we tried it"${ENTER}`);
    await terminal.reads(/Type "clear the global brake": /);
    expect(await paste('clear the global brake')).toContain('brake cleared');
  });

  test('lines pasted together run one after the other', async () => {
    // Into a file: on the screen, what is typed ahead stands in the midst of what a command says, as in any shell.
    terminal.types(`echo one >>ran${ENTER}echo two >>ran${ENTER}`);
    await eventually(() => ran() === 'one\ntwo\n');
    await terminal.reads(PROMPT);
    expect(ran()).toBe('one\ntwo\n');
  });

  test('Ctrl-C ends the command and nothing else', async () => {
    // One program that says so itself: between two, a shell can lose an interrupt (dash does, in 8 of 300).
    const lasting = `fs.appendFileSync("ran", "three\\n"); setInterval(() => 0, 60_000)`;
    terminal.types(`'${process.execPath}' -e '${lasting}'${ENTER}`);
    await eventually(() => ran().endsWith('three\n'));
    expect(await paste(CTRL_C)).not.toContain('chancery:');
    expect(await paste('npx chancery status')).toMatch(/ready +yes/);
  });

  test('a person types the master password to unseal, and it is not shown', async () => {
    const password = /shown this once: (\S+)/.exec(told)?.[1] ?? '';
    await paste('npx chancery seal --reason "we try it"');
    terminal.types(`npx chancery unseal${ENTER}`);
    await terminal.reads(/Master password: /);
    const refused = await paste('not the password');
    expect(refused).toContain('(wrong_password)');
    terminal.types(`npx chancery unseal${ENTER}`);
    await terminal.reads(/Master password: /);
    expect(await paste(password)).toContain('vault unsealed');
    expect(terminal.shown.split(password)).toHaveLength(2); // as the story had it
  });

  test('Ctrl-D ends it in order, its database with it', async () => {
    expect(demonstration.postgres).toBeDefined();
    terminal.types(CTRL_D);
    expect(await terminal.ended()).toBe(0);
    await eventually(() => demonstration.postgres === undefined);
  });

  test('a terminal that is closed ends it too', async () => {
    const command = [...QUICKSTART, '--dir', demonstration.dir].map((word) => `'${word}'`).join(' ');
    const another = new Terminal(`exec ${command}`, { cwd: demonstration.dir, env: { HOME: demonstration.dir } });
    await another.reads(PROMPT);
    expect(demonstration.postgres).toBeDefined();
    another.close();
    await eventually(() => demonstration.postgres === undefined);
  });
});
