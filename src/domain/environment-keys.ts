import { formatUs } from '../base/timestamp.ts';
import type { EnvironmentKey, EnvironmentKeyCreate } from '../protocol/environment-keys.ts';
import type { Environment } from '../protocol/environments.ts';
import { invalid } from '../protocol/refusal.ts';
import { secretHint } from './api-keys.ts';
import type { PageQuery } from './collections.ts';
import { environmentKeysMax } from './limits.ts';
import type { Positioned } from './session/session-log.ts';

/** Keys of workers are told from API keys by their beginning. */
export const environmentKeyPrefix = 'sk-ant-oat01-';

/** Found below their environment only, which takes them along when it is deleted. */
export interface EnvironmentKeys {
  /** `check` gets the environment and the number of its keys in use, and may refuse. `false`: no such environment. */
  insert(
    key: EnvironmentKey,
    secretHash: string,
    check: (environment: Environment, active: number) => void,
  ): Promise<boolean>;
  get(environmentId: string, id: string): Promise<EnvironmentKey | null>;
  change(
    environmentId: string,
    id: string,
    rule: (current: EnvironmentKey) => EnvironmentKey,
  ): Promise<EnvironmentKey | null>;
  page(environmentId: string, query: EnvironmentKeyQuery): Promise<readonly Positioned<EnvironmentKey>[]>;
}

export type EnvironmentKeyQuery = PageQuery & { readonly includeRevoked: boolean };

export type EnvironmentKeyBirth = {
  readonly id: string;
  readonly environmentId: string;
  readonly secret: string;
  readonly nowUs: number;
};

export function createEnvironmentKey(
  params: EnvironmentKeyCreate,
  birth: EnvironmentKeyBirth,
): EnvironmentKey {
  return {
    id: birth.id,
    type: 'environment_key',
    environment_id: birth.environmentId,
    name: params.name,
    partial_key_hint: secretHint(birth.secret) ?? '',
    created_at: formatUs(birth.nowUs),
    revoked_at: null,
  };
}

export function checkEnvironmentKeyAdmission(environment: Environment, active: number): void {
  if (environment.archived_at !== null)
    throw invalid(`Environment ${environment.id} is archived.`, 'environment_archived');
  if (active >= environmentKeysMax)
    throw invalid(
      `Environment ${environment.id} has ${environmentKeysMax} keys, the most it can hold; revoke one first`,
    );
}

/** One-way and idempotent. */
export function revokeEnvironmentKey(current: EnvironmentKey, nowUs: number): EnvironmentKey {
  return current.revoked_at === null ? { ...current, revoked_at: formatUs(nowUs) } : current;
}
