import type { CompiledQuery, ExpressionBuilder } from 'kysely';
import type { Clock } from '../base/clock.ts';
import { modelRetryAfterMsMax, poisonTries, waitingSessionsMax } from '../domain/limits.ts';
import type { DriveScope, Lease, Leases } from '../domain/session/session-log.ts';
import type { Engine } from './engines/engine.ts';
import { prepare } from './prepare.ts';
import type { SessionRow, Tables } from './tables.ts';
import { build } from './tables.ts';

/** Other servers that live: what they drove last is theirs to go on with. */
export type Others = () => readonly string[];

export type OtherServers = {
  readonly alive: Others;
  /** Whether the database could be reached all that time: an outage ends the leases of all, and nobody hangs. */
  isSteady(ms: number): boolean;
};

/** Leases on the session rows. The epoch only grows, so an append of an earlier holder is recognised. */
export function createLeases(
  engine: Engine,
  clock: Clock,
  others: OtherServers,
  scope: DriveScope = 'all',
): Leases {
  return {
    claim(owner, ttlMs) {
      return engine.writeBeside('claims', async (tx) => {
        const nowUs = clock.nowUs();
        const latestUs = nowUs + modelRetryAfterMsMax * 1000;
        const asked = { nowUs, owner, latestUs, overdueUs: nowUs - ttlMs * 1000 };
        const mayTakeOver = others.isSteady(ttlMs);
        const [row] = await tx.lockFree(runnable(asked, { homes: others.alive(), mayTakeOver, scope }));
        if (!row) return null;
        const epoch = row.lease_epoch + 1;
        await tx.run(takeLease({ id: row.id, owner, epoch, untilUs: nowUs + ttlMs * 1000 }));
        // Who claims its own again was asleep; another one that let its lease run out hangs or is dead.
        const isLost = row.lease_owner !== null && row.lease_owner !== owner;
        if (isLost) await tx.run(noteLost({ id: row.id }));
        const isPoison = row.lost_brains + Number(isLost) >= poisonTries;
        return { sessionId: row.id, owner, epoch, ...(isPoison ? { isPoison } : {}) };
      });
    },
    async extend(lease, ttlMs) {
      const untilUs = clock.nowUs() + ttlMs * 1000;
      const query = held(lease).set({ lease_until_us: untilUs }).compile();
      return (await engine.writeBeside(lease.sessionId, (tx) => tx.run(query))) === 1;
    },
    async release(lease) {
      const query = held(lease).set({ lease_owner: null, lease_until_us: null, lost_brains: 0 }).compile();
      await engine.writeBeside(lease.sessionId, async (tx) => {
        if ((await tx.run(query)) === 0) await tx.run(notLost({ id: lease.sessionId }));
      });
    },
    async waitingFor(owner) {
      return (await engine.read.all(waitingOf(owner))).map(({ id }) => id);
    },
    async leave(sessionId, owner) {
      await engine.writeBeside(sessionId, (tx) => tx.run(leaving(sessionId, owner)));
    },
    async nextWakeUs() {
      const homes = others.alive();
      const ours = (where: Where) => where.and([where.or(freeOf(where, homes)), ...inScope(where, scope)]);
      const isAny = homes.length === 0 && scope === 'all';
      const [row] = await engine.read.all(isAny ? nextWake({}) : waking().where(ours).compile());
      return row?.wake_at_us ?? null;
    },
    async voidAll() {
      const query = voidLeases().where('lease_owner', 'is not', null);
      await engine.write((tx) => tx.run(query.compile()));
    },
  };
}

function waitingOf(owner: string) {
  return build
    .selectFrom('sessions')
    .select('id')
    .where('wake_at_us', 'is not', null)
    .where('lease_owner', 'is', null)
    .where('home', '=', owner)
    .limit(waitingSessionsMax)
    .compile();
}

function leaving(sessionId: string, owner: string) {
  return build
    .updateTable('sessions')
    .set({ home: null })
    .where('id', '=', sessionId)
    .where('home', '=', owner)
    .where('lease_owner', 'is', null)
    .compile();
}

/** Takes leases from holders that are dead; the session may be what they died of. */
export function voidLeases() {
  return build
    .updateTable('sessions')
    .set((set) => ({ lease_owner: null, lease_until_us: null, lost_brains: set('lost_brains', '+', 1) }));
}

const noteLost = prepare(({ id }: { id: string }) =>
  build
    .updateTable('sessions')
    .set((set) => ({ lost_brains: set('lost_brains', '+', 1) }))
    .where('id', '=', id)
    .compile(),
);

const notLost = prepare(({ id }: { id: string }) =>
  build
    .updateTable('sessions')
    .set((set) => ({ lost_brains: set('lost_brains', '-', 1) }))
    .where('id', '=', id)
    .where('lost_brains', '>', 0)
    .compile(),
);

type Asked = {
  readonly nowUs: number;
  readonly owner: string;
  readonly latestUs: number;
  readonly overdueUs: number;
};

type Homes = { readonly homes: readonly string[]; readonly mayTakeOver: boolean; readonly scope: DriveScope };

function runnable(asked: Asked, homes: Homes): CompiledQuery<Claimable> {
  if (homes.homes.length === 0 && homes.scope === 'all') return anyRunnable(asked);
  return runnableAt(asked)
    .where((where) => {
      // What another server drove is left to it while it lives, unless it hangs: then its lease ran out, or it never came.
      const lost = [where('lease_owner', 'is not', null), where.between('wake_at_us', 1, asked.overdueUs)];
      return where.or([...freeOf(where, homes.homes), ...(homes.mayTakeOver ? lost : [])]);
    })
    .where((where) => where.and(inScope(where, homes.scope)))
    .compile();
}

function freeOf(where: Where, homes: readonly string[]) {
  const isNobodys = where('home', 'is', null);
  return homes.length === 0
    ? [isNobodys, where('home', 'is not', null)]
    : [isNobodys, where('home', 'not in', homes)];
}

/** Some servers drive only a part. */
function inScope(where: Where, scope: DriveScope) {
  return scope === 'all' ? [] : [where('self_hosted', '=', 1)];
}

type Claimable = Pick<SessionRow, 'id' | 'lease_epoch' | 'lease_owner' | 'lost_brains'>;

const anyRunnable = prepare((asked: Asked) => runnableAt(asked).compile());

function runnableAt({ nowUs, owner, latestUs }: Asked) {
  return (
    build
      .selectFrom('sessions')
      .select(['id', 'lease_epoch', 'lease_owner', 'lost_brains'])
      .where('wake_at_us', 'is not', null)
      // The clock may have been set back: a running session is due whatever it says, and nobody waits longer than this.
      .where((where) =>
        where.or([
          where('wake_at_us', '<=', nowUs),
          where('status', '=', 'running'),
          where('wake_at_us', '>', latestUs),
        ]),
      )
      .where((where) => where.or([where('lease_owner', 'is', null), where('lease_until_us', '<', nowUs)]))
      .where('lost_brains', '<', 2 * poisonTries)
      .where((where) => where.or([unsuspected(where), where.not(where.exists(suspectOf(owner)))]))
      .orderBy('wake_at_us')
      .limit(1)
  );
}

type Where = ExpressionBuilder<Tables, 'sessions'>;

const unsuspected = (where: Where) => where('lost_brains', '<', poisonTries - 1);

/** A suspect that this server drives. */
function suspectOf(owner: string) {
  return build
    .selectFrom('sessions as driven')
    .select('driven.id')
    .where('driven.wake_at_us', 'is not', null)
    .where('driven.lease_owner', '=', owner)
    .where('driven.lost_brains', '>=', poisonTries - 1);
}

const takeLease = prepare((lease: { id: string; owner: string; epoch: number; untilUs: number }) =>
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
    .where(unsuspected)
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
