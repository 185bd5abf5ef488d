import type { Clock } from '../base/clock.ts';
import type { NewId } from '../base/ids.ts';
import { newEnvironmentKeySecret } from '../base/secrets.ts';
import { sha256Hex } from '../base/sha256.ts';
import type { Collections } from '../domain/collections.ts';
import {
  checkEnvironmentKeyAdmission,
  createEnvironmentKey,
  revokeEnvironmentKey,
} from '../domain/environment-keys.ts';
import { absentEnvironment } from '../domain/environments.ts';
import type {
  EnvironmentKey,
  EnvironmentKeyCreate,
  NewEnvironmentKey,
} from '../protocol/environment-keys.ts';
import { Refusal } from '../protocol/refusal.ts';
import type { IdPage, IdWindow } from './page-by-ids.ts';
import { pageByIds, positionOf } from './page-by-ids.ts';

export type EnvironmentKeyDeps = {
  readonly collections: Pick<Collections, 'environments' | 'environmentKeys'>;
  readonly clock: Clock;
  readonly newId: NewId;
};

export type EnvironmentKeyCommands = {
  create(environmentId: string, body: EnvironmentKeyCreate): Promise<NewEnvironmentKey>;
  list(
    environmentId: string,
    query: IdWindow & { include_revoked?: boolean | undefined },
  ): Promise<IdPage<EnvironmentKey>>;
  revoke(environmentId: string, id: string): Promise<EnvironmentKey>;
};

export function createEnvironmentKeyCommands({
  collections: { environments, environmentKeys },
  clock,
  newId,
}: EnvironmentKeyDeps): EnvironmentKeyCommands {
  async function refuseAbsent(environmentId: string): Promise<void> {
    if (!(await environments.get(environmentId))) throw absentEnvironment(environmentId);
  }

  return {
    async create(environmentId, body) {
      const secret = newEnvironmentKeySecret();
      const birth = { id: newId('envkey'), environmentId, secret, nowUs: clock.nowUs() };
      const key = createEnvironmentKey(body, birth);
      const inserted = await environmentKeys.insert(key, sha256Hex(secret), checkEnvironmentKeyAdmission);
      if (!inserted) throw absentEnvironment(environmentId);
      return { ...key, secret };
    },
    async list(environmentId, query) {
      await refuseAbsent(environmentId);
      return await pageByIds(query, {
        position: async (id) => positionOf(await environmentKeys.get(environmentId, id)),
        fetch: (window) =>
          environmentKeys.page(environmentId, {
            ...window,
            includeRevoked: query.include_revoked ?? false,
          }),
      });
    },
    async revoke(environmentId, id) {
      const nowUs = clock.nowUs();
      const revoked = await environmentKeys.change(environmentId, id, (current) =>
        revokeEnvironmentKey(current, nowUs),
      );
      if (revoked) return revoked;
      await refuseAbsent(environmentId);
      throw new Refusal('not_found', `Environment key not found: ${id}`);
    },
  };
}
