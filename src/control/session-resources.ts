import type { Clock } from '../base/clock.ts';
import type { NewId } from '../base/ids.ts';
import type { PageQuery, Sessions } from '../domain/collections.ts';
import type { Seal } from '../domain/sealing.ts';
import type { Draft } from '../domain/session/draft.ts';
import { draftOf } from '../domain/session/draft.ts';
import { attachFile, detachFile, findResource, idOf, renewResource } from '../domain/session/resources.ts';
import type { Beside, Positioned, SessionLog } from '../domain/session/session-log.ts';
import { attachedFile } from '../domain/session-resources.ts';
import type {
  DeletedResource,
  FileResource,
  ParamsOf,
  ResourceUpdate,
  SessionResource,
} from '../protocol/session-resources.ts';
import type { Page, WindowQuery } from './page.ts';
import { pageOf } from './page.ts';
import { absentSession } from './sessions.ts';

export type SessionResourceDeps = {
  readonly log: SessionLog;
  readonly sessions: Sessions;
  readonly seal: Seal;
  readonly clock: Clock;
  readonly newId: NewId;
};

export type SessionResourceCommands = {
  add(sessionId: string, body: ParamsOf<'file'>): Promise<FileResource>;
  list(sessionId: string, query: WindowQuery): Promise<Page<SessionResource>>;
  retrieve(sessionId: string, id: string): Promise<SessionResource>;
  update(sessionId: string, id: string, body: ResourceUpdate): Promise<SessionResource>;
  delete(sessionId: string, id: string): Promise<DeletedResource>;
};

export function createSessionResourceCommands(deps: SessionResourceDeps): SessionResourceCommands {
  const { log, sessions, seal, clock, newId } = deps;

  async function resourcesOf(sessionId: string): Promise<readonly SessionResource[]> {
    const session = await sessions.get(sessionId, clock.nowUs());
    if (!session) throw absentSession(sessionId);
    return session.resources;
  }

  /** One decision on the resources of a session that exists. */
  function change<T>(sessionId: string, rule: (draft: Draft) => readonly [result: T, beside: Beside]) {
    return log.commit(sessionId, (state) => {
      const draft = draftOf(state, { nowUs: clock.nowUs(), newId });
      const [result, beside] = rule(draft);
      return { entries: draft.entries(), result, ...beside };
    });
  }

  return {
    add: (sessionId, body) =>
      change(sessionId, (draft) => {
        const file = attachedFile(body, draft);
        attachFile(draft, file);
        const copy = { sourceId: body.file_id, id: file.file_id, atUs: draft.nowUs };
        return [file, { files: { copies: [copy], removed: [] } }];
      }),
    async list(sessionId, query) {
      const resources = await resourcesOf(sessionId);
      const window = { limit: resources.length, order: 'asc' as const };
      return await pageOf(query, window, (page) => Promise.resolve(pageThrough(resources, page)));
    },
    async retrieve(sessionId, id) {
      return findResource(await resourcesOf(sessionId), id);
    },
    update: (sessionId, id, { authorization_token }) =>
      change(sessionId, (draft) => {
        const resource = renewResource(draft, id);
        const place = { sessionId, resourceId: id, field: 'authorization_token' } as const;
        return [resource, { tokens: { [id]: seal(authorization_token, place) } }];
      }),
    delete: (sessionId, id) =>
      change(sessionId, (draft) => {
        const { file_id } = detachFile(draft, id);
        const deleted = { id, type: 'session_resource_deleted' as const };
        return [deleted, { files: { copies: [], removed: [file_id] } }];
      }),
  };
}

/** In the order of the session's own list. A page goes on behind the last one seen, or where that one stood. */
function pageThrough(
  resources: readonly SessionResource[],
  { after, limit }: PageQuery,
): readonly Positioned<SessionResource>[] {
  const [index, id] = after ?? [0, null];
  const last = resources.findIndex((resource) => idOf(resource) === id);
  const start = last === -1 ? index : last + 1;
  return resources
    .slice(start, start + limit)
    .map((item, offset) => ({ item, position: [start + offset, idOf(item)] as const }));
}
