import { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely';

/**
 * The rows of the store. Times are integer microseconds, booleans integers, documents JSON text that
 * only our code reads; what is filtered or sorted on is a column. `workspace_id` stands in the rows that
 * clients reach by an id of their own; what lies below one of them (versions, credentials, memories, log
 * entries) is found through it.
 */
export type Tables = {
  sessions: SessionRow;
  session_memory_stores: { memory_store_id: string; created_at_us: number; session_id: string };
  session_outputs: {
    session_id: string;
    path: string;
    signature: string;
    file_id: string | null;
    sha256: string | null;
    bytes: number;
  };
  repository_tokens: { session_id: string; resource_id: string; sealed: string };
  entries: EntryRow;
  agents: AgentRow;
  agent_versions: { agent_id: string; version: number; created_at_us: number; document: string };
  environments: EnvironmentRow;
  vaults: VaultRow;
  credentials: CredentialRow;
  deployments: DeploymentRow;
  deployment_runs: DeploymentRunRow;
  memory_stores: MemoryStoreRow & { writes: number };
  memories: MemoryRow;
  memory_versions: MemoryVersionRow;
  files: FileRow;
  deleted_files: { id: string; workspace_id: string; created_at_us: number; deleted_at_us: number };
  totals: { name: string; value: number };
  skills: SkillRow;
  skill_versions: SkillVersionRow;
  workspaces: WorkspaceRow;
  api_keys: ApiKeyRow;
  environment_keys: EnvironmentKeyRow;
  work_items: WorkItemRow;
  work_pollers: { environment_id: string; worker: string; seen_at_us: number };
  webhook_endpoints: WebhookEndpointRow;
  usage_hours: UsageRow;
  content_chunks: ContentChunkRow;
  session_snapshots: SessionSnapshotRow;
  egress_decisions: EgressDecisionRow;
  identity: { name: string; value: string };
  servers: { id: string };
  imports: ImportRow;
};

export type SessionRow = {
  id: string;
  workspace_id: string;
  created_at_us: number;
  archived_at_us: number | null;
  status: string;
  agent_id: string;
  agent_version: number;
  environment_id: string;
  deployment_id: string | null;
  last_seq: number;
  /** `SessionSummary` without its agent and resources. */
  summary: string;
  /** The agent's snapshot, written only when it changes: it can be large. */
  agent: string;
  /** What is mounted, as the API shows it; like the agent. */
  resources: string;
  wake_at_us: number | null;
  lease_owner: string | null;
  lease_epoch: number;
  lease_until_us: number | null;
  /** The server that drove it last, and has its sandbox's files. */
  home: string | null;
  /** Brains that died while they drove it, since one last got anywhere. */
  lost_brains: number;
  /** Its sandbox is a worker's: 1, else 0. */
  self_hosted: number;
};

export type EntryRow = {
  session_id: string;
  seq: number;
  kind: string;
  event_id: string | null;
  event_type: string | null;
  /** `processed_at` of a listed event, `queuedAtUs` while it is queued, null for internal entries. */
  listed_at_us: number | null;
  body: string;
};

export type AgentRow = {
  id: string;
  workspace_id: string;
  created_at_us: number;
  archived_at_us: number | null;
  version: number;
  document: string;
};

export type EnvironmentRow = {
  id: string;
  workspace_id: string;
  created_at_us: number;
  archived_at_us: number | null;
  name: string;
  document: string;
};

export type VaultRow = {
  id: string;
  workspace_id: string;
  created_at_us: number;
  archived_at_us: number | null;
  document: string;
};

export type CredentialRow = {
  id: string;
  vault_id: string;
  created_at_us: number;
  archived_at_us: number | null;
  /** `credentialKey`: once among the active ones of a vault. */
  purpose: string;
  /** What the API shows: no secret is in it. */
  document: string;
  /** The secrets by field, each sealed for its place; empty once archived. */
  sealed: string;
};

export type DeploymentRow = {
  id: string;
  workspace_id: string;
  created_at_us: number;
  archived_at_us: number | null;
  agent_id: string;
  status: string;
  /** 1: has a schedule and is not archived. */
  is_scheduled: number;
  /** Of its schedule; runs write it. */
  last_run_at_us: number | null;
  /** A `DeploymentRecord`: no secret is in it. */
  document: string;
  /** The tokens of its repositories by index, each sealed for its place; empty once archived. */
  sealed: string;
};

export type DeploymentRunRow = {
  id: string;
  workspace_id: string;
  deployment_id: string;
  created_at_us: number;
  trigger_type: string;
  /** Once per deployment. */
  scheduled_at_us: number | null;
  has_error: number;
  document: string;
};

export type MemoryStoreRow = {
  id: string;
  workspace_id: string;
  created_at_us: number;
  archived_at_us: number | null;
  document: string;
};

export type MemoryRow = {
  id: string;
  store_id: string;
  version_id: string;
  path: string;
  content: string;
  content_sha256: string;
  content_size_bytes: number;
  created_at_us: number;
  updated_at_us: number;
};

export type MemoryVersionRow = {
  id: string;
  store_id: string;
  memory_id: string;
  operation: string;
  path: string | null;
  content: string | null;
  content_sha256: string | null;
  content_size_bytes: number | null;
  created_at_us: number;
  /** An actor as JSON; its id once more in one of the columns that lists filter by. */
  created_by: string;
  session_id: string | null;
  api_key_id: string | null;
  service_account_id: string | null;
  redacted_at_us: number | null;
  redacted_by: string | null;
};

export type FileRow = {
  id: string;
  workspace_id: string;
  /** Null: an upload. */
  session_id: string | null;
  created_at_us: number;
  expires_at_us: number | null;
  filename: string;
  mime_type: string;
  size_bytes: number;
  downloadable: number;
  /** Null once the content has expired. */
  sha256: string | null;
};

export type SkillRow = {
  id: string;
  workspace_id: string;
  created_at_us: number;
  name: string;
  document: string;
};

export type SkillVersionRow = {
  id: string;
  skill_id: string;
  number: number;
  /** Of its archive. */
  sha256: string;
  document: string;
};

export type WorkspaceRow = {
  id: string;
  created_at_us: number;
  archived_at_us: number | null;
  document: string;
};

export type ApiKeyRow = {
  id: string;
  workspace_id: string;
  is_admin: number;
  name: string;
  status: string;
  hint: string | null;
  secret_hash: string;
  created_at_us: number;
  expires_at_us: number | null;
};

export type WorkItemRow = {
  id: string;
  environment_id: string;
  session_id: string;
  state: 'queued' | 'starting' | 'active' | 'stopping' | 'stopped';
  metadata: string;
  created_at_us: number;
  claimed_at_us: number | null;
  acknowledged_at_us: number | null;
  heartbeat_at_us: number | null;
  lease_until_us: number | null;
  ttl_seconds: number | null;
  stop_requested_at_us: number | null;
  stopped_at_us: number | null;
  secret_hash: string | null;
};

export type EnvironmentKeyRow = {
  id: string;
  environment_id: string;
  secret_hash: string;
  created_at_us: number;
  revoked_at_us: number | null;
  document: string;
};

export type WebhookEndpointRow = {
  id: string;
  workspace_id: string;
  created_at_us: number;
  document: string;
  /** The signing secret. */
  sealed: string;
};

/** Sums over one hour. */
export type UsageRow = {
  hour_us: number;
  workspace_id: string;
  model: string;
  requests: number;
  unpriced_requests: number;
  input_tokens: number;
  output_tokens: number;
  cache_read_input_tokens: number;
  cache_creation_5m_input_tokens: number;
  cache_creation_1h_input_tokens: number;
  cost_micro_cents: number;
  active_us: number;
};

/** The files of a session, see `domain/session-snapshots.ts`. */
export type SessionSnapshotRow = {
  session_id: string;
  generation: number;
  sha256: string;
  bytes: number;
  created_at_us: number;
};

/** Content of files where the database keeps it, see `content-rows.ts`. */
export type ContentChunkRow = { key: string; position: number; bytes: Uint8Array };

/** How far an import has come, see `archive/import-mark.ts`. */
export type ImportRow = { archive: string; lines: number; sha256: string; owner: string };

export type EgressDecisionRow = {
  id: string;
  workspace_id: string;
  session_id: string;
  at_us: number;
  host: string;
  port: number;
  result: string;
  reason: string;
};

/** Sorts behind every real time: where queued events stand in a list. */
export const queuedAtUs = Number.MAX_SAFE_INTEGER;

/** Kysely as a compiler only: it builds SQL, the engines run it. */
export const build = new Kysely<Tables>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (database) => new SqliteIntrospector(database),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
});
