import type { Tables } from '../tables.ts';

/**
 * What of a column moves with its row. `key`: it, and rows are in its order; `kept`: it; `long`: it, and it can be
 * large; `left`: nothing, for it means something to one server only.
 */
type Part = 'key' | 'kept' | 'long' | 'left';

/**
 * Go another way: content and files of sandboxes have sections of their own, the rest is of servers that live, and of
 * an import itself.
 */
type Elsewhere = 'content_chunks' | 'session_snapshots' | 'servers' | 'work_pollers' | 'imports';

type Moved = { readonly [Table in Exclude<keyof Tables, Elsewhere>]: Columns<Table> };
type Columns<Table extends keyof Tables> = { readonly [Column in keyof Tables[Table]]: Part };

/**
 * Every table whose rows move, in an order in which they may be inserted, and every column in the order of its
 * values. A table or column that is not here does not compile.
 */
const moved: Moved = {
  identity: { name: 'key', value: 'kept' },
  totals: { name: 'key', value: 'kept' },
  workspaces: { id: 'key', created_at_us: 'kept', archived_at_us: 'kept', document: 'long' },
  api_keys: {
    id: 'key',
    workspace_id: 'kept',
    is_admin: 'kept',
    name: 'kept',
    status: 'kept',
    hint: 'kept',
    secret_hash: 'kept',
    created_at_us: 'kept',
    expires_at_us: 'kept',
  },
  agents: {
    id: 'key',
    workspace_id: 'kept',
    created_at_us: 'kept',
    archived_at_us: 'kept',
    version: 'kept',
    document: 'long',
  },
  agent_versions: { agent_id: 'key', version: 'key', created_at_us: 'kept', document: 'long' },
  environments: {
    id: 'key',
    workspace_id: 'kept',
    created_at_us: 'kept',
    archived_at_us: 'kept',
    name: 'kept',
    document: 'long',
  },
  environment_keys: {
    id: 'key',
    environment_id: 'kept',
    secret_hash: 'kept',
    created_at_us: 'kept',
    revoked_at_us: 'kept',
    document: 'long',
  },
  vaults: {
    id: 'key',
    workspace_id: 'kept',
    created_at_us: 'kept',
    archived_at_us: 'kept',
    document: 'long',
  },
  credentials: {
    id: 'key',
    vault_id: 'kept',
    created_at_us: 'kept',
    archived_at_us: 'kept',
    purpose: 'kept',
    document: 'long',
    sealed: 'long',
  },
  memory_stores: {
    id: 'key',
    workspace_id: 'kept',
    created_at_us: 'kept',
    archived_at_us: 'kept',
    document: 'long',
    writes: 'kept',
  },
  memories: {
    id: 'key',
    store_id: 'kept',
    version_id: 'kept',
    path: 'kept',
    content: 'long',
    content_sha256: 'kept',
    content_size_bytes: 'kept',
    created_at_us: 'kept',
    updated_at_us: 'kept',
  },
  memory_versions: {
    id: 'key',
    store_id: 'kept',
    memory_id: 'kept',
    operation: 'kept',
    path: 'kept',
    content: 'long',
    content_sha256: 'kept',
    content_size_bytes: 'kept',
    created_at_us: 'kept',
    created_by: 'kept',
    session_id: 'kept',
    api_key_id: 'kept',
    service_account_id: 'kept',
    redacted_at_us: 'kept',
    redacted_by: 'kept',
  },
  skills: { id: 'key', workspace_id: 'kept', created_at_us: 'kept', name: 'kept', document: 'long' },
  skill_versions: { id: 'key', skill_id: 'kept', number: 'kept', sha256: 'kept', document: 'long' },
  deployments: {
    id: 'key',
    workspace_id: 'kept',
    created_at_us: 'kept',
    archived_at_us: 'kept',
    agent_id: 'kept',
    status: 'kept',
    is_scheduled: 'kept',
    last_run_at_us: 'kept',
    document: 'long',
    sealed: 'long',
  },
  deployment_runs: {
    id: 'key',
    workspace_id: 'kept',
    deployment_id: 'kept',
    created_at_us: 'kept',
    trigger_type: 'kept',
    scheduled_at_us: 'kept',
    has_error: 'kept',
    document: 'long',
  },
  sessions: {
    id: 'key',
    workspace_id: 'kept',
    created_at_us: 'kept',
    archived_at_us: 'kept',
    status: 'kept',
    agent_id: 'kept',
    agent_version: 'kept',
    environment_id: 'kept',
    deployment_id: 'kept',
    last_seq: 'kept',
    summary: 'long',
    agent: 'long',
    resources: 'long',
    wake_at_us: 'kept',
    lease_owner: 'left',
    lease_epoch: 'kept',
    lease_until_us: 'left',
    home: 'left',
    lost_brains: 'left',
    self_hosted: 'kept',
  },
  entries: {
    session_id: 'key',
    seq: 'key',
    kind: 'kept',
    event_id: 'kept',
    event_type: 'kept',
    listed_at_us: 'kept',
    body: 'long',
  },
  session_memory_stores: { memory_store_id: 'key', created_at_us: 'key', session_id: 'key' },
  repository_tokens: { session_id: 'key', resource_id: 'key', sealed: 'long' },
  session_outputs: {
    session_id: 'key',
    path: 'key',
    signature: 'kept',
    file_id: 'kept',
    sha256: 'kept',
    bytes: 'kept',
  },
  egress_decisions: {
    id: 'key',
    workspace_id: 'kept',
    session_id: 'kept',
    at_us: 'kept',
    host: 'kept',
    port: 'kept',
    result: 'kept',
    reason: 'kept',
  },
  files: {
    id: 'key',
    workspace_id: 'kept',
    session_id: 'kept',
    created_at_us: 'kept',
    expires_at_us: 'kept',
    filename: 'kept',
    mime_type: 'kept',
    size_bytes: 'kept',
    downloadable: 'kept',
    sha256: 'kept',
  },
  deleted_files: { id: 'key', workspace_id: 'kept', created_at_us: 'kept', deleted_at_us: 'kept' },
  work_items: {
    id: 'key',
    environment_id: 'kept',
    session_id: 'kept',
    state: 'kept',
    metadata: 'long',
    created_at_us: 'kept',
    claimed_at_us: 'kept',
    acknowledged_at_us: 'kept',
    heartbeat_at_us: 'kept',
    lease_until_us: 'kept',
    ttl_seconds: 'kept',
    stop_requested_at_us: 'kept',
    stopped_at_us: 'kept',
    secret_hash: 'kept',
  },
  webhook_endpoints: {
    id: 'key',
    workspace_id: 'kept',
    created_at_us: 'kept',
    document: 'long',
    sealed: 'long',
  },
  usage_hours: {
    hour_us: 'key',
    workspace_id: 'key',
    model: 'key',
    requests: 'kept',
    unpriced_requests: 'kept',
    input_tokens: 'kept',
    output_tokens: 'kept',
    cache_read_input_tokens: 'kept',
    cache_creation_5m_input_tokens: 'kept',
    cache_creation_1h_input_tokens: 'kept',
    cost_micro_cents: 'kept',
    active_us: 'kept',
  },
};

/** Kept in the identity, but of one database: which key it is sealed with, and what is left of another. */
const ofOneDatabase = "name not in ('master_key_check', 'master_key_rotation')";

export type MovedTable = {
  readonly name: string;
  /** In the order of the values of a row. */
  readonly columns: readonly string[];
  readonly keys: readonly string[];
  readonly long: readonly string[];
  /** Of the rows that move; null: all do. */
  readonly condition: string | null;
};

export const movedTables: readonly MovedTable[] = Object.entries(moved).map(([name, parts]) => {
  const columnsOf = (...wanted: Part[]) =>
    Object.entries(parts).flatMap(([column, part]) => (wanted.includes(part) ? [column] : []));
  return {
    name,
    columns: columnsOf('key', 'kept', 'long'),
    keys: columnsOf('key'),
    long: columnsOf('long'),
    condition: name === 'identity' ? ofOneDatabase : null,
  };
});
