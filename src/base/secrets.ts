import { randomBytes } from 'node:crypto';
import { randomToken } from './ids.ts';

/** The secrets that the server makes up, each of at least 250 random bits. */

export function newApiKeySecret(): string {
  return `sk-anthill-${randomToken(43)}`;
}

/** The form that workers of self-hosted environments expect (spec/self-hosted-work.md, Credentials). */
export function newEnvironmentKeySecret(): string {
  return `sk-ant-oat01-${randomToken(64)}`;
}

/** For one work item; who has it acts for one session. */
export function newSessionsToken(): string {
  return `sk-ant-req-${randomToken(64)}`;
}

/** Standard Webhooks: base64 of 32 bytes. */
export function newSigningSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}
