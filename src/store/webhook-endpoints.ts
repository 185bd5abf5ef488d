import type { StoredEndpoint, WebhookEndpoints } from '../domain/webhook-endpoints.ts';
import type { WebhookEndpoint } from '../protocol/webhook-endpoints.ts';
import type { Engine } from './engines/engine.ts';
import { microseconds } from './entry-rows.ts';
import { keyset } from './keyset.ts';
import type { WebhookEndpointRow } from './tables.ts';
import { build } from './tables.ts';

export function createWebhookEndpoints(engine: Engine, workspaceId: string): WebhookEndpoints {
  return {
    insert(stored, check) {
      return engine.write(async (tx) => {
        const [all] = await tx.all(countAll(workspaceId));
        check(Number(all?.count ?? 0));
        await tx.run(build.insertInto('webhook_endpoints').values(rowOf(workspaceId, stored)).compile());
      });
    },
    async get(id) {
      const [row] = await engine.read.all(byId(workspaceId, id));
      return row ? endpointOf(row) : null;
    },
    change(id, rule) {
      return engine.write(async (tx) => {
        const [row] = await tx.all(byId(workspaceId, id));
        if (!row) return null;
        const before = { endpoint: endpointOf(row), sealed: row.sealed };
        const after = rule(before);
        if (after === before) return before.endpoint;
        await tx.run(
          build
            .updateTable('webhook_endpoints')
            .set(rowOf(workspaceId, after))
            .where('id', '=', id)
            .compile(),
        );
        return after.endpoint;
      });
    },
    async page(query) {
      const select = build
        .selectFrom('webhook_endpoints')
        .select(['id', 'created_at_us', 'document'])
        .where('workspace_id', '=', workspaceId);
      const rows = await engine.read.all(keyset(select, ['created_at_us', 'id'], query).compile());
      return rows.map((row) => ({ item: endpointOf(row), position: [row.created_at_us, row.id] as const }));
    },
    remove(id) {
      const query = build
        .deleteFrom('webhook_endpoints')
        .where('id', '=', id)
        .where('workspace_id', '=', workspaceId);
      return engine.write(async (tx) => (await tx.run(query.compile())) > 0);
    },
  };
}

function countAll(workspaceId: string) {
  return build
    .selectFrom('webhook_endpoints')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('workspace_id', '=', workspaceId)
    .compile();
}

function byId(workspaceId: string, id: string) {
  return build
    .selectFrom('webhook_endpoints')
    .select(['document', 'sealed'])
    .where('id', '=', id)
    .where('workspace_id', '=', workspaceId)
    .compile();
}

function rowOf(workspaceId: string, { endpoint, sealed }: StoredEndpoint): WebhookEndpointRow {
  return {
    id: endpoint.id,
    workspace_id: workspaceId,
    created_at_us: microseconds(endpoint.created_at),
    document: JSON.stringify(endpoint),
    sealed,
  };
}

/** Documents are only ever written by `rowOf`, from a WebhookEndpoint. */
function endpointOf(row: { document: string }): WebhookEndpoint {
  return JSON.parse(row.document) as WebhookEndpoint;
}
