import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { CompiledQuery } from 'kysely';
import { CompiledQuery as Query } from 'kysely';
import { birthOf, environment } from '../../test/contract/subject.ts';
import { fakeClock } from '../../test/support/clock.ts';
import { newId } from '../base/ids.ts';
import { formatUs } from '../base/timestamp.ts';
import type {
  DeploymentQuery,
  DeploymentRunQuery,
  MemoryVersionQuery,
  PageQuery,
  ResourceQuery,
  SessionQuery,
} from '../domain/collections.ts';
import type { Organization } from '../domain/organization.ts';
import { createSession } from '../domain/session/lifecycle.ts';
import { openBlobFiles } from './blob-files.ts';
import { openBodies } from './bodies.ts';
import type { Engine, Sql } from './engines/engine.ts';
import { openSqlite } from './engines/sqlite.ts';
import type { WorkspaceStore } from './open.ts';
import { openStoreOn } from './open.ts';

/**
 * How SQLite goes about the pages of lists. Their results are the contract's; here it is that no page reads
 * past more rows than it shows, whatever was filtered out: every part of it is a search in an index that holds
 * the filter, from the cursor's position on, and nothing is sorted.
 */
type Case = readonly [
  name: string,
  list: (at: PageQuery) => Promise<unknown>,
  index: string | readonly string[],
  /** Nothing narrows it down: a walk through an index of all there is. */
  isWhole?: true,
];

const resources: Omit<ResourceQuery, keyof PageQuery> = { includeArchived: false };
const sessions: Omit<SessionQuery, keyof PageQuery> = {
  includeArchived: false,
  agentId: null,
  agentVersion: null,
  statuses: null,
  deploymentId: null,
  memoryStoreId: null,
};
const versions: Omit<MemoryVersionQuery, keyof PageQuery> = {
  memoryId: null,
  operation: null,
  sessionId: null,
  apiKeyId: null,
  serviceAccountId: null,
  withContent: false,
};
const agent = { agentId: 'agent_1' };
const apiKeys = { status: null, workspaceId: null, nowUs: 5 };
const workspaces = { ids: null, except: null };
const deployment = { deploymentId: 'depl_1' };
const deployments: Omit<DeploymentQuery, keyof PageQuery> = {
  includeArchived: false,
  agentId: null,
  status: null,
};
const runs: Omit<DeploymentRunQuery, keyof PageQuery> = { deploymentId: null, trigger: null, hasError: null };

function cases({ collections: all, log }: WorkspaceStore, organization: Organization): Case[] {
  const simple = (['agents', 'environments', 'vaults', 'memoryStores'] as const).flatMap((noun): Case[] => {
    const table = noun === 'memoryStores' ? 'memory_stores' : noun;
    return [
      [noun, (at) => all[noun].page({ ...at, ...resources }), `${table}_active`],
      [
        `${noun} with archived`,
        (at) => all[noun].page({ ...at, includeArchived: true }),
        `${table}_by_creation`,
      ],
    ];
  });
  const ofSessions = (filter: Partial<SessionQuery>) => (at: PageQuery) =>
    all.sessions.page({ ...at, ...sessions, ...filter }, 0);
  const ofVersions = (filter: Partial<MemoryVersionQuery>) => (at: PageQuery) =>
    all.memoryVersions.page('memstore_1', { ...at, ...versions, ...filter });
  const ofDeployments = (filter: Partial<DeploymentQuery>) => (at: PageQuery) =>
    all.deployments.page({ ...at, ...deployments, ...filter });
  const ofRuns = (filter: Partial<DeploymentRunQuery>) => (at: PageQuery) =>
    all.deploymentRuns.page({ ...at, ...runs, ...filter });
  return [
    ...simple,
    ['deployments', ofDeployments({}), 'deployments_by_status'],
    [
      'deployments with archived',
      ofDeployments({ includeArchived: true }),
      ['deployments_by_status', 'deployments_archived'],
    ],
    ['deployments of a status', ofDeployments({ status: 'paused' }), 'deployments_by_status'],
    ['deployments of an agent', ofDeployments(agent), 'deployments_by_agent'],
    [
      'deployments of an agent with archived',
      ofDeployments({ ...agent, includeArchived: true }),
      ['deployments_by_agent', 'deployments_by_agent_archived'],
    ],
    ['runs', ofRuns({}), 'deployment_runs_by_kind'],
    ['failed runs', ofRuns({ hasError: true }), 'deployment_runs_by_kind'],
    ['scheduled runs', ofRuns({ trigger: 'schedule' }), 'deployment_runs_by_kind'],
    ['runs of a deployment', ofRuns(deployment), 'deployment_runs_by_deployment'],
    [
      'failed runs of a deployment',
      ofRuns({ ...deployment, hasError: true }),
      'deployment_runs_by_deployment',
    ],
    ['sessions of a deployment', ofSessions(deployment), 'sessions_by_deployment'],
    [
      'sessions of a deployment with archived',
      ofSessions({ ...deployment, includeArchived: true }),
      ['sessions_by_deployment', 'sessions_by_deployment_archived'],
    ],
    [
      'sessions of a deployment and a status',
      ofSessions({ ...deployment, statuses: ['idle'] }),
      'sessions_by_deployment',
    ],
    ['credentials', (at) => all.credentials.page('vlt_1', { ...at, ...resources }), 'credentials_active'],
    [
      'credentials with archived',
      (at) => all.credentials.page('vlt_1', { ...at, includeArchived: true }),
      'credentials_by_creation',
    ],
    ['versions of an agent', (at) => all.agents.versions('agent_1', at), 'sqlite_autoindex_agent_versions_1'],
    ['sessions', ofSessions({}), 'sessions_by_status'],
    [
      'sessions with archived',
      ofSessions({ includeArchived: true }),
      ['sessions_by_status', 'sessions_by_status_archived'],
    ],
    [
      'sessions of an agent with archived',
      ofSessions({ ...agent, includeArchived: true }),
      ['sessions_by_agent', 'sessions_by_agent_archived'],
    ],
    ['sessions of a status', ofSessions({ statuses: ['terminated'] }), 'sessions_by_status'],
    ['sessions of an agent', ofSessions(agent), 'sessions_by_agent'],
    [
      'sessions of an agent and two statuses',
      ofSessions({ ...agent, statuses: ['idle', 'running'] }),
      'sessions_by_agent',
    ],
    ['sessions of a version', ofSessions({ ...agent, agentVersion: 2 }), 'sessions_by_agent_version'],
    [
      'sessions of a version and a status',
      ofSessions({ ...agent, agentVersion: 2, statuses: ['idle', 'running'] }),
      'sessions_by_agent_version',
    ],
    ['API keys', (at) => organization.apiKeys.page({ ...at, ...apiKeys }), 'api_keys_by_creation', true],
    [
      'API keys of a workspace',
      (at) => organization.apiKeys.page({ ...at, ...apiKeys, workspaceId: 'wrkspc_1' }),
      'api_keys_by_workspace',
    ],
    [
      'API keys of a status',
      (at) => organization.apiKeys.page({ ...at, ...apiKeys, status: 'inactive' }),
      'api_keys_by_status',
    ],
    [
      'API keys that expired',
      (at) => organization.apiKeys.page({ ...at, ...apiKeys, status: 'expired' }),
      'api_keys_by_expiry',
      true,
    ],
    [
      'workspaces',
      (at) => organization.workspaces.page({ ...at, ...workspaces, includeArchived: false }),
      'workspaces_active',
      true,
    ],
    [
      'workspaces with archived',
      (at) => organization.workspaces.page({ ...at, ...workspaces, includeArchived: true }),
      'workspaces_by_creation',
      true,
    ],
    [
      'keys of an environment',
      (at) => all.environmentKeys.page('env_1', { ...at, includeRevoked: false }),
      'environment_keys_active',
    ],
    [
      'keys of an environment with revoked',
      (at) => all.environmentKeys.page('env_1', { ...at, includeRevoked: true }),
      'environment_keys_by_creation',
    ],
    ['webhook endpoints', (at) => all.webhookEndpoints.page(at), 'webhook_endpoints_by_creation'],
    ['events', (at) => log.events('sesn_1', { ...at, types: null }), 'entries_listed'],
    [
      'events of two types',
      (at) => log.events('sesn_1', { ...at, types: ['agent.message', 'user.message'] }),
      'entries_by_type',
    ],
    [
      'events of a type behind queued ones',
      (at) => log.events('sesn_1', { ...at, after: [5, 'queued 7'], order: 'asc', types: ['user.message'] }),
      'entries_by_type',
    ],
    [
      'events behind queued ones',
      (at) => log.events('sesn_1', { ...at, after: [5, 'queued 7'], order: 'asc', types: null }),
      'entries_listed',
    ],
    ['versions of memories', ofVersions({}), 'memory_versions_by_creation'],
    ['versions of a memory', ofVersions({ memoryId: 'mem_1' }), 'memory_versions_by_memory_id'],
    ['versions by operation', ofVersions({ operation: 'deleted' }), 'memory_versions_by_operation'],
    [
      'versions of a memory by operation',
      ofVersions({ memoryId: 'mem_1', operation: 'deleted' }),
      'memory_versions_by_memory_id',
    ],
    ['versions by a session', ofVersions({ sessionId: 'sesn_1' }), 'memory_versions_by_session_id'],
    ['versions by a key', ofVersions({ apiKeyId: 'apikey_1' }), 'memory_versions_by_api_key_id'],
    [
      'versions by a service account',
      ofVersions({ serviceAccountId: 'svac_1' }),
      'memory_versions_by_service_account_id',
    ],
  ];
}

/** From the beginning of a list and from the middle on, with and without bounds on the time. */
const windows: readonly PageQuery[] = (['asc', 'desc'] as const).flatMap((order) =>
  [null, [5, 'x'] as const].flatMap((after) =>
    [{}, { gte: 1 }, { gt: 1, lt: 9 }, { lte: 9 }].map((createdAt) => ({
      limit: 20,
      order,
      after,
      createdAt,
    })),
  ),
);

describe('a page of a list is one search in an index', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'anthill-lists-'));
  const engine = openSqlite(':memory:');
  const asked: CompiledQuery<unknown>[] = [];
  const read: Sql = {
    all(query) {
      asked.push(query);
      return engine.read.all(query);
    },
    run: (query) => engine.read.run(query),
  };
  const spied: Engine = { ...engine, read };
  const store = await openStoreOn(spied, {
    bodies: openBodies(directory),
    blobs: openBlobFiles(directory),
    clock: fakeClock(),
    afterCommit() {},
  });
  const workspace = store.workspace('wrkspc_1');
  before(async () => {
    const { agents, environments } = workspace.collections;
    const { agent: snapshot } = birthOf({});
    const at = formatUs(0);
    await agents.insert({
      ...snapshot,
      multiagent: null,
      metadata: {},
      created_at: at,
      updated_at: at,
      archived_at: null,
    });
    await environments.insert(environment());
    await workspace.log.create(createSession(birthOf({}), [], { nowUs: 0, newId }));
  });
  after(async () => {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function planOf(query: CompiledQuery<unknown>): Promise<string[]> {
    const rows: { detail: string }[] = await engine.read.all(
      Query.raw(`explain query plan ${query.sql}`, [...query.parameters]),
    );
    return rows.map(({ detail }) => detail);
  }

  for (const [name, list, index, isWhole] of cases(workspace, store.organization)) {
    test(name, async () => {
      for (const window of windows) {
        asked.length = 0;
        await list(window);
        const plan = await planOf(
          asked.find(({ sql }) => sql.includes('limit')) ?? assert.fail('no list was read'),
        );
        const text = `${JSON.stringify(window)}\n${plan.join('\n')}`;
        assert.doesNotMatch(text, isWhole ? /TEMP B-TREE/ : /SCAN|TEMP B-TREE/);
        const searches = plan.filter((line) => /^(SEARCH|SCAN)/.test(line) && !line.includes('(id=?)'));
        const used = searches.map((line) => /USING (?:COVERING )?INDEX (\w+)/.exec(line)?.[1]);
        assert.deepEqual([...new Set(used)], [index].flat(), text);
        // Behind a cursor the walk begins at it.
        if (window.after !== null)
          for (const search of searches) assert.match(search, /(\w+,\w+\)|version)[<>]/, text);
      }
    });
  }
});
