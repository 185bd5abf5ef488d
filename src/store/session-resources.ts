import { checkAttachable } from '../domain/memory-stores.ts';
import type { ReadRepositoryToken } from '../domain/repositories.ts';
import type { Beside, SealedTokens } from '../domain/session/session-log.ts';
import type { SessionState } from '../domain/session/state.ts';
import type { ContentChanges } from './contents.ts';
import type { Engine, Sql } from './engines/engine.ts';
import { lock } from './log-queries.ts';
import { memoryStoreById, memoryStoreOf } from './memory-stores.ts';
import { changeSessionFiles } from './session-files.ts';
import { build } from './tables.ts';

/** Rows that stand beside a session's log and change in its transactions. */

/** Each memory store of a new session is looked at once more: now nobody can archive or delete it in between. */
export async function attachStores(tx: Sql, workspaceId: string, state: SessionState): Promise<void> {
  for (const resource of state.resources) {
    if (resource.type !== 'memory_store') continue;
    const id = resource.memory_store_id;
    const [row] = await tx.all(memoryStoreById(workspaceId, id));
    checkAttachable(row ? memoryStoreOf(row) : null, id);
    const link = { memory_store_id: id, created_at_us: state.createdAtUs, session_id: state.id };
    await tx.run(build.insertInto('session_memory_stores').values(link).compile());
  }
}

/** What a decision on a session wants done besides its entries. */
export async function writeBeside(
  at: { readonly tx: Sql; readonly content: ContentChanges },
  sessionId: string,
  { tokens = {}, files = { copies: [], removed: [] } }: Beside,
): Promise<void> {
  await keepTokens(at.tx, sessionId, tokens);
  if (files.copies.length === 0 && files.removed.length === 0) return;
  const [session] = await at.tx.all(lock({ id: sessionId }));
  if (session) await changeSessionFiles(at, { workspaceId: session.workspace_id, sessionId }, files);
}

/** A token replaces the one that its repository had. */
async function keepTokens(tx: Sql, sessionId: string, tokens: SealedTokens): Promise<void> {
  for (const [resourceId, sealed] of Object.entries(tokens)) {
    const query = build
      .insertInto('repository_tokens')
      .values({ session_id: sessionId, resource_id: resourceId, sealed })
      .onConflict((conflict) => conflict.columns(['session_id', 'resource_id']).doUpdateSet({ sealed }));
    await tx.run(query.compile());
  }
}

export async function dropTokens(tx: Sql, sessionId: string): Promise<void> {
  await tx.run(build.deleteFrom('repository_tokens').where('session_id', '=', sessionId).compile());
}

/** For who works on sessions, of any workspace. */
export function createReadRepositoryToken(engine: Engine): ReadRepositoryToken {
  return async (sessionId, resourceId) => {
    const query = build
      .selectFrom('repository_tokens')
      .select('sealed')
      .where('session_id', '=', sessionId)
      .where('resource_id', '=', resourceId);
    const [row] = await engine.read.all(query.compile());
    return row?.sealed ?? null;
  };
}
