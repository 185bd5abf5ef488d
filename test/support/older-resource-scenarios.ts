import assert from 'node:assert/strict';
import type Anthropic from '@anthropic-ai/sdk';
import { startMcpServer } from './mcp-server.ts';
import type { SdkVersion } from './older-clients.ts';
import type { Scenario } from './older-scenario.ts';
import { assertPaged } from './older-scenario.ts';
import { all } from './sdk-calls.ts';
import { toolset, uniqueName } from './server-sessions.ts';
import { newSkillName, skillMd, unzipped } from './server-skills.ts';
import { bearer, oauth, variable } from './server-vaults.ts';

/** What clients do with everything but sessions. */
export const resourceScenarios: readonly Scenario[] = [
  ['an agent is made, changed, listed with its versions, and archived', 'beta.agents.create', agents],
  ['an environment is made, changed, listed, archived, deleted', 'beta.environments.create', environments],
  ['a vault is made, changed, listed, archived, deleted', 'beta.vaults.create', vaults],
  ['a credential is made, changed, listed, archived, deleted', 'beta.vaults.credentials.create', credentials],
  ['a credential is tried', 'beta.vaults.credentials.mcpOAuthValidate', trial],
  ['a memory store is made, changed, listed, archived, deleted', 'beta.memoryStores.create', memoryStores],
  ['a memory is made, changed, listed, deleted', 'beta.memoryStores.memories.create', memories],
  ['a memory version is shown, listed, redacted', 'beta.memoryStores.memoryVersions.list', memoryVersions],
  ['a file is uploaded, shown, listed, deleted', 'beta.files.upload', betaFiles],
  ['the same without a beta', 'files.upload', generalFiles],
  ['models are shown and listed', 'beta.models.list', models],
  ['a skill and its versions are made, shown, listed, downloaded, deleted', 'beta.skills.create', skills],
];

async function agents({ beta }: Anthropic): Promise<void> {
  // Before 0.106 the SDK's types let `type` be left out.
  const properties = { city: { type: 'string' } };
  const input_schema = { properties } as unknown as { type: 'object' };
  const tool = { type: 'custom', name: 'weather', description: 'd', input_schema } as const;
  const made = await beta.agents.create({
    name: 'Ant',
    model: { id: 'scripted/demo', speed: 'standard' },
    tools: [{ ...toolset, configs: [{ name: 'bash', enabled: false }] }, tool],
    metadata: { team: 'red' },
  });
  const custom = made.tools.find((each) => each.type === 'custom');
  assert.deepEqual(custom?.input_schema, { type: 'object', properties });
  assert.deepEqual(await beta.agents.retrieve(made.id), made);
  const second = await beta.agents.update(made.id, { version: 1, system: 'Be brief.' });
  const third = await beta.agents.update(made.id, { version: 2, system: null, tools: made.tools });
  assert.deepEqual(
    [second.version, second.system, third.version, third.tools],
    [2, 'Be brief.', 3, made.tools],
  );
  assert.deepEqual((await beta.agents.retrieve(made.id, { version: 2 })).system, 'Be brief.');
  const versions = await all(beta.agents.versions.list(made.id, { limit: 2 }));
  assert.deepEqual(
    versions.map((agent) => agent.version),
    [3, 2, 1],
  );
  const more = [];
  for (const name of ['Bee', 'Wasp']) more.push(await beta.agents.create({ name, model: 'scripted/demo' }));
  await assertPaged((limit) => beta.agents.list({ limit }), [...more.map(({ id }) => id).reverse(), made.id]);
  assert.notEqual((await beta.agents.archive(made.id)).archived_at, null);
  const shown = await all(beta.agents.list({ 'created_at[gte]': made.created_at, include_archived: true }));
  assert.ok(shown.some(({ id }) => id === made.id));
}

async function environments({ beta }: Anthropic): Promise<void> {
  const made = await beta.environments.create({
    name: `room ${uniqueName()}`,
    config: { type: 'cloud', networking: { type: 'limited', allowed_hosts: ['example.com'] } },
  });
  assert.deepEqual(await beta.environments.retrieve(made.id), made);
  const changed = await beta.environments.update(made.id, { description: 'Quiet', metadata: { a: 'b' } });
  assert.deepEqual([changed.description, changed.metadata], ['Quiet', { a: 'b' }]);
  const more = [];
  for (let index = 0; index < 2; index++)
    more.push(await beta.environments.create({ name: `room ${uniqueName()}` }));
  const ids = [...more.map(({ id }) => id).reverse(), made.id];
  await assertPaged((limit) => beta.environments.list({ limit }), ids);
  assert.notEqual((await beta.environments.archive(made.id)).archived_at, null);
  assert.deepEqual(await beta.environments.delete(made.id), { id: made.id, type: 'environment_deleted' });
}

async function vaults({ beta }: Anthropic): Promise<void> {
  const made = await beta.vaults.create({ display_name: 'Keys', metadata: { team: 'red' } });
  assert.deepEqual(await beta.vaults.retrieve(made.id), made);
  assert.equal((await beta.vaults.update(made.id, { display_name: 'More' })).display_name, 'More');
  const more = [];
  for (const display_name of ['B', 'C']) more.push(await beta.vaults.create({ display_name }));
  await assertPaged((limit) => beta.vaults.list({ limit }), [...more.map(({ id }) => id).reverse(), made.id]);
  assert.notEqual((await beta.vaults.archive(made.id)).archived_at, null);
  assert.deepEqual(await beta.vaults.delete(made.id), { id: made.id, type: 'vault_deleted' });
}

async function credentials({ beta }: Anthropic): Promise<void> {
  const { id: vault_id } = await beta.vaults.create({ display_name: 'Keys' });
  const made = await beta.vaults.credentials.create(vault_id, { auth: bearer('https://a.example.com') });
  assert.deepEqual(await beta.vaults.credentials.retrieve(made.id, { vault_id }), made);
  const changes = { vault_id, auth: { type: 'static_bearer', token: 'new' }, display_name: 'A' } as const;
  assert.equal((await beta.vaults.credentials.update(made.id, changes)).display_name, 'A');
  const more = [];
  for (const auth of [bearer('https://b.example.com'), variable('KEY')])
    more.push(await beta.vaults.credentials.create(vault_id, { auth }));
  await assertPaged(
    (limit) => beta.vaults.credentials.list(vault_id, { limit }),
    [...more.map(({ id }) => id).reverse(), made.id],
  );
  assert.notEqual((await beta.vaults.credentials.archive(made.id, { vault_id })).archived_at, null);
  const deleted = await beta.vaults.credentials.delete(made.id, { vault_id });
  assert.deepEqual(deleted, { id: made.id, type: 'vault_credential_deleted' });
}

async function trial({ beta }: Anthropic): Promise<void> {
  const mcp = await startMcpServer();
  const { id: vault_id } = await beta.vaults.create({ display_name: 'Keys' });
  const made = await beta.vaults.credentials.create(vault_id, { auth: oauth(`${mcp.url}/mcp`) });
  const tried = await beta.vaults.credentials.mcpOAuthValidate(made.id, { vault_id });
  assert.deepEqual([tried.credential_id, tried.status, tried.has_refresh_token], [made.id, 'valid', true]);
  await mcp.close();
}

async function memoryStores({ beta }: Anthropic): Promise<void> {
  const made = await beta.memoryStores.create({ name: 'Notes', metadata: { team: 'red' } });
  assert.deepEqual(await beta.memoryStores.retrieve(made.id), made);
  assert.equal((await beta.memoryStores.update(made.id, { description: 'd' })).description, 'd');
  const more = [];
  for (const name of ['B', 'C']) more.push(await beta.memoryStores.create({ name }));
  const ids = [...more.map(({ id }) => id).reverse(), made.id];
  await assertPaged((limit) => beta.memoryStores.list({ limit }), ids);
  assert.ok((await beta.memoryStores.archive(made.id)).archived_at);
  assert.deepEqual(await beta.memoryStores.delete(made.id), { id: made.id, type: 'memory_store_deleted' });
}

async function memories({ beta }: Anthropic, version: SdkVersion): Promise<void> {
  const { id: memory_store_id } = await beta.memoryStores.create({ name: 'Notes' });
  const inStore = { memory_store_id };
  const paths = ['/a.md', '/b/c.md', '/b/d/e.md'];
  const made = [];
  for (const path of paths)
    made.push(await beta.memoryStores.memories.create(memory_store_id, { path, content: path }));
  const [first] = made;
  assert.ok(first);
  assert.equal((await beta.memoryStores.memories.retrieve(first.id, inStore)).content, '/a.md');
  const { content_sha256 } = first;
  const precondition = { type: 'content_sha256', content_sha256 } as const;
  const changes = { ...inStore, content: 'new', precondition, view: 'full' } as const;
  assert.equal((await beta.memoryStores.memories.update(first.id, changes)).content, 'new');
  const list = (query: object) => beta.memoryStores.memories.list(memory_store_id, query);
  for (const limit of [1, 2, 100]) {
    const seen = await all(list({ limit }));
    assert.deepEqual(
      seen.map(({ path }) => path),
      paths,
    );
  }
  const children = await all(list({ path_prefix: '/b/', depth: 1, limit: 1 }));
  assert.deepEqual(
    children.map(({ type, path }) => `${type} ${path}`),
    ['memory /b/c.md', 'memory_prefix /b/d/'],
  );
  // What the SDK could ask for before memory had a beta value of its own.
  if (version === '0.95' || version === '0.106') {
    const ordered = await all(list({ order_by: 'path', order: 'asc', depth: 2, limit: 1 }));
    assert.deepEqual(
      ordered.map(({ path }) => path),
      ['/a.md', '/b/c.md', '/b/d/'],
    );
    await assert.rejects(all(list({ order: 'desc' })), { status: 400 });
    await assert.rejects(all(list({ depth: 21 })), { status: 400 });
  } else {
    await assert.rejects(all(list({ order_by: 'path' })), { status: 400 });
    await assert.rejects(all(list({ depth: 2 })), { status: 400 });
  }
  const deleted = await beta.memoryStores.memories.delete(first.id, inStore);
  assert.deepEqual(deleted, { id: first.id, type: 'memory_deleted' });
}

async function memoryVersions({ beta }: Anthropic): Promise<void> {
  const { id: memory_store_id } = await beta.memoryStores.create({ name: 'Notes' });
  const inStore = { memory_store_id };
  const made = await beta.memoryStores.memories.create(memory_store_id, { path: '/a.md', content: 'a' });
  for (const content of ['b', 'c']) await beta.memoryStores.memories.update(made.id, { ...inStore, content });
  const versions = beta.memoryStores.memoryVersions;
  const listed = await all(versions.list(memory_store_id, { memory_id: made.id, limit: 1 }));
  assert.deepEqual(
    listed.map(({ operation }) => operation),
    ['modified', 'modified', 'created'],
  );
  assert.equal((await versions.retrieve(made.memory_version_id, inStore)).content, 'a');
  const redacted = await versions.redact(made.memory_version_id, inStore);
  assert.deepEqual([redacted.content, typeof redacted.redacted_at], [null, 'string']);
}

async function betaFiles({ beta }: Anthropic, version: SdkVersion): Promise<void> {
  await files(beta.files, version === '1.12' ? ['managed-agents-2026-04-01'] : []);
}

async function generalFiles(client: Anthropic): Promise<void> {
  await files(client.files, []);
}

/** Older SDKs page by ids, and delete what they have listed while they go on. */
async function files(resource: Anthropic['beta']['files'] | Anthropic['files'], betas: string[]) {
  const upload = (name: string) => resource.upload({ file: new File(['a,b'], name, { type: 'text/csv' }) });
  const made = await upload('dir/a.csv');
  assert.deepEqual([made.filename, made.mime_type, made.size_bytes], ['a.csv', 'text/csv', 3]);
  assert.deepEqual(await resource.retrieveMetadata(made.id), made);
  const more = [await upload('b.csv'), await upload('c.csv')];
  const ids = [...more.map(({ id }) => id).reverse(), made.id];
  await assertPaged((limit) => resource.list({ limit }), ids);
  const scoped = { scope_id: 'sesn_0', betas };
  if (betas.length > 0) assert.deepEqual(await all(resource.list(scoped)), []);
  await assert.rejects(resource.download(made.id).then(), /not downloadable/);
  const deleted = [];
  for await (const { id } of resource.list({ limit: 1 }))
    if (ids.includes(id)) deleted.push((await resource.delete(id)).id);
  assert.deepEqual(deleted, ids);
}

async function models({ beta, models: general }: Anthropic): Promise<void> {
  for (const resource of [beta.models, general]) {
    const one = await resource.retrieve('scripted/demo');
    assert.deepEqual([one.id, one.type], ['scripted/demo', 'model']);
    const everything = (await all(resource.list({ limit: 1000 }))).map(({ id }) => id);
    assert.ok(everything.includes('scripted/demo') && everything.length > 3);
    const paged = (await all(resource.list({ limit: 2 }))).map(({ id }) => id);
    assert.deepEqual(paged, everything);
  }
}

async function skills({ beta, skills: general }: Anthropic, version: SdkVersion): Promise<void> {
  for (const isBeta of general === undefined ? [true] : [true, false]) {
    const resource = isBeta ? beta.skills : general;
    const made = [];
    for (let count = 0; count < 3; count++)
      made.push(await resource.create({ files: skillFiles(newSkillName()) }));
    const [skill] = made;
    assert.ok(skill);
    const skill_id = skill.id;
    assert.deepEqual(await resource.retrieve(skill_id), skill);
    const ids = made.map(({ id }) => id).reverse();
    await assertPaged((limit) => resource.list({ limit, source: 'custom' }), ids);
    // To the older ones a version is its number.
    const isOld = version !== '1.12' && isBeta;
    const latest: unknown = Reflect.get(skill, isOld ? 'latest_version' : 'latest_version_id');
    assert.ok(typeof latest === 'string');
    const { name } = await resource.versions.retrieve(latest, { skill_id });
    const next = await resource.versions.create(skill_id, { files: skillFiles(name) });
    const versions = await all(resource.versions.list(skill_id, { limit: 1 }));
    assert.deepEqual([versions.length, versions[0]], [2, next]);
    if (isBeta && hasSkillDownload(version)) {
      const archive = await beta.skills.versions.download(latest, { skill_id });
      assert.deepEqual(Object.keys(await unzipped(archive)), [`${name}/SKILL.md`]);
    }
    const deleted = await resource.versions.delete(latest, { skill_id });
    assert.deepEqual({ ...deleted }, { id: latest, type: 'skill_version_deleted' });
    assert.deepEqual({ ...(await resource.delete(skill_id)) }, { id: skill_id, type: 'skill_deleted' });
  }
}

function hasSkillDownload(version: SdkVersion): boolean {
  return version !== '0.86' && version !== '0.95';
}

function skillFiles(name: string): File[] {
  return [new File([skillMd(name)], `${name}/SKILL.md`)];
}
