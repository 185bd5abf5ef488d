import { CompiledQuery } from 'kysely';
import type { Engine, Sql } from './engines/engine.ts';
import { refuseUnfinishedImport } from './unfinished-import.ts';

/**
 * The schema, step by step, forwards only. A step that has shipped is never edited.
 *
 * A session is one row in `sessions` and its log in `entries`. The log is the truth; the session row
 * caches what lists, claims and GETs need, and is written in the same transaction as the append that
 * changed it. `wake_at_us` says when a brain should look at the session (null: not before a client acts);
 * `lease_*` say which brain may, and `lease_epoch` fences its appends.
 * `entries.listed_at_us` is the position in the API's list; it is null for internal entries.
 */
const steps: readonly (readonly string[])[] = [
  [
    `create table sessions (
      id text primary key,
      created_at_us bigint not null,
      archived_at_us bigint,
      status text not null,
      agent_id text not null,
      agent_version bigint not null,
      environment_id text not null,
      last_seq bigint not null,
      summary text not null,
      agent text not null,
      wake_at_us bigint,
      lease_owner text,
      lease_epoch bigint not null,
      lease_until_us bigint
    )`,
    'create index sessions_by_creation on sessions (created_at_us, id)',
    'create index sessions_by_agent on sessions (agent_id, created_at_us, id)',
    'create index sessions_by_environment on sessions (environment_id) where archived_at_us is null',
    'create index sessions_by_wake on sessions (wake_at_us) where wake_at_us is not null',
    `create table entries (
      session_id text not null references sessions (id) on delete cascade,
      seq bigint not null,
      kind text not null,
      event_id text,
      event_type text,
      listed_at_us bigint,
      body text not null,
      primary key (session_id, seq)
    )`,
    'create index entries_listed on entries (session_id, listed_at_us, seq) where listed_at_us is not null',
    'create index entries_by_event on entries (session_id, event_id) where event_id is not null',
    `create table agents (
      id text primary key,
      created_at_us bigint not null,
      archived_at_us bigint,
      version bigint not null,
      document text not null
    )`,
    'create index agents_by_creation on agents (created_at_us, id)',
    `create table agent_versions (
      agent_id text not null references agents (id) on delete cascade,
      version bigint not null,
      created_at_us bigint not null,
      document text not null,
      primary key (agent_id, version)
    )`,
    `create table environments (
      id text primary key,
      created_at_us bigint not null,
      archived_at_us bigint,
      name text not null,
      document text not null
    )`,
    'create index environments_by_creation on environments (created_at_us, id)',
    'create unique index environments_by_name on environments (name) where archived_at_us is null',
    `create table api_keys (
      id text primary key,
      name text not null,
      secret_hash text not null unique,
      created_at_us bigint not null
    )`,
    'create table identity (name text primary key, value text not null)',
  ],
  [
    `create table vaults (
      id text primary key,
      created_at_us bigint not null,
      archived_at_us bigint,
      document text not null
    )`,
    'create index vaults_by_creation on vaults (created_at_us, id)',
    `create table credentials (
      id text primary key,
      vault_id text not null references vaults (id) on delete cascade,
      created_at_us bigint not null,
      archived_at_us bigint,
      purpose text not null,
      document text not null,
      sealed text not null
    )`,
    'create index credentials_by_creation on credentials (vault_id, created_at_us, id)',
    'create unique index credentials_by_purpose on credentials (vault_id, purpose) where archived_at_us is null',
  ],
  [
    `create table memory_stores (
      id text primary key,
      created_at_us bigint not null,
      archived_at_us bigint,
      document text not null
    )`,
    'create index memory_stores_by_creation on memory_stores (created_at_us, id)',
    `create table memories (
      id text primary key,
      store_id text not null references memory_stores (id) on delete cascade,
      version_id text not null,
      path text not null,
      content text not null,
      content_sha256 text not null,
      content_size_bytes bigint not null,
      created_at_us bigint not null,
      updated_at_us bigint not null
    )`,
    'create unique index memories_by_path on memories (store_id, path)',
    `create table memory_versions (
      id text primary key,
      store_id text not null references memory_stores (id) on delete cascade,
      memory_id text not null,
      operation text not null,
      path text,
      content text,
      content_sha256 text,
      content_size_bytes bigint,
      created_at_us bigint not null,
      created_by text not null,
      session_id text,
      api_key_id text,
      service_account_id text,
      redacted_at_us bigint,
      redacted_by text
    )`,
    'create index memory_versions_by_creation on memory_versions (store_id, created_at_us, id)',
    'create index memory_versions_by_memory on memory_versions (store_id, memory_id, created_at_us, id)',
  ],
  [
    ...['agents', 'environments', 'vaults', 'memory_stores', 'sessions', 'api_keys'].flatMap((table) => [
      `alter table ${table} add column workspace_id text not null default ''`,
      `update ${table} set workspace_id =
        coalesce((select value from identity where name = 'workspace_id'), '')`,
    ]),
    ...['agents', 'environments', 'vaults', 'memory_stores', 'sessions'].flatMap((table) => [
      `drop index ${table}_by_creation`,
      `create index ${table}_by_creation on ${table} (workspace_id, created_at_us, id)`,
    ]),
    'drop index sessions_by_agent',
    'create index sessions_by_agent on sessions (workspace_id, agent_id, created_at_us, id)',
    'drop index environments_by_name',
    `create unique index environments_by_name on environments (workspace_id, name)
      where archived_at_us is null`,
  ],
  [
    `create table files (
      id text primary key,
      workspace_id text not null,
      session_id text references sessions (id) on delete cascade,
      created_at_us bigint not null,
      expires_at_us bigint,
      filename text not null,
      mime_type text not null,
      size_bytes bigint not null,
      downloadable bigint not null,
      sha256 text
    )`,
    'create index files_by_creation on files (workspace_id, created_at_us, id) where session_id is null',
    'create index files_by_session on files (session_id, created_at_us, id) where session_id is not null',
    'create index files_by_content on files (sha256) where sha256 is not null',
    'create index files_by_expiry on files (expires_at_us) where expires_at_us is not null',
    `create table deleted_files (
      id text primary key,
      workspace_id text not null,
      created_at_us bigint not null,
      deleted_at_us bigint not null
    )`,
    'create index deleted_files_by_time on deleted_files (deleted_at_us)',
    'create table totals (name text primary key, value bigint not null)',
    "insert into totals (name, value) values ('uploads_bytes', 0)",
  ],
  [
    `create table skills (
      id text primary key,
      workspace_id text not null,
      created_at_us bigint not null,
      name text not null,
      document text not null
    )`,
    'create index skills_by_creation on skills (workspace_id, created_at_us, id)',
    'create unique index skills_by_name on skills (workspace_id, name)',
    `create table skill_versions (
      id text primary key,
      skill_id text not null references skills (id) on delete cascade,
      number bigint not null,
      sha256 text not null,
      document text not null
    )`,
    'create unique index skill_versions_by_number on skill_versions (skill_id, number)',
    'create index skill_versions_by_content on skill_versions (sha256)',
  ],
  [
    `alter table sessions add column resources text not null default '[]'`,
    `create table session_memory_stores (
      memory_store_id text not null,
      created_at_us bigint not null,
      session_id text not null references sessions (id) on delete cascade,
      primary key (memory_store_id, created_at_us, session_id)
    )`,
    'create index session_memory_stores_by_session on session_memory_stores (session_id)',
    `create table repository_tokens (
      session_id text not null references sessions (id) on delete cascade,
      resource_id text not null,
      sealed text not null,
      primary key (session_id, resource_id)
    )`,
  ],
  // A page of a list is one stretch of an index, or, of sessions, one for each status: however few rows a filter leaves.
  [
    ...['agents', 'environments', 'vaults', 'memory_stores'].map(
      (table) => `create index ${table}_active on ${table} (workspace_id, created_at_us, id)
        where archived_at_us is null`,
    ),
    `create index credentials_active on credentials (vault_id, created_at_us, id) where archived_at_us is null`,
    'drop index sessions_by_creation',
    'drop index sessions_by_agent',
    ...[
      ['sessions_by_status', 'status'],
      ['sessions_by_agent', 'agent_id, status'],
    ].flatMap(([name, columns]) => [
      `create index ${name} on sessions (workspace_id, ${columns}, created_at_us, id)
        where archived_at_us is null`,
      `create index ${name}_archived on sessions (workspace_id, ${columns}, created_at_us, id)
        where archived_at_us is not null`,
    ]),
    `create index sessions_by_agent_version
      on sessions (workspace_id, agent_id, agent_version, created_at_us, id)`,
    'drop index memory_versions_by_memory',
    // Some are never null: SQLite prefers a partial index, and else would take the one by creation for the versions
    // of a memory as soon as their time is bounded on both sides; of equals it takes the last.
    ...['service_account_id', 'api_key_id', 'session_id', 'operation', 'memory_id'].map(
      (column) => `create index memory_versions_by_${column}
        on memory_versions (store_id, ${column}, created_at_us, id) where ${column} is not null`,
    ),
  ],
  [
    `create table deployments (
      id text primary key,
      workspace_id text not null,
      created_at_us bigint not null,
      archived_at_us bigint,
      agent_id text not null,
      status text not null,
      is_scheduled bigint not null,
      last_run_at_us bigint,
      document text not null,
      sealed text not null
    )`,
    ...[
      ['deployments_by_status', 'status', 'is null'],
      ['deployments_by_agent', 'agent_id, status', 'is null'],
      ['deployments_archived', 'status', 'is not null'],
      ['deployments_by_agent_archived', 'agent_id, status', 'is not null'],
    ].map(
      ([
        name,
        columns,
        archived,
      ]) => `create index ${name} on deployments (workspace_id, ${columns}, created_at_us, id)
        where archived_at_us ${archived}`,
    ),
    'create index deployments_by_schedule on deployments (is_scheduled)',
    `create table deployment_runs (
      id text primary key,
      workspace_id text not null,
      deployment_id text not null references deployments (id) on delete cascade,
      created_at_us bigint not null,
      trigger_type text not null,
      scheduled_at_us bigint,
      has_error bigint not null,
      document text not null
    )`,
    // Of two indexes that seem as good, SQLite takes the one made first: the narrower.
    `create index deployment_runs_by_deployment
      on deployment_runs (workspace_id, deployment_id, trigger_type, has_error, created_at_us, id)`,
    `create index deployment_runs_by_kind
      on deployment_runs (workspace_id, trigger_type, has_error, created_at_us, id)`,
    `create unique index deployment_runs_by_time on deployment_runs (deployment_id, scheduled_at_us)
      where scheduled_at_us is not null`,
    'alter table sessions add column deployment_id text',
    ...[
      ['sessions_by_deployment', 'is null'],
      ['sessions_by_deployment_archived', 'is not null'],
    ].map(
      ([name, archived]) => `create index ${name}
        on sessions (workspace_id, deployment_id, status, created_at_us, id)
        where deployment_id is not null and archived_at_us ${archived}`,
    ),
  ],
  [
    `create table workspaces (
      id text primary key,
      created_at_us bigint not null,
      archived_at_us bigint,
      document text not null
    )`,
    'create index workspaces_by_creation on workspaces (created_at_us, id)',
    'create index workspaces_active on workspaces (created_at_us, id) where archived_at_us is null',
    // Until now every key could do everything.
    'alter table api_keys add column is_admin bigint not null default 1',
    `alter table api_keys add column status text not null default 'active'`,
    'alter table api_keys add column hint text',
    'alter table api_keys add column expires_at_us bigint',
    'create index api_keys_by_creation on api_keys (created_at_us, id)',
    'create index api_keys_by_status on api_keys (status, created_at_us, id)',
    'create index api_keys_by_workspace on api_keys (workspace_id, is_admin, created_at_us, id)',
    'create index api_keys_by_expiry on api_keys (created_at_us, id) where expires_at_us is not null',
    `create table environment_keys (
      id text primary key,
      environment_id text not null references environments (id) on delete cascade,
      secret_hash text not null unique,
      created_at_us bigint not null,
      revoked_at_us bigint,
      document text not null
    )`,
    'create index environment_keys_by_creation on environment_keys (environment_id, created_at_us, id)',
    `create index environment_keys_active on environment_keys (environment_id, created_at_us, id)
      where revoked_at_us is null`,
    `create table webhook_endpoints (
      id text primary key,
      workspace_id text not null,
      created_at_us bigint not null,
      document text not null,
      sealed text not null
    )`,
    'create index webhook_endpoints_by_creation on webhook_endpoints (workspace_id, created_at_us, id)',
    `create table usage_hours (
      hour_us bigint not null,
      workspace_id text not null,
      model text not null,
      requests bigint not null,
      unpriced_requests bigint not null,
      input_tokens bigint not null,
      output_tokens bigint not null,
      cache_read_input_tokens bigint not null,
      cache_creation_5m_input_tokens bigint not null,
      cache_creation_1h_input_tokens bigint not null,
      cost_micro_cents bigint not null,
      active_us bigint not null,
      primary key (hour_us, workspace_id, model)
    )`,
  ],
  [
    `create table work_items (
      id text primary key,
      environment_id text not null references environments (id) on delete cascade,
      session_id text not null,
      state text not null,
      metadata text not null,
      created_at_us bigint not null,
      claimed_at_us bigint,
      acknowledged_at_us bigint,
      heartbeat_at_us bigint,
      lease_until_us bigint,
      ttl_seconds bigint,
      stop_requested_at_us bigint,
      stopped_at_us bigint,
      secret_hash text unique
    )`,
    'create index work_items_by_creation on work_items (environment_id, created_at_us, id)',
    `create index work_items_open on work_items (environment_id, created_at_us, id)
      where state in ('queued', 'starting', 'active')`,
    `create unique index work_items_of_session on work_items (session_id)
      where state in ('queued', 'starting', 'active')`,
    `create table work_pollers (
      environment_id text not null references environments (id) on delete cascade,
      worker text not null,
      seen_at_us bigint not null,
      primary key (environment_id, worker)
    )`,
  ],
  [
    // Of two indexes that seem as good, SQLite takes the one made first: the narrower.
    `create index entries_by_type on entries (session_id, event_type, listed_at_us, seq)
      where listed_at_us is not null`,
    'drop index entries_listed',
    'create index entries_listed on entries (session_id, listed_at_us, seq) where listed_at_us is not null',
  ],
  [
    `create table egress_decisions (
      id text primary key,
      workspace_id text not null,
      session_id text not null references sessions (id) on delete cascade,
      at_us bigint not null,
      host text not null,
      port bigint not null,
      result text not null,
      reason text not null
    )`,
    'create index egress_decisions_by_session on egress_decisions (session_id, at_us, id)',
    'create index egress_decisions_by_result on egress_decisions (session_id, result, at_us, id)',
  ],
  // Grows with every write to its memories: who mounts a store sees at a glance whether they changed.
  ['alter table memory_stores add column writes bigint not null default 0'],
  [
    // A file that a client deleted is remembered, so that it does not come again until it changes.
    `create table session_outputs (
      session_id text not null references sessions (id) on delete cascade,
      path text not null,
      signature text not null,
      file_id text,
      sha256 text,
      bytes bigint not null,
      primary key (session_id, path)
    )`,
  ],
  [
    // Where its files are: who drove it last.
    'alter table sessions add column home text',
    'create table servers (id text primary key)',
  ],
  [
    `create table content_chunks (
      key text not null,
      position bigint not null,
      bytes bytea not null,
      primary key (key, position)
    )`,
    `create table session_snapshots (
      session_id text primary key references sessions (id) on delete cascade,
      generation bigint not null,
      sha256 text not null,
      bytes bigint not null,
      created_at_us bigint not null
    )`,
    'create index session_snapshots_by_content on session_snapshots (sha256)',
  ],
  // What is taken away once it is old is found by its time.
  [
    'create index egress_decisions_by_time on egress_decisions (at_us)',
    'create index deployment_runs_by_age on deployment_runs (created_at_us)',
    'create index work_items_by_end on work_items (stopped_at_us) where stopped_at_us is not null',
  ],
  // Brains that died with it, one after the other, without getting anywhere.
  ['alter table sessions add column lost_brains bigint not null default 0'],
  // Servers without sandboxes of their own drive no others.
  [
    'alter table sessions add column self_hosted bigint not null default 0',
    `update sessions set self_hosted = 1 where environment_id in
      (select id from environments where document like '%"config":{"type":"self_hosted"%')`,
  ],
  [
    'create table imports (archive text not null, lines bigint not null, sha256 text not null, owner text not null)',
  ],
];

/** The schema that this Anthill works with. */
export const schemaVersion = steps.length;

/** The schema of a database; 0: it has none of ours. */
export async function schemaOfData(sql: Sql): Promise<number> {
  return await currentVersion(sql).catch((cause: unknown) => {
    // Both engines name the table that is not there.
    if (cause instanceof Error && /(no such table|does not exist)/.test(cause.message)) return 0;
    throw cause;
  });
}

/** Brings the schema up to date, or as far as it was at `target`; refuses one of a newer server, and half an import. */
export async function migrate(engine: Engine, target = steps.length): Promise<void> {
  await engine.write(async (tx) => {
    await tx.run(CompiledQuery.raw('create table if not exists schema_version (version bigint not null)'));
    const version = await currentVersion(tx);
    if (version > steps.length) {
      throw new Error(
        `the data was written by a newer Anthill (schema ${version}, this server knows ${steps.length}); start that version instead`,
      );
    }
    await refuseUnfinishedImport(tx, version);
    for (const statement of steps.slice(version, target).flat())
      await tx.run(CompiledQuery.raw(engine.schema(statement)));
    if (version >= target) return;
    await tx.run(CompiledQuery.raw('delete from schema_version'));
    await tx.run(CompiledQuery.raw('insert into schema_version (version) values (?)', [target]));
  });
}

async function currentVersion(tx: Sql): Promise<number> {
  const query: CompiledQuery<unknown> = CompiledQuery.raw('select version from schema_version');
  const [row] = await tx.all<unknown>(query);
  return typeof row === 'object' && row !== null ? Number(Reflect.get(row, 'version')) : 0;
}
