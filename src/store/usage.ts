import type { CompiledQuery } from 'kysely';
import { sql } from 'kysely';
import { usageRowsMax } from '../domain/limits.ts';
import type { Usage } from '../domain/organization.ts';
import type { LogRecord } from '../domain/session/entry.ts';
import type { SessionState } from '../domain/session/state.ts';
import type { UsageIncrement, UsageQuery, UsageTotal } from '../domain/usage.ts';
import { usageIncrements } from '../domain/usage.ts';
import type { Engine } from './engines/engine.ts';
import { prepare } from './prepare.ts';
import { build } from './tables.ts';

/**
 * Usage by hour, workspace and model. A commit adds to the sums in its own transaction, so they are never
 * behind the logs, and a report reads sums instead of sessions. What a deleted session used stays counted.
 */
export function createUsage(engine: Engine): Usage {
  return {
    async sum(query) {
      const rows = await engine.read.all(sums(query));
      return rows.map(
        ({ bucket_us, workspace_id, model, ...counts }): UsageTotal => ({
          bucketUs: Number(bucket_us),
          workspaceId: workspace_id,
          model,
          requests: Number(counts.requests),
          unpricedRequests: Number(counts.unpriced_requests),
          inputTokens: Number(counts.input_tokens),
          outputTokens: Number(counts.output_tokens),
          cacheReadInputTokens: Number(counts.cache_read_input_tokens),
          cacheCreation5mInputTokens: Number(counts.cache_creation_5m_input_tokens),
          cacheCreation1hInputTokens: Number(counts.cache_creation_1h_input_tokens),
          costMicroCents: Number(counts.cost_micro_cents),
          activeUs: Number(counts.active_us),
        }),
      );
    },
  };
}

const counted = [
  'requests',
  'unpriced_requests',
  'input_tokens',
  'output_tokens',
  'cache_read_input_tokens',
  'cache_creation_5m_input_tokens',
  'cache_creation_1h_input_tokens',
  'cost_micro_cents',
  'active_us',
] as const;

function sums({ fromUs, untilUs, widthUs, byWorkspace, byModel, workspaceIds, models }: UsageQuery) {
  // Integers: the division drops the rest.
  const bucket = sql<number>`hour_us / ${sql.lit(widthUs)} * ${sql.lit(widthUs)}`;
  const nobody = sql<string>`null`;
  const dimensions = [
    ...(byWorkspace ? (['workspace_id'] as const) : []),
    ...(byModel ? (['model'] as const) : []),
  ];
  let rows = build
    .selectFrom('usage_hours')
    .where('hour_us', '>=', fromUs)
    .where('hour_us', '<', untilUs)
    .groupBy([bucket, ...dimensions])
    .orderBy(bucket)
    .limit(usageRowsMax + 1);
  if (workspaceIds !== null) rows = rows.where('workspace_id', 'in', [...workspaceIds]);
  if (models !== null) rows = rows.where('model', 'in', [...models]);
  for (const dimension of dimensions) rows = rows.orderBy(dimension);
  return rows
    .select((from) => [
      bucket.as('bucket_us'),
      (byWorkspace ? sql.ref<string>('workspace_id') : nobody).as('workspace_id'),
      (byModel ? sql.ref<string>('model') : nobody).as('model'),
      ...counted.map((column) => from.fn.sum<number>(column).as(column)),
    ])
    .compile();
}

/** What a commit writes here, in its own transaction. Most commits add nothing. */
export function usageUpdates(
  before: SessionState,
  records: readonly LogRecord[],
  after: SessionState,
): CompiledQuery<unknown>[] {
  return usageIncrements(before, records, after).map((increment) => add({ id: after.id, ...increment }));
}

const add = prepare((added: UsageIncrement & { id: string }) =>
  build
    .insertInto('usage_hours')
    .columns(['hour_us', 'workspace_id', 'model', ...counted])
    .expression((from) =>
      from
        .selectFrom('sessions')
        .select((row) => [
          row.val(added.hourUs).as('hour_us'),
          'workspace_id',
          row.val(added.model).as('model'),
          row.val(added.requests).as('requests'),
          row.val(added.unpricedRequests).as('unpriced_requests'),
          row.val(added.inputTokens).as('input_tokens'),
          row.val(added.outputTokens).as('output_tokens'),
          row.val(added.cacheReadInputTokens).as('cache_read_input_tokens'),
          row.val(added.cacheCreation5mInputTokens).as('cache_creation_5m_input_tokens'),
          row.val(added.cacheCreation1hInputTokens).as('cache_creation_1h_input_tokens'),
          row.val(added.costMicroCents).as('cost_micro_cents'),
          row.val(added.activeUs).as('active_us'),
        ])
        .where('id', '=', added.id),
    )
    .onConflict((conflict) =>
      conflict
        .columns(['hour_us', 'workspace_id', 'model'])
        .doUpdateSet((row) =>
          Object.fromEntries(
            counted.map((column) => [
              column,
              row(`usage_hours.${column}`, '+', row.ref(`excluded.${column}`)),
            ]),
          ),
        ),
    )
    .compile(),
);
