import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type Anthropic from '@anthropic-ai/sdk';
import { importAll } from '../../src/main/moving/import.ts';
import { createIo } from '../support/cli-io.ts';
import type { ServerHome, ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import { skillFiles, unzipped } from '../support/server-skills.ts';

describe('anthill import --from another server', () => {
  const homes: readonly ServerHome[] = [serverHome(), serverHome()];
  let source: ServerProcess;
  let target: ServerProcess;
  const ids = { skill: '', worker: '', store: '' };

  before(async () => {
    const [a, b] = await Promise.all(homes.map((home) => home.start()));
    assert.ok(a && b);
    [source, target] = [a, b];
    Object.assign(ids, await fill(source.client));
  });
  after(async () => {
    for (const home of homes) await home.remove();
  });

  async function fill({ beta }: Anthropic) {
    const skill = await beta.skills.create({ files: await skillFiles('trails'), display_name: 'Trails' });
    const files = await skillFiles('trails', { 'more.txt': 'more' });
    const { id: version } = await beta.skills.versions.create(skill.id, { files });
    const worker = await beta.agents.create({
      name: 'Worker',
      model: { id: 'scripted/demo', effort: { type: 'low' } },
      system: 'Work.',
      tools: [
        {
          type: 'agent_toolset_20260401',
          configs: [{ name: 'bash', permission_policy: { type: 'always_ask' } }],
        },
        { type: 'custom', name: 'weather', description: 'Tells it', input_schema: { type: 'object' } },
      ],
      skills: [{ type: 'custom', skill_id: skill.id, version: skill.latest_version_id }],
      metadata: { team: 'ants', gone: 'later' },
    });
    await beta.agents.update(worker.id, {
      version: 1,
      skills: [{ type: 'custom', skill_id: skill.id, version }],
      metadata: { gone: null },
    });
    await beta.agents.create({
      name: 'Lead',
      model: 'scripted/demo',
      multiagent: { type: 'coordinator', agents: [{ type: 'agent', id: worker.id, version: 1 }] },
    });
    const archived = await beta.agents.create({ name: 'Archived', model: 'scripted/demo' });
    await beta.agents.archive(archived.id);
    await beta.environments.create({
      name: 'hill',
      config: {
        type: 'cloud',
        networking: { type: 'limited', allowed_hosts: ['example.com'], allow_package_managers: true },
        packages: { pip: ['ants==1.0'] },
      },
      metadata: { of: 'ants' },
    });
    const store = await beta.memoryStores.create({ name: 'Notes', description: 'About ants' });
    for (const path of ['/a', '/b/c'])
      await beta.memoryStores.memories.create(store.id, { path, content: `of ${path}` });
    return { skill: skill.id, worker: worker.id, store: store.id };
  }

  async function copy(more: readonly string[] = []) {
    const env = { ANTHROPIC_BASE_URL: target.baseUrl, ANTHROPIC_API_KEY: target.apiKey };
    const io = createIo({ env });
    const args = ['--from', source.baseUrl, '--from-api-key', source.apiKey, ...more];
    const code = await importAll(args, { ...io, cwd: '/' });
    return { code, lines: io.stdout.text.trimEnd().split('\n') };
  }

  const all = async <Item>(list: AsyncIterable<Item>): Promise<Item[]> => {
    const items: Item[] = [];
    for await (const item of list) items.push(item);
    return items.reverse();
  };

  /** Everything that is copied, without ids and times, with names in the place of references. */
  async function everything({ beta }: Anthropic): Promise<unknown> {
    const names = new Map<string, string>();
    const skills: unknown[] = [];
    for (const skill of await all(beta.skills.list())) {
      names.set(skill.id, skill.display_name);
      for (const [at, version] of (await all(beta.skills.versions.list(skill.id))).entries()) {
        names.set(version.id, `${skill.display_name} ${at + 1}`);
        const archive = await beta.skills.versions.download(version.id, { skill_id: skill.id });
        skills.push([version.name, version.description, await unzipped(archive)]);
      }
    }
    const agents = (await all(beta.agents.list())).sort((a, b) => b.name.localeCompare(a.name));
    for (const agent of agents) names.set(agent.id, agent.name);
    const versions = await Promise.all(agents.map(({ id }) => all(beta.agents.versions.list(id))));
    const stores = await all(beta.memoryStores.list());
    const memories = await Promise.all(
      stores.map(({ id }) => all(beta.memoryStores.memories.list(id, { view: 'full' }))),
    );
    const found = [skills, versions, await all(beta.environments.list()), stores, memories];
    const own = /^(created_at|updated_at|imported_from|memory_store_id|memory_version_id)$/;
    return JSON.parse(JSON.stringify(found), (key, value: unknown) => {
      if (own.test(key)) return undefined;
      if (typeof value === 'string' && names.has(value)) return names.get(value);
      return key === 'id' && typeof value === 'string' && /^(env|mem|memstore)_/.test(value) ? '' : value;
    });
  }

  test('copies everything, finds it again, and adds what is new', async () => {
    const first = await copy();
    assert.equal(
      first.lines.at(-1),
      'environment made: 1, skill made: 1, agent made: 2, memory store made: 1',
    );
    assert.equal(first.code, 0);
    assert.deepEqual(await everything(target.client), await everything(source.client));
    assert.equal((await all(target.client.beta.agents.list({ include_archived: true }))).length, 2);

    const again = await copy();
    const there = 'environment there: 1, skill there: 1, agent there: 2, memory store there: 1';
    assert.equal(again.lines.at(-1), there);

    const { beta } = source.client;
    await beta.agents.update(ids.worker, { version: 2, system: 'Work more.' });
    await beta.skills.versions.create(ids.skill, { files: await skillFiles('trails', { 'third.txt': '3' }) });
    await beta.memoryStores.memories.create(ids.store, { path: '/new', content: 'new' });
    const added = await copy();
    assert.equal(
      added.lines.at(-1),
      'environment there: 1, skill added to: 1, agent added to: 1, agent there: 1, memory store added to: 1',
    );
    assert.deepEqual(await everything(target.client), await everything(source.client));
  });

  test('leaves what is in the way as it is, and says so', async () => {
    const { beta } = source.client;
    await target.client.beta.skills.create({ files: await skillFiles('taken', { 'a.txt': 'here' }) });
    const taken = await beta.skills.create({ files: await skillFiles('taken', { 'a.txt': 'there' }) });
    const skills = [{ type: 'custom' as const, skill_id: taken.id }];
    const tools = [{ type: 'agent_toolset_20260401' as const }];
    const { id } = await beta.agents.create({ name: 'Skilled', model: 'scripted/demo', tools, skills });
    await target.client.beta.environments.create({ name: 'same' });
    const environment = await beta.environments.create({ name: 'same' });
    const { code, lines } = await copy();
    assert.equal(code, 1);
    const about = (one: string) => lines.find((line) => line.includes(one));
    assert.match(about(taken.id) ?? '', /^left out skill .*: another skill there has the name taken/);
    assert.match(about(id) ?? '', new RegExp(`^left out agent .*names what is not copied: ${taken.id}`));
    assert.match(about(environment.id) ?? '', /^failed {3}environment .*: 409/);
  });

  test('says what is missing', async () => {
    const run = (args: readonly string[]) =>
      importAll(args, { ...createIo({ env: { ANTHROPIC_BASE_URL: target.baseUrl } }), cwd: '/' });
    await assert.rejects(run(['--from', 'nowhere']), /is not a URL/);
    await assert.rejects(run(['--from', source.baseUrl]), /set ANTHILL_IMPORT_API_KEY/);
    await assert.rejects(run(['--from', target.baseUrl, '--from-api-key', 'k']), /is the server itself/);
    const refused = run(['--from', source.baseUrl, '--from-api-key', 'sk-ant-none']);
    await assert.rejects(refused, /401/);
  });
});
