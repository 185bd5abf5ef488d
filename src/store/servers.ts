import { sql } from 'kysely';
import type { SessionId } from '../base/ids.ts';
import { firstIdAt } from '../base/ids.ts';
import {
  databaseRedialMs,
  missedEventWindowMs,
  recentlyAcceptedMax,
  serversLateMs,
} from '../domain/limits.ts';
import type { Engine, Sql } from './engines/engine.ts';
import { lifeLockOf } from './engines/postgres-line.ts';
import { voidLeases } from './leases.ts';
import { acceptedBetween } from './log-queries.ts';
import { build } from './tables.ts';

/** The servers on one database. Each holds a lock as long as it lives, on a connection of its own. */
export type Servers = {
  /** The others that lived when last looked. */
  alive(): readonly string[];
  /** Whether every look of that time could be had, and none was long in coming: see `OtherServers`. */
  isSteady(ms: number): boolean;
  /** Looks who lives, and makes the leases of those who do not void: whether there were any. */
  look(): Promise<boolean>;
};

/** `forgotten` is told when a look finds that the database takes this server itself for dead. */
export async function createServers(engine: Engine, id: string, forgotten: () => void): Promise<Servers> {
  let alive: readonly string[] = [];
  let steadySinceMs = Number.POSITIVE_INFINITY;
  let lookedAtMs = performance.now();
  const enrol = build
    .insertInto('servers')
    .values({ id })
    .onConflict((conflict) => conflict.doNothing());
  await engine.writeBeside(id, async (tx) => {
    await tx.run(enrol.compile());
    // An earlier process with this name is gone: it held the data directory.
    await tx.run(voidLeasesOf([id]));
  });

  function noteLook(succeeded: boolean): void {
    const nowMs = performance.now();
    const isLate = nowMs - lookedAtMs > serversLateMs;
    if (!succeeded) steadySinceMs = Number.POSITIVE_INFINITY;
    else if (isLate || steadySinceMs > nowMs) steadySinceMs = nowMs;
    lookedAtMs = nowMs;
  }

  async function look(): Promise<boolean> {
    try {
      const wereAny = await lookOnce();
      noteLook(true);
      return wereAny;
    } catch (cause) {
      noteLook(false);
      throw cause;
    }
  }

  async function lookOnce(): Promise<boolean> {
    const living = await livingServers(engine.read);
    if (!living.includes(id)) forgotten();
    alive = living.filter((one) => one !== id);
    const owners = await engine.read.all(leaseOwners());
    const gone = owners.map(({ owner }) => owner).filter((one) => one !== id && !alive.includes(one));
    if (gone.length === 0) return false;
    return (await engine.writeBeside(id, (tx) => tx.run(voidLeasesOf(gone)))) > 0;
  }

  await look();
  return { alive: () => alive, isSteady: (ms) => performance.now() - steadySinceMs >= ms, look };
}

/** Every server that lives on the database. */
async function livingServers(sql: Sql): Promise<readonly string[]> {
  const held = new Set((await sql.all(lifeLocks)).map(({ lock }) => lock));
  const known = await sql.all(build.selectFrom('servers').select('id').compile());
  return known.map((row) => row.id).filter((one) => held.has(lifeLockOf(one)));
}

/**
 * For work that no server may see half done, under the writers' lock. A server that starts meanwhile waits for that
 * lock before it reads anything; one whose connection was cut just now is back after a moment.
 */
export async function refuseLivingServers(tx: Sql, moment: 'before' | 'after'): Promise<void> {
  if (moment === 'after') await tx.all(sql`select pg_sleep(${sql.lit(aMomentSeconds)})`.compile(build));
  const { length } = await livingServers(tx);
  if (length === 0) return;
  throw new Error(
    length === 1
      ? 'a server runs on this database; stop it first'
      : `${length} servers run on this database; stop them first`,
  );
}

const aMomentSeconds = (databaseRedialMs * 4) / 1000;

/** How far logs go, of those sessions that exist. */
export async function readLastSeqs(
  engine: Engine,
  ids: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const query = build
    .selectFrom('sessions')
    .select(['id', 'last_seq'])
    .where('id', 'in', [...ids]);
  const rows = await engine.read.all(query.compile());
  return new Map(rows.map((row) => [row.id, row.last_seq]));
}

/**
 * `seq` of the client events that a session's log got in the last few seconds, oldest first, but none from before `sinceMs`. Clocks
 * of servers may differ by as much.
 */
export async function readRecentlyAccepted(
  engine: Engine,
  id: SessionId,
  { nowMs, sinceMs }: { readonly nowMs: number; readonly sinceMs: number },
): Promise<number[]> {
  const from = firstIdAt('sevt', Math.max(sinceMs, nowMs - missedEventWindowMs));
  const before = firstIdAt('sevt', nowMs + missedEventWindowMs);
  const rows = await engine.read.all(acceptedBetween({ id, from, before, limit: recentlyAcceptedMax }));
  return rows.map(({ seq }) => seq).sort((a, b) => a - b);
}

/** Locks of one number are shown in two halves. */
const lifeLocks = sql<{ lock: string }>`
  select ((classid::bigint << 32) | objid::bigint)::text as lock from pg_locks
  where locktype = 'advisory' and objsubid = 1 and granted
    and database = (select oid from pg_database where datname = current_database())`.compile(build);

function leaseOwners() {
  return build
    .selectFrom('sessions')
    .select(({ ref }) => ref('lease_owner').$notNull().as('owner'))
    .distinct()
    .where('wake_at_us', 'is not', null)
    .where('lease_owner', 'is not', null)
    .compile();
}

function voidLeasesOf(owners: readonly string[]) {
  return voidLeases()
    .where('lease_owner', 'in', [...owners])
    .where('wake_at_us', 'is not', null)
    .compile();
}
