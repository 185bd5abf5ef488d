import type { ReadRepositoryToken, RepositoryTokens } from '../domain/repositories.ts';
import { createPlaceholders } from './placeholders.ts';
import { unseal } from './sealing.ts';

export type RepositoryTokenOptions = { readonly key: Uint8Array; readonly read: ReadRepositoryToken };

export function createRepositoryTokens({ key, read }: RepositoryTokenOptions): RepositoryTokens {
  return {
    placeholderOf: createPlaceholders(key),
    async tokenOf(sessionId, resourceId) {
      const sealed = await read(sessionId, resourceId);
      const place = { sessionId, resourceId, field: 'authorization_token' } as const;
      return sealed === null ? null : unseal(key, sealed, place);
    },
  };
}
