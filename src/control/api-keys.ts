import type { Clock } from '../base/clock.ts';
import type { NewId } from '../base/ids.ts';
import { newApiKeySecret } from '../base/secrets.ts';
import { sha256Hex } from '../base/sha256.ts';
import type { StoredKey } from '../domain/api-keys.ts';
import { checkKeyAdmission, createKey, presentKey, updateKey } from '../domain/api-keys.ts';
import type { ApiKeys } from '../domain/organization.ts';
import type { ApiKey, ApiKeyCreate, ApiKeyUpdate, NewApiKey } from '../protocol/api-keys.ts';
import { Refusal } from '../protocol/refusal.ts';
import type { IdPage, IdWindow } from './page-by-ids.ts';
import { pageByIds } from './page-by-ids.ts';

export type ApiKeyDeps = {
  readonly apiKeys: ApiKeys;
  readonly defaultWorkspaceId: string;
  readonly clock: Clock;
  readonly newId: NewId;
};

export type ApiKeyCommands = {
  /** `workspaceId`: where the request acts, and its keys unless it says otherwise. */
  create(body: ApiKeyCreate, workspaceId: string): Promise<NewApiKey>;
  retrieve(id: string): Promise<ApiKey>;
  update(id: string, body: ApiKeyUpdate): Promise<ApiKey>;
  list(query: ApiKeyListQuery): Promise<IdPage<ApiKey>>;
};

export type ApiKeyListQuery = IdWindow & {
  readonly status?: ApiKey['status'] | undefined;
  readonly workspace_id?: string | undefined;
  readonly created_by_user_id?: string | undefined;
};

export function createApiKeyCommands({
  apiKeys,
  defaultWorkspaceId,
  clock,
  newId,
}: ApiKeyDeps): ApiKeyCommands {
  return {
    async create(body, workspaceId) {
      const secret = newApiKeySecret();
      const nowUs = clock.nowUs();
      const key = createKey(body, { id: newId('apikey'), secret, nowUs, defaultWorkspaceId, workspaceId });
      await apiKeys.insert(key, sha256Hex(secret), (workspace, kept) =>
        checkKeyAdmission(key, workspace, kept),
      );
      return { ...presentKey(key, nowUs), secret };
    },
    async retrieve(id) {
      return presentKey(found(await apiKeys.get(id), id), clock.nowUs());
    },
    async update(id, body) {
      const nowUs = clock.nowUs();
      const changed = await apiKeys.change(id, nowUs, (current, otherAdmins) =>
        updateKey(current, body, { nowUs, otherAdmins }),
      );
      return presentKey(found(changed, id), nowUs);
    },
    async list(query) {
      const nowUs = clock.nowUs();
      const { status = null, workspace_id: workspaceId = null } = query;
      const page = await pageByIds<StoredKey>(query, {
        async position(id) {
          const key = await apiKeys.get(id);
          return key && [key.createdAtUs, key.id];
        },
        // Users do not exist, so none has created a key.
        fetch: async (window) =>
          query.created_by_user_id === undefined
            ? await apiKeys.page({ ...window, status, workspaceId, nowUs })
            : [],
      });
      return { ...page, data: page.data.map((key) => presentKey(key, nowUs)) };
    },
  };
}

function found(key: StoredKey | null, id: string): StoredKey {
  if (!key) throw new Refusal('not_found', `API key not found: ${id}`);
  return key;
}
