import type { CompiledQuery, ExpressionBuilder } from 'kysely';
import type { Clock } from '../base/clock.ts';
import { waitingSessionsMax } from '../domain/limits.ts';
import type { DriveScope, Lease, Leases } from '../domain/session/session-log.ts';
import type { Engine } from './engines/engine.ts';
import { prepare } from './prepare.ts';
import type { SessionRow, Tables } from './tables.ts';
import { build } from './tables.ts';

/** Other servers that live: what they drove last is theirs to go on with. */
export type Others = () => readonly string[];

/** Leases on the session rows. The epoch only grows, so an append of an earlier holder is recognised. */
export function createLeases(
  engine: Engine,
  clock: Clock,
  others: Others,
  scope: DriveScope = 'all',
): Leases {
  return {
    claim(owner, ttlMs) {
      return engine.writeBeside('claims', async (tx) => {
        const nowUs = clock.nowUs();
        const [row] = await tx.lockFree(runnable(nowUs, others(), scope));
        if (!row) return null;
        const epoch = row.lease_epoch + 1;
        await tx.run(takeLease({ id: row.id, owner, epoch, untilUs: nowUs + ttlMs * 1000 }));
        return { sessionId: row.id, owner, epoch };
      });
    },
    async extend(lease, ttlMs) {
      const untilUs = clock.nowUs() + ttlMs * 1000;
      const query = held(lease).set({ lease_until_us: untilUs }).compile();
      return (await engine.writeBeside(lease.sessionId, (tx) => tx.run(query))) === 1;
    },
    async release(lease) {
      const query = held(lease).set({ lease_owner: null, lease_until_us: null }).compile();
      await engine.writeBeside(lease.sessionId, (tx) => tx.run(query));
    },
    async waitingFor(owner) {
      const query = build
        .selectFrom('sessions')
        .select('id')
        .where('wake_at_us', 'is not', null)
        .where('lease_owner', 'is', null)
        .where('home', '=', owner)
        .limit(waitingSessionsMax);
      return (await engine.read.all(query.compile())).map(({ id }) => id);
    },
    async leave(sessionId, owner) {
      const query = build
        .updateTable('sessions')
        .set({ home: null })
        .where('id', '=', sessionId)
        .where('home', '=', owner)
        .where('lease_owner', 'is', null);
      await engine.writeBeside(sessionId, (tx) => tx.run(query.compile()));
    },
    async nextWakeUs() {
      const isAny = others().length === 0 && scope === 'all';
      const query = isAny ? nextWake({}) : waking().where(isOurs(others(), scope)).compile();
      const [row] = await engine.read.all(query);
      return row?.wake_at_us ?? null;
    },
    async voidAll() {
      const query = build
        .updateTable('sessions')
        .set({ lease_owner: null, lease_until_us: null })
        .where('lease_owner', 'is not', null);
      await engine.write((tx) => tx.run(query.compile()));
    },
  };
}

function runnable(nowUs: number, others: readonly string[], scope: DriveScope): CompiledQuery<Claimable> {
  if (others.length === 0 && scope === 'all') return anyRunnable({ nowUs });
  return runnableAt(nowUs).where(isOurs(others, scope)).compile();
}

/** What others that live drove last is theirs to go on with, and some servers drive only a part. */
function isOurs(others: readonly string[], scope: DriveScope) {
  return (where: ExpressionBuilder<Tables, 'sessions'>) =>
    where.and([
      where.or([where('home', 'is', null), ...(others.length > 0 ? [where('home', 'not in', others)] : [])]),
      ...(scope === 'all' ? [] : [where('self_hosted', '=', 1)]),
    ]);
}

type Claimable = Pick<SessionRow, 'id' | 'lease_epoch'>;

const anyRunnable = prepare(({ nowUs }: { nowUs: number }) => runnableAt(nowUs).compile());

function runnableAt(nowUs: number) {
  return (
    build
      .selectFrom('sessions')
      .select(['id', 'lease_epoch'])
      .where('wake_at_us', 'is not', null)
      // A running session is due whatever the clock says: it may have been set back.
      .where((where) => where.or([where('wake_at_us', '<=', nowUs), where('status', '=', 'running')]))
      .where((where) => where.or([where('lease_owner', 'is', null), where('lease_until_us', '<', nowUs)]))
      .orderBy('wake_at_us')
      .limit(1)
  );
}

export const takeLease = prepare((lease: { id: string; owner: string; epoch: number; untilUs: number }) =>
  build
    .updateTable('sessions')
    .set({
      lease_owner: lease.owner,
      lease_epoch: lease.epoch,
      lease_until_us: lease.untilUs,
      home: lease.owner,
    })
    .where('id', '=', lease.id)
    .compile(),
);

const nextWake = prepare(() => waking().compile());

function waking() {
  return build
    .selectFrom('sessions')
    .select('wake_at_us')
    .where('wake_at_us', 'is not', null)
    .where('lease_owner', 'is', null)
    .orderBy('wake_at_us')
    .limit(1);
}

function held(lease: Lease) {
  return build
    .updateTable('sessions')
    .where('id', '=', lease.sessionId)
    .where('lease_owner', '=', lease.owner)
    .where('lease_epoch', '=', lease.epoch);
}
