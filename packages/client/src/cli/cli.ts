import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { AgentSession } from '../agent-session.js';
import { Chancery } from '../chancery.js';
import { HttpClient } from '../http.js';
import { usage } from './cli-error.js';
import { Connection } from './connection.js';
import { EXIT } from './exit-codes.js';
import { fetchTrusting } from './fetch-trusting.js';
import type { Io } from './io.js';
import { Output } from './output.js';
import { ProfileStore } from './profile-store.js';
import {
  serviceKeyKey,
  sessionKey,
  urlKey,
  type Profile,
  type StoredAgent,
  type StoredProfile,
  type StoredSession,
  type Surface,
} from './profile.js';
import { QUICKSTART_PROFILE } from './quickstart-file.js';
import { resolveProfile } from './resolve-profile.js';
import { Terminal } from './terminal.js';

export type GlobalOptions = {
  json?: boolean;
  profile?: string;
  url?: string;
  opsUrl?: string;
  agent?: string;
};

const ENV_OF_URL = { tenant: 'CHANCERY_URL', ops: 'CHANCERY_OPS_URL' } as const;

/** What every command has at hand: output, terminal, profile, connections. Made once a run. */
export class Cli {
  readonly terminal: Terminal;
  readonly store: ProfileStore;
  exitCode: number = EXIT.ok;
  #out: Output;
  #profile: Profile | undefined;
  #wantedAgent: string | undefined;
  readonly #clients: HttpClient[] = [];
  readonly #sessions: AgentSession[] = [];

  constructor(readonly io: Io) {
    this.terminal = new Terminal(io);
    this.store = new ProfileStore(io);
    this.#out = new Output(io, false);
  }

  get out(): Output {
    return this.#out;
  }

  get profile(): Profile {
    if (!this.#profile) throw new Error('the profile is resolved before a command runs');
    return this.#profile;
  }

  /** Before each command: reads the global options and the profile they choose. */
  async prepare(command: Command): Promise<void> {
    const options = command.optsWithGlobals<GlobalOptions & { ops?: boolean }>();
    this.#wantedAgent = options.agent;
    this.#out = new Output(this.io, options.json === true);
    const onOps = options.ops === true || OPS_ONLY.has(commandPath(command));
    const flags = onOps && !options.opsUrl ? { opsUrl: options.url } : { url: options.url, opsUrl: options.opsUrl };
    this.#profile = await resolveProfile(this.io, this.store, { profile: options.profile, ...flags });
  }

  /** Whether --json was asked for, also when the command line did not parse. */
  assumeJson(asJson: boolean): void {
    this.#out = new Output(this.io, asJson);
  }

  hasUrl(surface: Surface): boolean {
    return Boolean(this.profile[urlKey(surface)]);
  }

  /** @throws CliError when the profile names no server for this surface */
  async connect(surface: Surface): Promise<Connection> {
    return new Connection(this, surface, await this.http(surface));
  }

  async http(surface: Surface): Promise<HttpClient> {
    const baseUrl = this.profile[urlKey(surface)];
    if (!baseUrl) {
      const flag = surface === 'ops' ? '--ops-url' : '--url';
      throw usage(`no ${surface} server is known`, `name it with ${flag} or ${ENV_OF_URL[surface]}`);
    }
    const extraCa = await this.#extraCa();
    const allowCleartext = this.io.env.CHANCERY_ALLOW_CLEARTEXT === '1';
    const client = new HttpClient({ baseUrl, allowCleartext, ...(extraCa && fetchTrusting(extraCa)) });
    this.#clients.push(client);
    return client;
  }

  /** The agent's own door: a session of its own, for this run. */
  async asAgent(): Promise<Chancery> {
    return Chancery.over(await this.agentSession());
  }

  async agentSession(): Promise<AgentSession> {
    const { id, api_key: apiKey } = this.agent();
    const { now, sleep } = this.io;
    const onPending = () => this.out.note('this session waits for the approval of a person …');
    const http = await this.http('tenant');
    const session = new AgentSession({ http, agentId: id, apiKey, now, sleep, onPending });
    this.#sessions.push(session);
    return session;
  }

  /** What --agent says. */
  get namedAgent(): string | undefined {
    return this.#wantedAgent;
  }

  /** The agent --agent names, or the only one the profile has. */
  agent(): StoredAgent {
    const agents = this.profile.agents ?? {};
    const names = Object.keys(agents);
    const wanted = this.#wantedAgent;
    if (wanted !== undefined) {
      const found = agents[wanted] ?? Object.values(agents).find((agent) => agent.id === wanted);
      if (found && (Object.hasOwn(agents, wanted) || found.id === wanted)) return found;
      throw usage('the profile holds no such agent', known(names));
    }
    if (names.length === 1) return agents[names[0]!]!;
    throw usage(names.length === 0 ? 'no agent is configured' : 'which agent?', known(names));
  }

  /** Keeps a session, here and in profiles.json; undefined forgets it. */
  async keepSession(surface: Surface, session: StoredSession | undefined): Promise<void> {
    set(this.profile, sessionKey(surface), session);
    await this.keep((stored) => set(stored, sessionKey(surface), session));
  }

  async keepAgent(name: string, agent: StoredAgent): Promise<void> {
    await this.keep((stored) => {
      stored.agents = { ...stored.agents, [name]: agent };
    });
  }

  /** Changes this profile in profiles.json, which then also knows its URLs. */
  async keep(change: (stored: StoredProfile) => void): Promise<void> {
    const { profile } = this;
    await this.store.update((file) => {
      const stored = (file.profiles[profile.name] ??= {});
      for (const surface of ['tenant', 'ops'] as const) moveTo(stored, surface, profile[urlKey(surface)]);
      change(stored);
      if (file.current === null && profile.name !== QUICKSTART_PROFILE) file.current = profile.name;
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#sessions.map((session) => session.end()));
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  async #extraCa(): Promise<string | undefined> {
    const path = this.io.env.CHANCERY_EXTRA_CA || this.profile.extra_ca_file;
    if (!path) return undefined;
    return readFile(path, 'utf8').catch(() => {
      throw usage('the file of CHANCERY_EXTRA_CA cannot be read', 'it is a PEM file');
    });
  }
}

/** A profile that moves to another server leaves that server's keys behind. */
function moveTo(stored: StoredProfile, surface: Surface, url: string | undefined): void {
  if (url === undefined || stored[urlKey(surface)] === url) return;
  stored[urlKey(surface)] = url;
  delete stored[sessionKey(surface)];
  delete stored[serviceKeyKey(surface)];
  if (surface === 'tenant') delete stored.agents;
}

function set<T extends object, K extends keyof T>(target: T, key: K, value: T[K] | undefined): void {
  if (value === undefined) delete target[key];
  else target[key] = value;
}

const known = (names: string[]) =>
  names.length === 0
    ? 'set CHANCERY_AGENT_ID and CHANCERY_AGENT_KEY, or `chancery agent register NAME --save`'
    : `--agent ${names.slice(0, 8).join(' | ')}`;

/** Commands that speak to the ops surface only, so that --url means its URL. */
const OPS_ONLY = new Set(['seal', 'unseal', 'tenant create', 'tenant list']);

function commandPath(command: Command): string {
  const names: string[] = [];
  for (let at: Command | null = command; at?.parent; at = at.parent) names.unshift(at.name());
  return names.join(' ');
}
