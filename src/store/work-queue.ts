import type { CompiledQuery } from 'kysely';
import { newId } from '../base/ids.ts';
import type { LogRecord } from '../domain/session/entry.ts';
import type { SessionState } from '../domain/session/state.ts';
import { needsWorker } from '../domain/work.ts';
import { build } from './tables.ts';

/** What a commit does to the queue of its environment, in its own transaction. For most sessions: nothing. */
export function workUpdates(records: readonly LogRecord[], state: SessionState): CompiledQuery<unknown>[] {
  if (!state.selfHosted) return [];
  if (state.status === 'terminated') return [stopWork(state.id, state.lastAtUs)];
  return needsWorker(records) ? [enqueue(state)] : [];
}

/** Unless the session has an item that somebody has, or will have. */
function enqueue({ id, environmentId, lastAtUs }: SessionState): CompiledQuery<unknown> {
  return build
    .insertInto('work_items')
    .values({
      id: newId('work'),
      environment_id: environmentId,
      session_id: id,
      state: 'queued',
      metadata: '{}',
      created_at_us: lastAtUs,
      claimed_at_us: null,
      acknowledged_at_us: null,
      heartbeat_at_us: null,
      lease_until_us: null,
      ttl_seconds: null,
      stop_requested_at_us: null,
      stopped_at_us: null,
      secret_hash: null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .compile();
}

/** The session is gone, or can do nothing more. */
export function stopWork(sessionId: string, nowUs: number): CompiledQuery<unknown> {
  return build
    .updateTable('work_items')
    .set({ state: 'stopped', stopped_at_us: nowUs, lease_until_us: null, claimed_at_us: null })
    .where('session_id', '=', sessionId)
    .where('state', '!=', 'stopped')
    .compile();
}
