import { formatUs } from '../base/timestamp.ts';
import type { EgressDecisions, EgressRecord, EgressRecords } from '../domain/egress.ts';
import { egressRecordsMax } from '../domain/limits.ts';
import type { EgressDecision } from '../protocol/egress.ts';
import type { Engine, Sql } from './engines/engine.ts';
import { keyset } from './keyset.ts';
import type { EgressDecisionRow } from './tables.ts';
import { build } from './tables.ts';

/** For who keeps the doors of all workspaces. */
export function createEgressRecords(engine: Engine): EgressRecords {
  return {
    async insert(records) {
      const bySession = [...Map.groupBy(records, (record) => record.sessionId)];
      await Promise.all(
        bySession.map(([sessionId, some]) =>
          engine.writeBeside(sessionId, (tx) => insertFor(tx, sessionId, some)),
        ),
      );
    },
  };
}

/** A session may be gone by now; its newest records stay. */
async function insertFor(tx: Sql, sessionId: string, records: readonly EgressRecord[]): Promise<void> {
  const owner = build.selectFrom('sessions').select('workspace_id').where('id', '=', sessionId);
  const [session] = await tx.all(owner.compile());
  if (!session) return;
  for (const record of records.slice(-egressRecordsMax)) {
    const row = rowOf(session.workspace_id, record);
    await tx.run(build.insertInto('egress_decisions').values(row).compile());
  }
  const [oldestKept] = await tx.all(
    build
      .selectFrom('egress_decisions')
      .select(['at_us'])
      .where('session_id', '=', sessionId)
      .orderBy('at_us', 'desc')
      .offset(egressRecordsMax)
      .limit(1)
      .compile(),
  );
  if (!oldestKept) return;
  const older = build
    .deleteFrom('egress_decisions')
    .where('session_id', '=', sessionId)
    .where('at_us', '<=', oldestKept.at_us);
  await tx.run(older.compile());
}

export function createEgressDecisions(engine: Engine, workspaceId: string): EgressDecisions {
  return {
    async page(sessionId, query) {
      let select = build
        .selectFrom('egress_decisions')
        .selectAll()
        .where('session_id', '=', sessionId)
        .where('workspace_id', '=', workspaceId);
      if (query.result !== null) select = select.where('result', '=', query.result);
      const rows = await engine.read.all(keyset(select, ['at_us', 'id'], query).compile());
      return rows.map((row) => ({ item: decisionOf(row), position: [row.at_us, row.id] as const }));
    },
  };
}

function rowOf(workspaceId: string, record: EgressRecord): EgressDecisionRow {
  const { id, sessionId, atUs, host, port, result, reason } = record;
  return { id, workspace_id: workspaceId, session_id: sessionId, at_us: atUs, host, port, result, reason };
}

/** Rows are only ever written by `rowOf`, from an EgressRecord. */
function decisionOf(row: EgressDecisionRow): EgressDecision {
  return {
    id: row.id,
    type: 'egress_decision',
    session_id: row.session_id,
    host: row.host,
    port: row.port,
    result: row.result as EgressDecision['result'],
    reason: row.reason as EgressDecision['reason'],
    created_at: formatUs(row.at_us),
  };
}
