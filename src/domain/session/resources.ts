import { invalid, Refusal } from '../../protocol/refusal.ts';
import type { FileResource, SessionResource } from '../../protocol/session-resources.ts';
import { checkApart } from '../mount-paths.ts';
import { checkFileCount, checkReadable } from '../session-resources.ts';
import type { Draft } from './draft.ts';
import { archivedRefusal } from './lifecycle.ts';
import type { SessionState } from './state.ts';

/** What becomes of a session's resources after its creation (spec/sessions.md, Resources). No event tells of it. */

/** A memory store has no id of its own as a resource: the store's stands for it. */
export function findResource(resources: readonly SessionResource[], id: string): SessionResource {
  const found = resources.find((resource) => idOf(resource) === id);
  if (!found) throw new Refusal('not_found', `Session resource not found: ${id}`);
  return found;
}

export function idOf(resource: SessionResource): string {
  return resource.type === 'memory_store' ? resource.memory_store_id : resource.id;
}

/** Only files come later than the session itself. */
export function attachFile(draft: Draft, file: FileResource): void {
  const state = changeable(draft);
  checkReadable(state.agent.tools, 'resource');
  const { resources } = state;
  checkFileCount(resources.filter(({ type }) => type === 'file').length + 1);
  const mounts = resources.flatMap((each) =>
    each.type === 'memory_store' ? [] : [{ path: each.mount_path, field: each.id }],
  );
  checkApart([...mounts, { path: file.mount_path, field: 'mount_path' }]);
  draft.append({ kind: 'attached', resource: file, atUs: draft.nowUs });
}

/** Repositories alone have something to renew: their token, which is none of the log's business. */
export function renewResource(draft: Draft, id: string): SessionResource {
  const resource = findResource(changeable(draft).resources, id);
  if (resource.type !== 'github_repository') {
    throw invalid(`Session resource ${id} is a ${resource.type}; only a github_repository can be updated`);
  }
  draft.append({ kind: 'renewed', resourceId: id, atUs: draft.nowUs });
  return findResource(draft.state().resources, id);
}

/** The file that goes. */
export function detachFile(draft: Draft, id: string): FileResource {
  const resource = findResource(changeable(draft).resources, id);
  if (resource.type !== 'file') {
    throw invalid(`Session resource ${id} is a ${resource.type}; only a file can be removed from a session`);
  }
  draft.append({ kind: 'detached', resourceId: id, atUs: draft.nowUs });
  return resource;
}

function changeable(draft: Draft): SessionState {
  const state = draft.state();
  if (state.status === 'terminated') throw archivedRefusal(state);
  return state;
}
