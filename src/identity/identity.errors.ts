import type { Tier } from '@chancery/protocol/tiers.js';
import { ProblemError } from '../platform/http/problem.js';

export const agentRevoked = () =>
  new ProblemError({
    code: 'agent_revoked',
    status: 409,
    title: 'This agent was revoked',
    detail: 'Revoking is final. Register a new agent.',
  });

export const tierNotHigher = (current: Tier) =>
  new ProblemError({
    code: 'tier_not_higher',
    status: 409,
    title: 'A promotion only goes upwards',
    detail: `The agent is ${current} now.`,
  });

export const tierNotLower = (current: Tier) =>
  new ProblemError({
    code: 'tier_not_lower',
    status: 409,
    title: 'A demotion only goes downwards',
    detail: `The agent is ${current} now.`,
  });

export const sessionNotPending = () =>
  new ProblemError({
    code: 'session_not_pending',
    status: 409,
    title: 'This session waits for no approval',
    detail: 'It was ended, it lapsed, or its agent needs none.',
  });

const ALGS = 'algs="Ed25519 EdDSA ES256"';

/** RFC 9449 section 7.1: why the token or its proof is no good. The nonce for the next try comes with every 401 of the request. */
function refused(code: 'invalid_token' | 'invalid_dpop_proof' | 'use_dpop_nonce', title: string, detail: string) {
  return new ProblemError({
    code,
    status: 401,
    title,
    detail,
    isChallenge: code === 'use_dpop_nonce',
    headers: { 'WWW-Authenticate': `DPoP error="${code}", error_description="${detail}", ${ALGS}` },
  });
}

export const invalidToken = () =>
  refused(
    'invalid_token',
    'The access token is not good',
    'It has expired, its session has ended, or it is none of ours.',
  );

export const invalidDpopProof = (detail: string) => refused('invalid_dpop_proof', 'The DPoP proof is not good', detail);

export const useDpopNonce = () =>
  refused('use_dpop_nonce', 'The DPoP proof needs our nonce', 'Repeat the request with the nonce of this answer.');
