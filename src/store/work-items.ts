import { formatUs } from '../base/timestamp.ts';
import { workersSeenMs } from '../domain/limits.ts';
import type { Claim, StoredWork, WorkItems } from '../domain/work.ts';
import type { Engine } from './engines/engine.ts';
import { ownEnvironment } from './environments.ts';
import { keyset } from './keyset.ts';
import type { WorkItemRow } from './tables.ts';
import { build } from './tables.ts';

export function createWorkItems(engine: Engine, workspaceId: string): WorkItems {
  const place = (environmentId: string): Place => ({ workspaceId, environmentId });

  return {
    async claim(environmentId, claim) {
      const waits = claimable(place(environmentId), claim);
      const oldest = waits.orderBy('created_at_us').orderBy('id').limit(1).compile();
      for (;;) {
        // Most polls find nothing, and need not wait in the queue of writers for it.
        const [next] = await engine.read.all(oldest);
        if (!next) return null;
        if (next.state === 'active') await claim.abandon(next.session_id);
        const taken = await engine.writeBeside(environmentId, async (tx) => {
          const [row] = await tx.lock(waits.where('id', '=', next.id).compile());
          if (!row) return null;
          const after = claimed(row, claim);
          await tx.run(build.updateTable('work_items').set(after).where('id', '=', row.id).compile());
          return workOfRow(after);
        });
        // Otherwise another worker was faster, and there is one item less.
        if (taken) return taken;
      }
    },
    async get(environmentId, id) {
      const [row] = await engine.read.all(byId(place(environmentId), id));
      return row ? workOfRow(row) : null;
    },
    change(environmentId, id, rule) {
      return engine.writeBeside(id, async (tx) => {
        const [row] = await tx.lock(byId(place(environmentId), id));
        if (!row) return null;
        const before = workOfRow(row);
        const after = rule(before);
        if (after === before) return before;
        await tx.run(build.updateTable('work_items').set(changesOf(after)).where('id', '=', id).compile());
        return after;
      });
    },
    async page(environmentId, query) {
      const select = build
        .selectFrom('work_items')
        .selectAll()
        .where('environment_id', '=', ownEnvironment(workspaceId, environmentId));
      const rows = await engine.read.all(keyset(select, ['created_at_us', 'id'], query).compile());
      return rows.map((row) => ({ item: workOfRow(row), position: [row.created_at_us, row.id] as const }));
    },
    async stats(environmentId, nowUs) {
      const [row] = await engine.read.all(waiting(place(environmentId), nowUs));
      const pending = Number(row?.claimed ?? 0);
      return {
        depth: Number(row?.all ?? 0) - pending,
        pending,
        oldest_queued_at: row?.oldest == null ? null : formatUs(Number(row.oldest)),
      };
    },
    ...pollersOf(engine),
  };
}

/** Who polls which queue. */
function pollersOf(engine: Engine): Pick<WorkItems, 'noteWorker' | 'countWorkers'> {
  return {
    async noteWorker(environmentId, worker, nowUs) {
      const seen = build
        .insertInto('work_pollers')
        .values({ environment_id: environmentId, worker, seen_at_us: nowUs })
        .onConflict((conflict) =>
          conflict.columns(['environment_id', 'worker']).doUpdateSet({ seen_at_us: nowUs }),
        );
      const gone = build
        .deleteFrom('work_pollers')
        .where('environment_id', '=', environmentId)
        .where('seen_at_us', '<', nowUs - workersSeenMs * 1000);
      await engine.writeBeside(environmentId, async (tx) => {
        // Names are made up by workers, often anew with each start.
        await tx.run(gone.compile());
        await tx.run(seen.compile());
      });
    },
    async countWorkers(environmentId, sinceUs) {
      const count = build
        .selectFrom('work_pollers')
        .select((select) => select.fn.countAll<number>().as('count'))
        .where('environment_id', '=', environmentId)
        .where('seen_at_us', '>=', sinceUs);
      const [row] = await engine.read.all(count.compile());
      return Number(row?.count ?? 0);
    },
  };
}

type Place = { readonly workspaceId: string; readonly environmentId: string };

/** What waits: never handed out, handed out too long ago, or left by a worker whose lease ended. */
function claimable(
  { workspaceId, environmentId }: Place,
  { nowUs, claimedBeforeUs }: { readonly nowUs: number; readonly claimedBeforeUs: number },
) {
  return build
    .selectFrom('work_items')
    .selectAll()
    .where('environment_id', '=', ownEnvironment(workspaceId, environmentId))
    .where((where) =>
      where.or([
        where('state', '=', 'queued').and(
          where.or([where('claimed_at_us', 'is', null), where('claimed_at_us', '<', claimedBeforeUs)]),
        ),
        where('state', 'in', ['starting', 'active']).and('lease_until_us', '<=', nowUs),
      ]),
    );
}

function claimed(row: WorkItemRow, { nowUs, secretHash }: Claim): WorkItemRow {
  return {
    ...row,
    state: 'queued',
    claimed_at_us: nowUs,
    acknowledged_at_us: null,
    heartbeat_at_us: null,
    lease_until_us: null,
    secret_hash: secretHash,
  };
}

function byId({ workspaceId, environmentId }: Place, id: string) {
  return build
    .selectFrom('work_items')
    .selectAll()
    .where('environment_id', '=', ownEnvironment(workspaceId, environmentId))
    .where('id', '=', id)
    .compile();
}

function waiting(place: Place, nowUs: number) {
  return claimable(place, { nowUs, claimedBeforeUs: Number.MAX_SAFE_INTEGER })
    .clearSelect()
    .select((select) => [
      select.fn.countAll<number>().as('all'),
      // An item whose lease ended is claimed by nobody.
      select.fn.count<number>('claimed_at_us').as('claimed'),
      select.fn.min<number | null>('created_at_us').as('oldest'),
    ])
    .compile();
}

function workOfRow(row: WorkItemRow): StoredWork {
  return {
    id: row.id,
    environmentId: row.environment_id,
    sessionId: row.session_id,
    state: row.state,
    metadata: JSON.parse(row.metadata) as Record<string, string>,
    createdAtUs: row.created_at_us,
    claimedAtUs: row.claimed_at_us,
    acknowledgedAtUs: row.acknowledged_at_us,
    heartbeatAtUs: row.heartbeat_at_us,
    leaseUntilUs: row.lease_until_us,
    ttlSeconds: row.ttl_seconds,
    stopRequestedAtUs: row.stop_requested_at_us,
    stoppedAtUs: row.stopped_at_us,
  };
}

function changesOf(work: StoredWork) {
  return {
    state: work.state,
    metadata: JSON.stringify(work.metadata),
    claimed_at_us: work.claimedAtUs,
    acknowledged_at_us: work.acknowledgedAtUs,
    heartbeat_at_us: work.heartbeatAtUs,
    lease_until_us: work.leaseUntilUs,
    ttl_seconds: work.ttlSeconds,
    stop_requested_at_us: work.stopRequestedAtUs,
    stopped_at_us: work.stoppedAtUs,
  };
}
