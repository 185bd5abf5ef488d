import type { SelectQueryBuilder } from 'kysely';
import { CompiledQuery, sql as raw } from 'kysely';
import type { Blobs } from '../domain/blobs.ts';
import { retentionBatchRows } from '../domain/limits.ts';
import type { Retention, RetentionRound } from '../domain/retention.ts';
import { cutoffUs, isForsaken } from '../domain/retention.ts';
import type { Contents } from './contents.ts';
import type { Engine, Sql } from './engines/engine.ts';
import { countedBytes } from './file-rows.ts';
import { addUploadsBytes } from './files.ts';
import type { Tables } from './tables.ts';
import { build, queuedAtUs } from './tables.ts';

export type RetentionDeps = { readonly engine: Engine; readonly contents: Contents; readonly blobs: Blobs };

/** Every step is one short transaction, so that several servers share the work and none does a thing twice. */
export function createRetention(deps: RetentionDeps): Retention {
  const { engine } = deps;
  return {
    async *round(what) {
      yield* rowsOf(engine, what);
      yield* snapshots(deps, what);
      yield* sessionFiles(deps, what);
      yield* deps.contents.sweep(what.nowUs);
    },
    outlived: (what) => outlived(engine.read, what),
    forsaken: (ids, what) => forsaken(engine.read, ids, what),
  };
}

/** Rows of which the age is all that counts: table, key, time, setting. */
const byAge = [
  ['egress_decisions', 'id', 'at_us', 'egressDays'],
  ['deployment_runs', 'id', 'created_at_us', 'deploymentRunsDays'],
  ['work_items', 'id', 'stopped_at_us', 'workDays'],
  ['usage_hours', 'hour_us', 'hour_us', 'usageDays'],
] as const;

async function* rowsOf(engine: Engine, { settings, nowUs }: RetentionRound): AsyncGenerator<void> {
  for (const [table, key, time, days] of byAge) {
    const before = cutoffUs(settings[days], nowUs);
    if (before === null) continue;
    const old = `select "${key}" from "${table}" where "${time}" <= ? order by "${time}" limit ?`;
    const remove: CompiledQuery<unknown> = CompiledQuery.raw(
      `delete from "${table}" where "${key}" in (${old})`,
      [before, retentionBatchRows],
    );
    while ((await engine.write((tx) => tx.run(remove))) > 0) yield;
  }
}

/** Of sessions that can go on a newer one without files takes the place: no server finds older files of its own then. */
async function* snapshots(
  { engine, contents, blobs }: RetentionDeps,
  what: RetentionRound,
): AsyncGenerator<void> {
  const after = (id: string) =>
    build.selectFrom('session_snapshots').select('session_id as id').where('session_id', '>', id);
  for await (const ids of pagesOf(engine.read, after)) {
    for (const { id } of await forsaken(engine.read, ids, what)) {
      await dropSnapshot({ contents, blobs }, id, what);
      yield;
    }
    yield;
  }
}

async function dropSnapshot(
  { contents, blobs }: Omit<RetentionDeps, 'engine'>,
  sessionId: string,
  what: RetentionRound,
): Promise<void> {
  const staged = await blobs.stage(one(what.emptySnapshot));
  try {
    await contents.write(async (tx, content) => {
      const [found] = await forsaken(tx, [sessionId], what);
      const of = build.selectFrom('session_snapshots').where('session_id', '=', sessionId);
      const [row] = await tx.all(of.select(['sha256', 'generation']).compile());
      if (!found || !row || row.sha256 === staged.sha256) return;
      await tx.run(build.deleteFrom('session_snapshots').where('session_id', '=', sessionId).compile());
      await content.publish(staged);
      const empty = {
        session_id: sessionId,
        generation: row.generation + 1,
        sha256: staged.sha256,
        bytes: staged.bytes,
        created_at_us: what.nowUs,
      };
      await tx.run(build.insertInto('session_snapshots').values(empty).compile());
      await content.drop([row.sha256]);
    });
  } finally {
    await blobs.discard(staged);
  }
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function* sessionFiles(
  { engine, contents }: RetentionDeps,
  { settings, nowUs }: RetentionRound,
): AsyncGenerator<void> {
  const before = cutoffUs(settings.sessionFilesDays, nowUs);
  if (before === null) return;
  const after = (id: string) =>
    build.selectFrom('files').select('session_id as id').distinct().where('session_id', '>', id);
  for await (const ids of pagesOf(engine.read, after)) {
    for (const id of await archivedBefore(engine.read, ids, before))
      while (await removeFiles(contents, { sessionId: id, nowUs })) yield;
    yield;
  }
}

async function* outlived(
  sql: Sql,
  { settings, nowUs }: Pick<RetentionRound, 'settings' | 'nowUs'>,
): AsyncGenerator<readonly string[]> {
  const before = cutoffUs(settings.archivedSessionsDays, nowUs);
  if (before === null) return;
  const after = (id: string) => build.selectFrom('sessions').select('id').where('id', '>', id);
  for await (const ids of pagesOf(sql, after)) yield await archivedBefore(sql, ids, before);
}

type Ids<Table extends keyof Tables> = SelectQueryBuilder<Tables, Table, { id: string | null }>;

/** All ids in their order, a bounded page at a time. `after`: those greater than one. */
async function* pagesOf<Table extends keyof Tables>(
  sql: Sql,
  after: (id: string) => Ids<Table>,
): AsyncGenerator<readonly string[]> {
  for (let last: string | undefined = ''; last !== undefined; ) {
    const page: CompiledQuery<{ id: string | null }> = after(last)
      // Its only column, by its place: a table may have another `id`.
      .orderBy(raw`1`)
      .limit(retentionBatchRows)
      .compile();
    const ids = (await sql.all(page)).flatMap(({ id }) => id ?? []);
    if (ids.length > 0) yield ids;
    last = ids.at(-1);
  }
}

async function archivedBefore(sql: Sql, ids: readonly string[], beforeUs: number): Promise<string[]> {
  const query = build
    .selectFrom('sessions')
    .select('id')
    .where('id', 'in', [...ids])
    .where('archived_at_us', '<=', beforeUs);
  return (await sql.all(query.compile())).map(({ id }) => id);
}

/** As if a client had deleted them. False: there are none. */
function removeFiles(
  contents: Contents,
  { sessionId, nowUs }: { readonly sessionId: string; readonly nowUs: number },
): Promise<boolean> {
  return contents.write(async (tx, content) => {
    const query = build
      .selectFrom('files')
      .selectAll()
      .where('session_id', '=', sessionId)
      .limit(retentionBatchRows);
    const rows = await tx.all(query.compile());
    for (const row of rows) {
      const { id, workspace_id, created_at_us } = row;
      await tx.run(build.deleteFrom('files').where('id', '=', id).compile());
      const deleted = { id, workspace_id, created_at_us, deleted_at_us: nowUs };
      await tx.run(build.insertInto('deleted_files').values(deleted).compile());
      await addUploadsBytes(tx, -countedBytes(row));
    }
    await content.release(rows.map(({ sha256 }) => sha256));
    return rows.length > 0;
  });
}

async function forsaken(
  sql: Sql,
  ids: readonly string[],
  what: Pick<RetentionRound, 'settings' | 'nowUs'>,
): Promise<readonly { readonly id: string; readonly isGone: boolean }[]> {
  const query = build
    .selectFrom('sessions')
    .select(['id', 'archived_at_us', 'created_at_us', 'status'])
    .where('id', 'in', [...ids]);
  const rows = new Map((await sql.all(query.compile())).map((row) => [row.id, row]));
  const found = await Promise.all(
    ids.map(async (id) => {
      const row = rows.get(id);
      if (!row) return [{ id, isGone: true }];
      const { archived_at_us: archivedAtUs, created_at_us: createdAtUs, status } = row;
      const lastAtUs = archivedAtUs ?? (await lastAt(sql, id)) ?? createdAtUs;
      return isForsaken({ archivedAtUs, status, lastAtUs }, what) ? [{ id, isGone: false }] : [];
    }),
  );
  return found.flat();
}

async function lastAt(sql: Sql, sessionId: string): Promise<number | null> {
  const query = build
    .selectFrom('entries')
    .select('listed_at_us')
    .where('session_id', '=', sessionId)
    .where('listed_at_us', '<', queuedAtUs)
    .orderBy('listed_at_us', 'desc')
    .limit(1);
  const [row] = await sql.all(query.compile());
  return row?.listed_at_us ?? null;
}
