import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { formatUs } from '../../src/base/timestamp.ts';
import type { Collections, PageQuery, ResourceQuery } from '../../src/domain/collections.ts';
import { createDeployment } from '../../src/domain/deployments.ts';
import { createEnvironmentKey } from '../../src/domain/environment-keys.ts';
import { createMemory } from '../../src/domain/memories.ts';
import { createMemoryStore } from '../../src/domain/memory-stores.ts';
import { createSkill } from '../../src/domain/skills.ts';
import { createVault } from '../../src/domain/vaults.ts';
import { createEndpoint } from '../../src/domain/webhook-endpoints.ts';
import type { DeploymentRun } from '../../src/protocol/deployment-runs.ts';
import type { MakeStore, Subject } from './subject.ts';
import { birthOf, openSubject, refusal } from './subject.ts';

const nowUs = 1_790_000_000_000_000;
const window: PageQuery = { limit: 1000, order: 'asc', after: null, createdAt: {} };
const everything: ResourceQuery = { ...window, includeArchived: true };
const never = () => {
  throw new Error('not to be called');
};

/** Of the work item of the newest store: the store makes it up. */
let workId = '';

/** A store in which the workspace `wrkspc_1` has one of everything, and `there` is another, empty workspace. */
async function open(make: MakeStore) {
  const it = await openSubject(make);
  const { collections } = it;
  const at = new Date(nowUs / 1000).toISOString();
  const { multiagent: _, ...definition } = birthOf({}).agent;
  const agent = {
    ...definition,
    multiagent: null,
    metadata: {},
    created_at: at,
    updated_at: at,
    archived_at: null,
  };
  await collections.agents.insert({ ...agent, id: 'agent_1' });
  await collections.vaults.insert(createVault({ display_name: 'Keys' }, 'vlt_1', nowUs));
  await collections.credentials.insert({ credential: credential(at), sealed: { token: 's' } }, () => {});
  await collections.memoryStores.insert(createMemoryStore({ name: 'Notes' }, 'memstore_1', nowUs));
  const content = { content: 'a', content_sha256: 'h', content_size_bytes: 1 };
  const actor = { type: 'api_actor', api_key_id: 'apikey_1' } as const;
  await collections.memories.write({ storeId: 'memstore_1', memoryId: 'mem_1', path: '/a' }, (scene) =>
    createMemory(scene, { path: '/a', content }, { nowUs, actor, versionId: 'memver_1' }),
  );
  const key = { id: 'envkey_1', environmentId: 'env_1', secret: 's'.repeat(40), nowUs };
  await collections.environmentKeys.insert(createEnvironmentKey({ name: 'w' }, key), 'hash', () => {});
  const endpoint = createEndpoint(
    { url: 'https://example.com', enabled_events: ['agent.created'] },
    'whep_1',
    { nowUs, policy: 'public' },
  );
  await collections.webhookEndpoints.insert({ endpoint, sealed: 's' }, () => {});
  await putFiles(it);
  await collections.deployments.insert(deployment(), () => {});
  await collections.deploymentRuns.insert(run());
  await it.create({ selfHosted: true });
  await it.send('sesn_1', 'hello');
  const [work] = await collections.workItems.page('env_1', window);
  workId = work?.item.id ?? '';
  const decision = { host: 'a.test', port: 80, result: 'refused', reason: 'host_not_allowed' } as const;
  await it.egressRecords.insert([{ id: 'egr_1', sessionId: 'sesn_1', atUs: nowUs, ...decision }]);
  return { ...it, there: it.workspace('wrkspc_2') };
}

/** A file, and a skill with its first version. */
async function putFiles({ blobs, collections }: Pick<Subject, 'blobs' | 'collections'>): Promise<void> {
  const stage = () => blobs.stage(Readable.from([Buffer.from('content')]));
  const file = {
    id: 'file_1',
    type: 'file' as const,
    filename: 'a.csv',
    mime_type: 'text/csv',
    size_bytes: 7,
    downloadable: true,
    created_at: formatUs(nowUs),
    expires_at: null,
    scope: null,
  };
  await collections.files.insert(file, await stage(), () => {});
  const archive = await stage();
  const bundle = { name: 'ants', description: 'd', directory: 'ants', files: [], archive };
  const birth = { id: 'skill_1', versionId: 'skver_1', nowUs };
  await collections.skills.insert(createSkill(bundle, null, birth), archive);
}

function deployment() {
  const params = {
    name: 'Round',
    agent: 'agent_1',
    environment_id: 'env_1',
    initial_events: [{ type: 'user.message' as const, content: [{ type: 'text' as const, text: 'hello' }] }],
  };
  const agent = { id: 'agent_1', type: 'agent', version: 1 } as const;
  return createDeployment(params, { id: 'depl_1', agent, resources: { configs: [], tokens: {} } }, nowUs);
}

function run(): DeploymentRun {
  return {
    id: 'drun_1',
    type: 'deployment_run',
    deployment_id: 'depl_1',
    trigger_context: { type: 'manual' },
    session_id: null,
    error: { type: 'vault_not_found_error', message: 'Vault not found: vlt_1' },
    agent: { id: 'agent_1', type: 'agent', version: 1 },
    created_at: formatUs(nowUs),
  };
}

function credential(at: string) {
  return {
    id: 'vcrd_1',
    type: 'vault_credential' as const,
    vault_id: 'vlt_1',
    display_name: null,
    auth: { type: 'static_bearer' as const, mcp_server_url: 'https://mcp.example.com' },
    metadata: {},
    created_at: at,
    updated_at: at,
    archived_at: null,
  };
}

type Looks = { readonly [Method: string]: () => Promise<unknown> };
type Case<Name extends keyof Collections> = (all: Collections) => {
  readonly [Method in keyof Collections[Name]]: () => Promise<unknown>;
};

const memoryQuery = { limit: 10, after: null, prefix: '/', depth: 0, withContent: true } as const;
const versionQuery = {
  ...window,
  memoryId: null,
  operation: null,
  sessionId: null,
  apiKeyId: null,
  serviceAccountId: null,
  withContent: true,
};
const sessionQuery = {
  ...everything,
  agentId: null,
  agentVersion: null,
  statuses: null,
  deploymentId: null,
  memoryStoreId: null,
};

/**
 * Every method of every collection, called with the ids of another workspace. One without a case does not
 * compile. `insert` of something of one's own reaches nobody else's: it is asked with parents that are another's.
 */
const cases: { readonly [Name in keyof Collections]: Case<Name> } = {
  agents: ({ agents }) => ({
    insert: nothing,
    get: () => agents.get('agent_1'),
    change: () => agents.change('agent_1', never),
    archive: () => agents.archive('agent_1', { agent: never, deployment: never }),
    page: () => agents.page(everything),
    versions: () => agents.versions('agent_1', window),
  }),
  workItems: ({ workItems }) => ({
    claim: () =>
      workItems.claim('env_1', {
        nowUs,
        claimedBeforeUs: nowUs,
        secretHash: 'hash',
        abandon: async () => {},
      }),
    get: () => workItems.get('env_1', workId),
    change: () => workItems.change('env_1', workId, never),
    page: () => workItems.page('env_1', window),
    stats: async () => {
      const { depth, pending } = await workItems.stats('env_1', nowUs);
      return depth + pending === 0 ? null : depth;
    },
    // Asked only of environments that were found to be of the workspace.
    noteWorker: nothing,
    countWorkers: nothing,
  }),
  environments: ({ environments }) => ({
    insert: nothing,
    get: () => environments.get('env_1'),
    change: () => environments.change('env_1', never),
    page: () => environments.page(everything),
    remove: () => environments.remove('env_1', never),
  }),
  vaults: ({ vaults }) => ({
    insert: nothing,
    get: () => vaults.get('vlt_1'),
    change: () => vaults.change('vlt_1', never),
    archive: () => vaults.archive('vlt_1', { vault: never, credential: never }),
    page: () => vaults.page(everything),
    remove: () => vaults.remove('vlt_1'),
  }),
  credentials: ({ credentials }) => ({
    insert: () => credentials.insert({ credential: { ...credential(''), id: 'vcrd_2' }, sealed: {} }, never),
    get: () => credentials.get('vlt_1', 'vcrd_1'),
    stored: () => credentials.stored('vlt_1', 'vcrd_1'),
    change: () => credentials.change('vlt_1', 'vcrd_1', never),
    page: () => credentials.page('vlt_1', everything),
    remove: () => credentials.remove('vlt_1', 'vcrd_1'),
  }),
  sessions: ({ sessions }) => ({
    get: () => sessions.get('sesn_1', nowUs),
    page: () => sessions.page(sessionQuery, nowUs),
  }),
  memoryStores: ({ memoryStores }) => ({
    insert: nothing,
    get: () => memoryStores.get('memstore_1'),
    change: () => memoryStores.change('memstore_1', never),
    page: () => memoryStores.page(everything),
    remove: () => memoryStores.remove('memstore_1'),
  }),
  memories: ({ memories }) => ({
    get: () => memories.get('memstore_1', 'mem_1'),
    page: () => memories.page('memstore_1', memoryQuery),
    write: () => memories.write({ storeId: 'memstore_1', memoryId: 'mem_1', path: '/a' }, never),
  }),
  memoryVersions: ({ memoryVersions }) => ({
    get: () => memoryVersions.get('memstore_1', 'memver_1'),
    page: () => memoryVersions.page('memstore_1', versionQuery),
    change: () => memoryVersions.change('memstore_1', 'memver_1', never),
  }),
  deployments: ({ deployments }) => ({
    insert: nothing,
    get: () => deployments.get('depl_1'),
    change: () => deployments.change('depl_1', never, never),
    page: () => deployments.page({ ...everything, agentId: null, status: null }),
  }),
  egress: ({ egress }) => ({ page: () => egress.page('sesn_1', { ...window, result: null }) }),
  deploymentRuns: ({ deploymentRuns }) => ({
    insert: () => deploymentRuns.insert({ ...run(), id: 'drun_2' }),
    get: () => deploymentRuns.get('drun_1'),
    page: () => deploymentRuns.page({ ...window, deploymentId: 'depl_1', trigger: null, hasError: null }),
  }),
  files: ({ files }) => ({
    // Into a session of another: see the contract of files.
    insert: nothing,
    get: () => files.get('file_1', nowUs),
    page: () => files.page({ ...window, scopeId: null, ids: ['file_1'], nowUs }),
    position: () => files.position('file_1'),
    // Of the organization, whose limit it is.
    usedBytes: nothing,
    remove: () => files.remove('file_1', nowUs),
  }),
  skills: ({ skills }) => ({
    insert: nothing,
    get: () => skills.get('skill_1'),
    page: () => skills.page(window),
    remove: () => skills.remove('skill_1'),
  }),
  skillVersions: ({ skillVersions }) => ({
    insert: () => skillVersions.insert('skill_1', { sha256: 'x', bytes: 1, token: 'none' }, never),
    get: () => skillVersions.get('skill_1', 'skver_1'),
    page: () => skillVersions.page('skill_1', window),
    remove: () => skillVersions.remove('skill_1', 'skver_1', never),
  }),
  environmentKeys: ({ environmentKeys }) => ({
    insert: () =>
      environmentKeys.insert(
        createEnvironmentKey({ name: 'w' }, { id: 'envkey_2', environmentId: 'env_1', secret: 's', nowUs }),
        'hash 2',
        never,
      ),
    get: () => environmentKeys.get('env_1', 'envkey_1'),
    change: () => environmentKeys.change('env_1', 'envkey_1', never),
    page: () => environmentKeys.page('env_1', { ...window, includeRevoked: true }),
  }),
  webhookEndpoints: ({ webhookEndpoints }) => ({
    insert: nothing,
    get: () => webhookEndpoints.get('whep_1'),
    change: () => webhookEndpoints.change('whep_1', never),
    page: () => webhookEndpoints.page(window),
    remove: () => webhookEndpoints.remove('whep_1'),
  }),
};

async function nothing(): Promise<null> {
  return null;
}

/** What another workspace finds: nothing at all. */
export function isolationContract(make: MakeStore): void {
  describe('another workspace', () => {
    for (const [name, looks] of Object.entries(cases)) {
      test(`finds none of the ${name}, changes none and removes none`, async () => {
        await using it = await open(make);
        const before = await contentsOf(it.collections, name);
        const made: Looks = looks(it.there.collections);
        for (const [method, look] of Object.entries(made)) {
          const found = await look().catch(orAbsent);
          assert.ok(
            found === null || found === false || isEmpty(found),
            `${method}: ${JSON.stringify(found)}`,
          );
        }
        assert.deepEqual(await contentsOf(it.collections, name), before);
        assert.ok(
          before.some((found) => found !== null && !isEmpty(found)),
          'there was something to find',
        );
      });
    }

    test('finds no session in its log, and can neither append to it nor remove it', async () => {
      await using it = await open(make);
      const { log } = it.there;
      const records = await it.records('sesn_1');
      const event =
        records.flatMap(({ entry }) => (entry.kind === 'accepted' ? [entry.event.id] : []))[0] ?? '';
      assert.notEqual(await it.log.accepted('sesn_1', event), null);
      assert.equal(await log.state('sesn_1'), null);
      assert.deepEqual(await log.read('sesn_1', 0, 100), []);
      assert.equal(await log.deliveredAt('sesn_1', event), null);
      assert.equal(await log.accepted('sesn_1', event), null);
      assert.deepEqual(await log.events('sesn_1', { ...window, types: null }), []);
      await assert.rejects(log.commit('sesn_1', never), refusal('not_found'));
      await assert.rejects(log.remove('sesn_1', never), refusal('not_found'));
      assert.deepEqual(await it.records('sesn_1'), records);
    });

    test('finds no session that is in memory already', async () => {
      await using it = await open(make);
      await it.log.state('sesn_1');
      assert.equal(await it.there.log.state('sesn_1'), null);
      // Who works on sessions sees all of them.
      assert.notEqual(await it.workspace('wrkspc_1').log.state('sesn_1'), null);
    });

    test('creates no session in an environment that is not its own', async () => {
      await using it = await open(make);
      const born = birthOf({ id: 'sesn_2', environmentId: 'env_1' });
      const create = it.there.log.create([{ kind: 'created', session: born }]);
      await assert.rejects(create, refusal('not_found', 'environment_not_found'));
      const [record] = await it.records('sesn_2');
      assert.equal(record, undefined);
    });

    test('may use the names of others', async () => {
      await using it = await open(make);
      const mine = await it.collections.environments.get('env_1');
      assert.ok(mine);
      await it.there.collections.environments.insert({ ...mine, id: 'env_2' });
      assert.deepEqual(await it.there.collections.environments.get('env_2'), { ...mine, id: 'env_2' });
      assert.equal(await it.collections.environments.get('env_2'), null);
    });
  });
}

/** Refused as absent is not found either. */
function orAbsent(cause: unknown): null {
  refusal('not_found')(cause);
  return null;
}

function isEmpty(found: unknown): boolean {
  return Array.isArray(found) && found.length === 0;
}

/** What the owner finds by the same looks; only those that read. */
async function contentsOf(collections: Collections, name: string): Promise<unknown[]> {
  const made: Looks = Reflect.get(cases, name)(collections);
  const reading = Object.entries(made).filter(([method]) => ['get', 'page', 'versions'].includes(method));
  return await Promise.all(reading.map(([, look]) => look()));
}
