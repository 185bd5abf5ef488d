import type { NewId, ResourceId, SessionId } from '../base/ids.ts';
import type { Collections } from '../domain/collections.ts';
import type { FileCopy } from '../domain/files.ts';
import { checkAttachable } from '../domain/memory-stores.ts';
import type { Seal } from '../domain/sealing.ts';
import type { Beside } from '../domain/session/session-log.ts';
import type { ResourceSetting } from '../domain/session-resources.ts';
import { checkResources, createResources } from '../domain/session-resources.ts';
import type { MemoryStore } from '../protocol/memory-stores.ts';
import type { SessionResource, SessionResourceParams } from '../protocol/session-resources.ts';

export type PrepareDeps = {
  readonly collections: Pick<Collections, 'memoryStores'>;
  readonly seal: Seal;
  readonly newId: NewId;
};

export type NewResources = { readonly resources: readonly SessionResource[]; readonly beside: Beside };

/**
 * What a new session is to have, checked as far as that goes before its creation: files are looked up when they
 * are copied. Nothing is written. Tokens are sealed here.
 */
export async function prepareResources(
  { collections, seal, newId }: PrepareDeps,
  params: readonly SessionResourceParams[],
  session: ResourceSetting & { readonly id: SessionId; readonly nowUs: number },
): Promise<NewResources> {
  checkResources(params, session);
  const stores = new Map<string, MemoryStore>();
  for (const one of params) {
    if (one.type !== 'memory_store') continue;
    const store = await collections.memoryStores.get(one.memory_store_id);
    checkAttachable(store, one.memory_store_id);
    stores.set(store.id, store);
  }
  const { id: sessionId, nowUs } = session;
  const resources = createResources(params, { stores, nowUs, newId });
  const tokens: Record<ResourceId, string> = {};
  const copies: FileCopy[] = [];
  for (const [index, resource] of resources.entries()) {
    const asked = params[index];
    if (asked?.type === 'file' && resource.type === 'file') {
      copies.push({ sourceId: asked.file_id, id: resource.file_id, atUs: nowUs });
    }
    if (asked?.type !== 'github_repository' || resource.type !== 'github_repository') continue;
    if (asked.authorization_token === undefined) continue;
    const place = { sessionId, resourceId: resource.id, field: 'authorization_token' } as const;
    tokens[resource.id] = seal(asked.authorization_token, place);
  }
  return { resources, beside: { tokens, files: { copies, removed: [] } } };
}
