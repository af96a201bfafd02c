import { Injectable } from '@nestjs/common';
import { FindAgent } from '../identity/find-agent.js';
import { AllNodes } from '../keys/all-nodes.js';
import { notFound } from '../platform/http/http.errors.js';
import { newUuid, PLATFORM_TENANT_ID, publicId } from '../platform/ids.js';
import { InFlightCalls } from '../platform/outbound/in-flight.js';
import { type Act, Acts } from '../tenancy/acts.js';
import { actorOf, type Principal } from '../tenancy/principal.js';
import type { BrakeScope } from './brake.js';
import { scopeNotHere } from './brakes.errors.js';
import { type BrakeRow, findActive, insertBrake } from './brakes.repository.js';
import { CredentialNames } from './credential-names.js';
import { GlobalBrake } from './global-brake.js';

export interface ActivateBrakeInput {
  readonly scope: BrakeScope;
  readonly agentId?: string;
  readonly credentialName?: string;
  readonly reason: string;
}

interface By {
  readonly tenantId: string;
  readonly actor: string;
}

interface Target {
  readonly scope: BrakeScope;
  readonly agentId: string | null;
  readonly credentialId: string | null;
}

/**
 * Pulls a brake. When it returns, the brake stands in the chain, no use can get a higher position under the old policy
 * (the head was locked and the epoch raised), and the calls it covers are cut. Pulling one that is on changes nothing.
 */
@Injectable()
export class ActivateBrake {
  constructor(
    private readonly acts: Acts,
    private readonly findAgent: FindAgent,
    private readonly credentialNames: CredentialNames,
    private readonly global: GlobalBrake,
    private readonly inFlight: InFlightCalls,
    private readonly nodes: AllNodes,
  ) {}

  async execute(principal: Principal, input: ActivateBrakeInput): Promise<{ brake: BrakeRow; created: boolean }> {
    const isPlatform = principal.tenantId === PLATFORM_TENANT_ID;
    if (isPlatform !== (input.scope === 'global')) throw scopeNotHere();
    const by = { tenantId: principal.tenantId, actor: actorOf(principal) };
    if (input.scope === 'global') return this.#activateGlobal(by, input);
    const done = await this.#append(by, input);
    const { agentId, credentialId } = done.brake;
    this.inFlight.cut(
      {
        tenantId: principal.tenantId,
        ...(agentId === null ? {} : { agentId }),
        ...(credentialId === null ? {} : { credentialId }),
      },
      'brake',
    );
    return done;
  }

  /** For what no person has to decide. */
  globally(actor: string, reason: string): Promise<{ brake: BrakeRow; created: boolean }> {
    return this.#activateGlobal({ tenantId: PLATFORM_TENANT_ID, actor }, { scope: 'global', reason });
  }

  /** Stop admitting here, make it durable, wait until every node has stopped, drained and cut (global-brake.ts). */
  #activateGlobal(by: By, input: ActivateBrakeInput): Promise<{ brake: BrakeRow; created: boolean }> {
    return this.global.engage(async () => {
      const done = await this.#append(by, input);
      await this.nodes.obeyed(done.brake.activatedSeq);
      return done;
    });
  }

  #append(by: By, input: ActivateBrakeInput): Promise<{ brake: BrakeRow; created: boolean }> {
    return this.acts.run(
      by.tenantId,
      async (act) => {
        const target = await this.#target(act, input);
        const active = await findActive(act.tx, target);
        if (active !== undefined) return { brake: active, created: false };
        return { brake: await this.#activate(act, by.actor, input, target), created: true };
      },
      'control',
    );
  }

  async #target({ tx }: Act, input: ActivateBrakeInput): Promise<Target> {
    const none = { scope: input.scope, agentId: null, credentialId: null };
    if (input.scope === 'agent') {
      const known = input.agentId !== undefined && (await this.findAgent.execute(tx, input.agentId)) !== undefined;
      if (!known) throw notFound();
      return { ...none, agentId: input.agentId };
    }
    if (input.scope !== 'credential') return none;
    const credentialId =
      input.credentialName === undefined ? null : await this.credentialNames.idOf(tx, input.credentialName);
    if (credentialId === null) throw notFound();
    return { ...none, credentialId };
  }

  async #activate(
    { tx, chain, nowMs }: Act,
    actor: string,
    input: ActivateBrakeInput,
    target: Target,
  ): Promise<BrakeRow> {
    const id = newUuid();
    const details = {
      brake: publicId('brk', id),
      scope: input.scope,
      reason: input.reason,
      ...(target.agentId === null ? {} : { agent: publicId('agt', target.agentId) }),
      ...(target.credentialId === null ? {} : { credential: publicId('crd', target.credentialId) }),
    };
    const ref = await chain.append({ actor, action: 'brake.activate', outcome: 'success', details });
    return insertBrake(tx, {
      ...target,
      id,
      credentialName: input.credentialName ?? null,
      reason: input.reason,
      activatedAt: new Date(nowMs),
      activatedBy: actor,
      activatedSeq: ref.seq,
      activatedHash: Buffer.from(ref.hash, 'hex'),
    });
  }
}
