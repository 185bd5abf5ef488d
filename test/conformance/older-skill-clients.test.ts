import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as sdk086 from 'anthropic-sdk-0.86';
import * as sdk095 from 'anthropic-sdk-0.95';
import * as sdk106 from 'anthropic-sdk-0.106';
import * as sdk120 from 'anthropic-sdk-0.120';
import type { ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import { call } from '../support/server-http.ts';
import { newSkillName, skillMd, unzipped } from '../support/server-skills.ts';

/** Of the first client that knew skills; the later ones have the same shapes. */
type OlderClient = Pick<sdk086.Anthropic, 'beta'>;

const clients = {
  '0.86': sdk086,
  '0.95': sdk095,
  '0.106': sdk106,
  '0.120': sdk120,
} as const;

describe('skills for clients that send skills-2025-10-02', () => {
  const home = serverHome();
  let server: ServerProcess;
  before(async () => {
    server = await home.start();
  });
  after(() => home.remove());

  for (const [version, sdk] of Object.entries(clients)) {
    describe(`SDK ${version}`, () => {
      const file = (path: string, content: string) => sdk.toFile(Buffer.from(content), path);
      let client: OlderClient;
      before(() => {
        const { baseUrl: baseURL, apiKey } = server;
        // The later clients differ in details that are of no interest here.
        client = new sdk.Anthropic({ baseURL, apiKey }) as OlderClient;
      });

      test('has the names of then for everything', async () => {
        const { skills } = client.beta;
        const name = newSkillName();
        const made = await skills.create({
          display_title: 'Trails',
          files: [await file('dir/SKILL.md', skillMd(name)), await file('dir/a/b.md', 'b')],
        });
        const { id, created_at, latest_version } = made;
        assert.match(latest_version ?? '', /^\d{16}$/);
        assert.deepEqual(
          { ...made },
          {
            id,
            type: 'skill',
            display_title: 'Trails',
            latest_version,
            source: 'custom',
            created_at,
            updated_at: created_at,
          },
        );
        assert.deepEqual(await skills.retrieve(id), made);
        const listed = await skills.list({ source: 'custom', limit: 1 });
        assert.deepEqual(listed.data, [made]);
        const first = await skills.versions.retrieve(latest_version ?? '', { skill_id: id });
        assert.deepEqual(
          { ...first },
          {
            id: first.id,
            type: 'skill_version',
            skill_id: id,
            version: latest_version,
            name,
            description: 'Follows trails',
            directory: 'dir',
            created_at,
          },
        );
        assert.deepEqual(await skills.versions.retrieve('latest', { skill_id: id }), first);
        assert.deepEqual(await skills.versions.retrieve(first.id, { skill_id: id }), first);
      });

      test('adds versions, though it may lose directories, and deletes them by number', async () => {
        const { skills } = client.beta;
        const name = newSkillName();
        const { id } = await skills.create({ files: [await file(`${name}/SKILL.md`, skillMd(name))] });
        const files = [await file(`${name}/SKILL.md`, skillMd(name)), await file(`${name}/b.md`, 'b')];
        const second = await skills.versions.create(id, { files });
        assert.equal(second.directory, name);
        const versions: string[] = [];
        for await (const one of skills.versions.list(id, { limit: 1 })) versions.push(one.version);
        assert.equal(versions[0], second.version);
        assert.ok(BigInt(versions[0] ?? 0) > BigInt(versions[1] ?? 0));
        const response = await server.client.beta.skills.versions.download(second.version, { skill_id: id });
        assert.deepEqual(await unzipped(response), {
          [`${name}/SKILL.md`]: skillMd(name),
          [`${name}/b.md`]: 'b',
        });
        const deleted = await skills.versions.delete(second.version, { skill_id: id });
        assert.deepEqual({ ...deleted }, { id: second.version, type: 'skill_version_deleted' });
        assert.deepEqual({ ...(await skills.delete(id)) }, { id, type: 'skill_deleted' });
      });

      test('pins a version in an agent by its number', async () => {
        const { skills, agents } = client.beta;
        const name = newSkillName();
        const { id, latest_version } = await skills.create({
          files: [await file(`${name}/SKILL.md`, skillMd(name))],
        });
        const reference = { type: 'custom', skill_id: id, version: latest_version ?? '' } as const;
        const agent = await agents.create({
          name: 'Ant',
          model: 'scripted/demo',
          tools: [{ type: 'agent_toolset_20260401' }],
          skills: [reference],
        });
        assert.deepEqual(agent.skills, [reference]);
      });
    });
  }

  for (const sdk of [sdk106, sdk120]) {
    test('the download is the same', async () => {
      const client = new sdk.Anthropic({ baseURL: server.baseUrl, apiKey: server.apiKey });
      const name = newSkillName();
      const files = [await sdk.toFile(Buffer.from(skillMd(name)), `${name}/SKILL.md`)];
      const { id, latest_version } = await client.beta.skills.create({ files });
      const response = await client.beta.skills.versions.download(latest_version ?? '', { skill_id: id });
      assert.deepEqual(await unzipped(response), { [`${name}/SKILL.md`]: skillMd(name) });
    });
  }

  test('pages say whether there is more, also to the client of today that asks for the older shape', async () => {
    const { client } = server;
    const reply = await call(server, {
      path: '/v1/skills?limit=1&beta=true',
      headers: { 'anthropic-beta': 'skills-2025-10-02,skills-2025-10-02' },
    });
    const page = reply.json as { has_more: boolean; next_page: string; data: { display_title: string }[] };
    assert.deepEqual([page.has_more, typeof page.next_page, page.data.length], [true, 'string', 1]);
    const now = await call(server, { path: '/v1/skills?limit=1&beta=true' });
    assert.deepEqual(Object.keys(now.json as object), ['data', 'next_page']);
    const name = newSkillName();
    const files = [await sdk120.toFile(Buffer.from(skillMd(name)), `${name}/SKILL.md`)];
    const made = await client.beta.skills.create({
      files,
      display_name: 'New',
      betas: ['skills-2025-10-02'],
    });
    assert.partialDeepStrictEqual(made, { display_title: 'New', source: 'custom' });
    assert.equal((await client.skills.retrieve(made.id)).display_name, 'New');
  });

  test('nothing of this was logged as an error', () => {
    assert.deepEqual(server.errors(), []);
  });
});
