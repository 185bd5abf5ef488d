import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type Anthropic from '@anthropic-ai/sdk';
import type { RouteKey } from '../../src/protocol/routes.ts';
import { routes } from '../../src/protocol/routes.ts';
import type { ServerProcess } from '../support/server.ts';
import {
  createEnvironmentKey,
  createKey,
  revokeEnvironmentKey,
  usageReport,
} from '../support/server-admin.ts';
import { everyMorning } from '../support/server-deployments.ts';
import { diagnosisOf } from '../support/server-diagnosis.ts';
import { egressOf, putDecision } from '../support/server-egress.ts';
import { setFile } from '../support/server-files.ts';
import type { Session } from '../support/server-sessions.ts';
import { atRest, message, openSession } from '../support/server-sessions.ts';
import { newSkillName, skillFiles, twoVersions } from '../support/server-skills.ts';
import { describeServer } from '../support/server-suite.ts';
import { oauth, variable } from '../support/server-vaults.ts';
import type { Queue } from '../support/server-work.ts';
import { openQueue } from '../support/server-work.ts';

/** A call of the SDK: `withResponse` gives its parsed data and the raw response. */
type Made = { withResponse(): Promise<{ data: unknown; response: Response }> };
type World = {
  readonly client: Anthropic;
  readonly session: Session;
  readonly threadId: string;
  /** Its repository. */
  readonly resourceId: string;
  /** Its file. */
  readonly mountedId: string;
  /** Sessions that may be archived or deleted; the environment of the second is in no other use. */
  readonly spare: readonly [Session, Session];
  /** A vault with two credentials, and two empty ones that may be archived or deleted. */
  readonly vaultId: string;
  readonly credentialIds: readonly [string, string];
  /** For a server that is not there. */
  readonly oauthId: string;
  readonly spareVaultIds: readonly [string, string];
  /** Made anew for each case, in a store of its own. Its first version is no longer what it holds. */
  readonly memory: Memory;
  /** Made anew for each case, downloadable. */
  readonly fileId: string;
  /** Made anew for each case, as is what is uploaded. */
  readonly skill: SkillWithVersions;
  readonly uploads: { readonly files: Awaited<ReturnType<typeof skillFiles>> };
  /** Made anew for each case, with one run. */
  readonly deploymentId: string;
  readonly runId: string;
  /** Made anew for each case: a queue with one item, that nobody has taken. */
  readonly hosted: Queue & { readonly workId: string };
  /** What belongs to the organization. */
  readonly admin: Admin;
};
type Admin = {
  readonly keyId: string;
  readonly workspaceId: string;
  readonly environmentKey: Awaited<ReturnType<typeof createEnvironmentKey>>;
  readonly webhookIds: readonly [string, string];
};
type SkillWithVersions = Awaited<ReturnType<typeof twoVersions>>;
type Memory = Awaited<ReturnType<Anthropic['beta']['memoryStores']['memories']['retrieve']>>;
type Case = (world: World) => Made;

/** One call per route: a route without a case does not compile. */
const cases: Record<RouteKey, Case> = {
  'beta.agents create': ({ client }) => client.beta.agents.create({ name: 'Ant', model: 'scripted/demo' }),
  'beta.agents retrieve': ({ client, session }) =>
    client.beta.agents.retrieve(session.agent.id, { version: 1 }),
  'beta.agents update': ({ client, session }) =>
    client.beta.agents.update(session.agent.id, { version: 1, description: 'Works hard' }),
  'beta.agents list': ({ client }) => client.beta.agents.list({ limit: 2, include_archived: true }),
  'beta.agents archive': ({ client, spare }) => client.beta.agents.archive(spare[0].agent.id),
  'beta.agents.versions list': ({ client, session }) => client.beta.agents.versions.list(session.agent.id),
  'beta.environments create': ({ client }) => client.beta.environments.create({ name: 'A room' }),
  'beta.environments retrieve': ({ client, session }) =>
    client.beta.environments.retrieve(session.environment_id),
  'beta.environments update': ({ client, session }) =>
    client.beta.environments.update(session.environment_id, { description: 'A quiet room' }),
  'beta.environments list': ({ client }) => client.beta.environments.list({ limit: 2 }),
  'beta.environments delete': ({ client, spare }) =>
    client.beta.environments.delete(spare[1].environment_id, undefined, { query: { force: true } }),
  'beta.environments archive': ({ client, spare }) =>
    client.beta.environments.archive(spare[0].environment_id),
  'beta.sessions create': ({ client, session }) =>
    client.beta.sessions.create({ agent: session.agent.id, environment_id: session.environment_id }),
  'beta.sessions retrieve': ({ client, session }) => client.beta.sessions.retrieve(session.id),
  'beta.sessions update': ({ client, session }) =>
    client.beta.sessions.update(session.id, { title: 'A new title' }),
  'beta.sessions list': ({ client }) => client.beta.sessions.list({ limit: 2 }),
  'beta.sessions delete': ({ client, spare }) => client.beta.sessions.delete(spare[0].id),
  'beta.sessions archive': ({ client, spare }) => client.beta.sessions.archive(spare[1].id),
  'beta.sessions.events send': ({ client, session }) =>
    client.beta.sessions.events.send(session.id, { events: [message('hello')] }),
  'beta.sessions.events list': ({ client, session }) => client.beta.sessions.events.list(session.id),
  'beta.sessions.events stream': ({ client, session }) =>
    client.beta.sessions.events.stream(session.id, undefined, replay),
  'beta.sessions.threads list': ({ client, session }) => client.beta.sessions.threads.list(session.id),
  'beta.sessions.threads retrieve': ({ client, session, threadId }) =>
    client.beta.sessions.threads.retrieve(threadId, { session_id: session.id }),
  'beta.sessions.threads archive': ({ client, session, threadId }) =>
    client.beta.sessions.threads.archive(threadId, { session_id: session.id }),
  'beta.sessions.threads.events list': ({ client, session, threadId }) =>
    client.beta.sessions.threads.events.list(threadId, { session_id: session.id }),
  'beta.sessions.threads.events stream': ({ client, session, threadId }) =>
    client.beta.sessions.threads.events.stream(threadId, { session_id: session.id }, replay),
  'beta.sessions.resources add': ({ client, session, fileId }) =>
    client.beta.sessions.resources.add(session.id, { type: 'file', file_id: fileId }),
  'beta.sessions.resources delete': ({ client, session, mountedId }) =>
    client.beta.sessions.resources.delete(mountedId, { session_id: session.id }),
  'beta.sessions.resources retrieve': ({ client, session, resourceId }) =>
    client.beta.sessions.resources.retrieve(resourceId, { session_id: session.id }),
  'beta.sessions.resources update': ({ client, session, resourceId }) =>
    client.beta.sessions.resources.update(resourceId, { session_id: session.id, authorization_token: 't' }),
  'beta.sessions.resources list': ({ client, session }) =>
    client.beta.sessions.resources.list(session.id, { limit: 2 }),
  'beta.deployments create': ({ client, session }) => client.beta.deployments.create(everyMorning(session)),
  'beta.deployments retrieve': ({ client, deploymentId }) => client.beta.deployments.retrieve(deploymentId),
  'beta.deployments update': ({ client, deploymentId }) =>
    client.beta.deployments.update(deploymentId, { schedule: null }),
  'beta.deployments list': ({ client }) => client.beta.deployments.list({ limit: 2, status: 'active' }),
  'beta.deployments archive': ({ client, deploymentId }) => client.beta.deployments.archive(deploymentId),
  'beta.deployments pause': ({ client, deploymentId }) => client.beta.deployments.pause(deploymentId),
  'beta.deployments run': ({ client, deploymentId }) => client.beta.deployments.run(deploymentId),
  'beta.deployments unpause': ({ client, deploymentId }) => client.beta.deployments.unpause(deploymentId),
  'beta.deploymentRuns retrieve': ({ client, runId }) => client.beta.deploymentRuns.retrieve(runId),
  'beta.deploymentRuns list': ({ client, deploymentId }) =>
    client.beta.deploymentRuns.list({ deployment_id: deploymentId, trigger_type: 'manual' }),
  'beta.vaults create': ({ client }) => client.beta.vaults.create({ display_name: 'Keys' }),
  'beta.vaults retrieve': ({ client, vaultId }) => client.beta.vaults.retrieve(vaultId),
  'beta.vaults update': ({ client, vaultId }) =>
    client.beta.vaults.update(vaultId, { display_name: 'More keys' }),
  'beta.vaults list': ({ client }) => client.beta.vaults.list({ limit: 2, include_archived: true }),
  'beta.vaults delete': ({ client, spareVaultIds }) => client.beta.vaults.delete(spareVaultIds[0]),
  'beta.vaults archive': ({ client, spareVaultIds }) => client.beta.vaults.archive(spareVaultIds[1]),
  'beta.vaults.credentials create': ({ client, vaultId }) =>
    client.beta.vaults.credentials.create(vaultId, { auth: variable('SECOND_KEY') }),
  'beta.vaults.credentials retrieve': ({ client, vaultId, credentialIds }) =>
    client.beta.vaults.credentials.retrieve(credentialIds[0], { vault_id: vaultId }),
  'beta.vaults.credentials update': ({ client, vaultId, credentialIds }) =>
    client.beta.vaults.credentials.update(credentialIds[0], { vault_id: vaultId, display_name: 'Mine' }),
  'beta.vaults.credentials list': ({ client, vaultId }) => client.beta.vaults.credentials.list(vaultId),
  'beta.vaults.credentials delete': ({ client, vaultId, credentialIds }) =>
    client.beta.vaults.credentials.delete(credentialIds[1], { vault_id: vaultId }),
  'beta.vaults.credentials archive': ({ client, vaultId, credentialIds }) =>
    client.beta.vaults.credentials.archive(credentialIds[0], { vault_id: vaultId }),
  'beta.vaults.credentials mcpOAuthValidate': ({ client, vaultId, oauthId }) =>
    client.beta.vaults.credentials.mcpOAuthValidate(oauthId, { vault_id: vaultId }),
  'beta.memoryStores create': ({ client }) => client.beta.memoryStores.create({ name: 'Notes' }),
  'beta.memoryStores retrieve': ({ client, memory }) =>
    client.beta.memoryStores.retrieve(memory.memory_store_id),
  'beta.memoryStores update': ({ client, memory }) =>
    client.beta.memoryStores.update(memory.memory_store_id, { description: 'What was learnt' }),
  'beta.memoryStores list': ({ client }) =>
    client.beta.memoryStores.list({ limit: 2, include_archived: true }),
  'beta.memoryStores delete': ({ client, memory }) => client.beta.memoryStores.delete(memory.memory_store_id),
  'beta.memoryStores archive': ({ client, memory }) =>
    client.beta.memoryStores.archive(memory.memory_store_id),
  'beta.memoryStores.memories create': ({ client, memory }) =>
    client.beta.memoryStores.memories.create(memory.memory_store_id, { path: '/b.md', content: 'b' }),
  'beta.memoryStores.memories retrieve': ({ client, memory }) =>
    client.beta.memoryStores.memories.retrieve(memory.id, { ...inStore(memory), view: 'full' }),
  'beta.memoryStores.memories update': ({ client, memory }) =>
    client.beta.memoryStores.memories.update(memory.id, { ...inStore(memory), content: 'new' }),
  'beta.memoryStores.memories list': ({ client, memory }) =>
    client.beta.memoryStores.memories.list(memory.memory_store_id, { depth: 1, path_prefix: '/' }),
  'beta.memoryStores.memories delete': ({ client, memory }) =>
    client.beta.memoryStores.memories.delete(memory.id, inStore(memory)),
  'beta.memoryStores.memoryVersions retrieve': ({ client, memory }) =>
    client.beta.memoryStores.memoryVersions.retrieve(memory.memory_version_id, inStore(memory)),
  'beta.memoryStores.memoryVersions list': ({ client, memory }) =>
    client.beta.memoryStores.memoryVersions.list(memory.memory_store_id, { operation: 'created' }),
  'beta.memoryStores.memoryVersions redact': ({ client, memory }) =>
    client.beta.memoryStores.memoryVersions.redact(memory.memory_version_id, inStore(memory)),
  'files upload': ({ client }) => client.files.upload({ file: csv(), expires_in_seconds: 3600 }),
  'files list': ({ client, fileId }) => client.files.list({ ids: [fileId] }),
  'files retrieveMetadata': ({ client, fileId }) => client.files.retrieveMetadata(fileId),
  'files download': ({ client, fileId }) => client.files.download(fileId),
  'files delete': ({ client, fileId }) => client.files.delete(fileId),
  'beta.files upload': ({ client }) => client.beta.files.upload({ file: csv(), expires_in_seconds: 3600 }),
  'beta.files list': ({ client }) => client.beta.files.list({ limit: 2 }),
  'beta.files retrieveMetadata': ({ client, fileId }) => client.beta.files.retrieveMetadata(fileId),
  'beta.files download': ({ client, fileId }) => client.beta.files.download(fileId),
  'beta.files delete': ({ client, fileId }) => client.beta.files.delete(fileId),
  'skills create': ({ client, uploads }) => client.skills.create({ ...uploads, display_name: 'Ants' }),
  'skills retrieve': ({ client, skill }) => client.skills.retrieve(skill.id),
  'skills list': ({ client }) => client.skills.list({ limit: 2, source: 'custom' }),
  'skills delete': ({ client, skill }) => client.skills.delete(skill.id),
  'skills.versions create': ({ client, skill }) => client.skills.versions.create(skill.id, skill.uploads),
  'skills.versions retrieve': ({ client, skill }) =>
    client.skills.versions.retrieve('latest', { skill_id: skill.id }),
  'skills.versions list': ({ client, skill }) => client.skills.versions.list(skill.id, { limit: 1000 }),
  'skills.versions delete': ({ client, skill }) =>
    client.skills.versions.delete(skill.versionIds[0], { skill_id: skill.id }),
  'beta.skills create': ({ client, uploads }) => client.beta.skills.create(uploads),
  'beta.skills retrieve': ({ client, skill }) => client.beta.skills.retrieve(skill.id),
  'beta.skills list': ({ client }) => client.beta.skills.list(),
  'beta.skills delete': ({ client, skill }) => client.beta.skills.delete(skill.id),
  'beta.skills.versions create': ({ client, skill }) =>
    client.beta.skills.versions.create(skill.id, skill.uploads),
  'beta.skills.versions retrieve': ({ client, skill }) =>
    client.beta.skills.versions.retrieve(skill.versionIds[0], { skill_id: skill.id }),
  'beta.skills.versions list': ({ client, skill }) => client.beta.skills.versions.list(skill.id),
  'beta.skills.versions delete': ({ client, skill }) =>
    client.beta.skills.versions.delete(skill.versionIds[1], { skill_id: skill.id }),
  'beta.skills.versions download': ({ client, skill }) =>
    client.beta.skills.versions.download(skill.versionIds[0], { skill_id: skill.id }),
  'organization retrieve': ({ client }) => client.organization.retrieve(),
  'beta.sessions.diagnosis retrieve': ({ client, session }) => diagnosisOf(client, session.id),
  'beta.sessions.egress list': ({ client, session }) =>
    egressOf(client, session.id, { result: 'refused', limit: 2 }),
  'organization.apiKeys create': ({ client }) => createKey(client, { name: 'CI' }),
  'beta.environments.work list': ({ hosted: { worker, environmentId } }) =>
    worker.beta.environments.work.list(environmentId, { limit: 5 }),
  'beta.environments.work poll': ({ hosted: { worker, environmentId } }) =>
    worker.beta.environments.work.poll(environmentId, {
      block_ms: 10,
      reclaim_older_than_ms: 1,
      'Anthropic-Worker-ID': 'w',
    }),
  'beta.environments.work stats': ({ client, hosted: { environmentId } }) =>
    client.beta.environments.work.stats(environmentId),
  'beta.environments.work retrieve': ({ client, hosted: { workId, environmentId } }) =>
    client.beta.environments.work.retrieve(workId, { environment_id: environmentId }),
  'beta.environments.work update': ({ client, hosted: { workId, environmentId } }) =>
    client.beta.environments.work.update(workId, {
      environment_id: environmentId,
      metadata: { a: '1', b: null },
    }),
  'beta.environments.work ack': ({ hosted: { worker, workId, environmentId } }) =>
    worker.beta.environments.work.ack(workId, { environment_id: environmentId }),
  'beta.environments.work heartbeat': ({ hosted: { worker, workId, environmentId } }) =>
    worker.beta.environments.work.heartbeat(workId, {
      environment_id: environmentId,
      desired_ttl_seconds: 60,
    }),
  'beta.environments.work stop': ({ client, hosted: { workId, environmentId } }) =>
    client.beta.environments.work.stop(workId, { environment_id: environmentId, force: true }),
  'organization.apiKeys retrieve': ({ client, admin }) => client.organization.apiKeys.retrieve(admin.keyId),
  'organization.apiKeys update': ({ client, admin }) =>
    client.organization.apiKeys.update(admin.keyId, { name: 'New', status: 'inactive' }),
  'organization.apiKeys list': ({ client }) =>
    client.organization.apiKeys.list({ limit: 2, status: 'active' }),
  'organization.workspaces create': ({ client }) =>
    client.organization.workspaces.create({ name: 'Team', tags: { a: 'b' }, display_color: '#123abc' }),
  'organization.workspaces retrieve': ({ client, admin }) =>
    client.organization.workspaces.retrieve(admin.workspaceId),
  'organization.workspaces update': ({ client, admin }) =>
    client.organization.workspaces.update(admin.workspaceId, { name: 'New', tags: { a: null } }),
  'organization.workspaces list': ({ client, admin }) =>
    client.organization.workspaces.list({ ids: [admin.workspaceId], include_archived: true }),
  'organization.workspaces archive': ({ client, admin }) =>
    client.organization.workspaces.archive(admin.workspaceId),
  'organization.environmentKeys create': ({ client, session }) =>
    createEnvironmentKey(client, session.environment_id),
  'organization.environmentKeys list': ({ client, session }) =>
    client.get(`/v1/organizations/environments/${session.environment_id}/keys`),
  'organization.environmentKeys revoke': ({ client, admin }) =>
    revokeEnvironmentKey(client, admin.environmentKey),
  'organization.usageReport messages': ({ client }) =>
    usageReport(client, { starting_at: new Date().toISOString(), group_by: ['model'] }),
  'beta.organization.webhooks create': ({ client }) => client.beta.organization.webhooks.create(endpoint),
  'beta.organization.webhooks retrieve': ({ client, admin }) =>
    client.beta.organization.webhooks.retrieve(admin.webhookIds[0]),
  'beta.organization.webhooks update': ({ client, admin }) =>
    client.beta.organization.webhooks.update(admin.webhookIds[0], { name: 'New', state: 'disabled' }),
  'beta.organization.webhooks list': ({ client }) => client.beta.organization.webhooks.list({ order: 'asc' }),
  'beta.organization.webhooks delete': ({ client, admin }) =>
    client.beta.organization.webhooks.delete(admin.webhookIds[1]),
  'beta.organization.webhooks regenerateSigningSecret': ({ client, admin }) =>
    client.beta.organization.webhooks.regenerateSigningSecret(admin.webhookIds[0]),
  'models list': ({ client }) => client.models.list(),
  'models retrieve': ({ client }) => client.models.retrieve('scripted/demo'),
  'beta.models list': ({ client }) => client.beta.models.list(),
  'beta.models retrieve': ({ client }) => client.beta.models.retrieve('scripted/demo'),
};

function inStore({ memory_store_id }: Memory) {
  return { memory_store_id };
}

function csv(): File {
  return new File(['a,b\n'], 'a.csv', { type: 'text/csv' });
}
/** Streams replay from here, so that they have something to say at once. */
const replay = { headers: { 'last-event-id': '' } };

describeServer('every route, driven by the SDK', ({ home, server }) => {
  let world: Omit<World, keyof Fresh | 'fileId' | 'skill' | 'uploads'>;
  const anew = async (): Promise<World> => {
    const { id: fileId } = await server.client.files.upload({ file: csv() });
    setFile(home, fileId, 'downloadable', 1);
    const uploads = { files: await skillFiles(newSkillName()) };
    return {
      ...world,
      ...(await fresh(server, world.session)),
      fileId,
      skill: await twoVersions(server.client),
      uploads,
    };
  };

  before(async () => {
    const { client } = server;
    const { id: file_id } = await client.files.upload({ file: csv() });
    const session = await openSession(
      client,
      {},
      {
        initial_events: [message('hello')],
        resources: [
          { type: 'github_repository', url: 'https://github.com/ants/hill' },
          { type: 'file', file_id },
        ],
      },
    );
    await atRest(client, session.id);
    putDecision(home, session.id);
    const [thread] = (await client.beta.sessions.threads.list(session.id)).data;
    const [first] = (await client.beta.sessions.events.list(session.id)).data;
    replay.headers['last-event-id'] = first?.id ?? '';
    const spare = [await openSession(client), await openSession(client)] as const;
    const [resourceId = '', mountedId = ''] = session.resources.map((each) => ('id' in each ? each.id : ''));
    const threadId = thread?.id ?? '';
    const admin = await openOrganization(client, session);
    world = { client, session, threadId, resourceId, mountedId, spare, admin, ...(await openVaults(client)) };
  });

  test('the table of cases is the route table', () => {
    assert.deepEqual(Object.keys(cases).sort(), Object.keys(routes).sort());
  });

  for (const [key, make] of Object.entries(cases)) {
    // The keys of both tables are the same, see above.
    const route = routes[key as RouteKey];
    if (key === 'beta.sessions.threads archive') continue;
    test(`${key} reaches its path and answers what its schema says`, async () => {
      const { data, response } = await make(await anew()).withResponse();
      assert.match(new URL(response.url).pathname, pathPattern(route.path));
      assert.match(response.headers.get('request-id') ?? '', /^req_\w+$/);
      if (route.downloads) {
        const [type, content] = key.includes('skills') ? ['application/zip', /^PK/] : ['text/csv', /^a,b\n$/];
        assert.equal(response.headers.get('content-type'), type);
        return assert.match(await response.text(), content);
      }
      const answered = await answers(data, { pages: route.paging !== null, streams: route.streams });
      assert.notEqual(answered.length, 0);
      for (const answer of answered) route.response.parse(answer);
    });
  }

  test('beta.sessions.threads archive reaches its path, which keeps the primary thread', async () => {
    const make = cases['beta.sessions.threads archive'];
    await assert.rejects(make(await anew()).withResponse(), /primary thread cannot be archived/);
  });
});

async function openVaults(client: Anthropic) {
  const create = async () => (await client.beta.vaults.create({ display_name: 'Keys' })).id;
  const vaultId = await create();
  const put = async (name: string) =>
    (await client.beta.vaults.credentials.create(vaultId, { auth: variable(name) })).id;
  return {
    vaultId,
    credentialIds: [await put('API_KEY'), await put('OTHER_KEY')] as const,
    // Nobody listens on the discard port.
    oauthId: (await client.beta.vaults.credentials.create(vaultId, { auth: oauth('http://127.0.0.1:9/') }))
      .id,
    spareVaultIds: [await create(), await create()] as const,
  };
}

type Fresh = Pick<World, 'memory' | 'deploymentId' | 'runId' | 'hosted'>;

async function fresh(server: ServerProcess, session: Session): Promise<Fresh> {
  const { client } = server;
  const { id: deploymentId } = await client.beta.deployments.create(everyMorning(session));
  const { id: runId } = await client.beta.deployments.run(deploymentId);
  const memory = await newMemory(client);
  return { memory, deploymentId, runId, hosted: await withItem(await openQueue(server)) };
}

async function withItem(queue: Queue): Promise<World['hosted']> {
  await queue.open({}, 'hello');
  const { data } = await queue.worker.beta.environments.work.list(queue.environmentId);
  return { ...queue, workId: data[0]?.id ?? '' };
}

/** The SDK knows only the events of an organization; those of a workspace are in its own types as data. */
const endpoint = { url: 'https://example.com/hook', enabled_events: ['session.updated'] as never[] };

async function openOrganization(client: Anthropic, { environment_id }: Session): Promise<Admin> {
  const { id: keyId } = await createKey(client, { name: 'CI' });
  const { id: workspaceId } = await client.organization.workspaces.create({ name: 'Team' });
  const environmentKey = await createEnvironmentKey(client, environment_id);
  const { webhooks } = client.beta.organization;
  const webhookIds = [(await webhooks.create(endpoint)).id, (await webhooks.create(endpoint)).id] as const;
  return { keyId, workspaceId, environmentKey, webhookIds };
}

async function newMemory(client: Anthropic): Promise<Memory> {
  const { memories } = client.beta.memoryStores;
  const { id } = await client.beta.memoryStores.create({ name: 'Notes' });
  const memory = await memories.create(id, { path: '/notes/a.md', content: 'a' });
  await memories.update(memory.id, { memory_store_id: id, content: 'A' });
  return memory;
}

function pathPattern(path: string): RegExp {
  return new RegExp(`^${path.replace(/:\w+(\{\.\+\})?/g, '[^/]+')}$`);
}

/** The objects that a response brought: the items of a page, the first event of a stream, or itself. */
async function answers(data: unknown, kind: { pages: boolean; streams: boolean }): Promise<unknown[]> {
  if (kind.pages) return (data as { data: unknown[] }).data;
  if (!kind.streams) return [data];
  for await (const event of data as AsyncIterable<unknown>) return [event];
  return [];
}
