import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { BadRequestError, NotFoundError, toFile } from '@anthropic-ai/sdk';
import { setupSkills } from '@anthropic-ai/sdk/tools/agent-toolset/skills';
import { openSession } from '../support/server-sessions.ts';
import {
  newSkill,
  newSkillName,
  skillFiles,
  skillMd,
  twoVersions,
  unzipped,
} from '../support/server-skills.ts';
import { describeServer } from '../support/server-suite.ts';
import { zipOf } from '../support/zips.ts';

describeServer('skills over HTTP', ({ server, client, startAgain }) => {
  const download = async (id: string, version: string) =>
    await unzipped(await client.beta.skills.versions.download(version, { skill_id: id }));

  describe('a skill', () => {
    test('is made from files, shown and listed', async () => {
      const name = newSkillName();
      const files = await skillFiles(name, { 'scripts/run.py': 'print()', 'größe.md': '' });
      const made = await client.skills.create({ files, display_name: 'Follow trails ✓' });
      const { id, latest_version_id, created_at } = made;
      assert.match(id, /^skill_01\w{22}$/);
      assert.match(latest_version_id, /^skver_01\w{22}$/);
      assert.deepEqual(
        { ...made },
        {
          id,
          type: 'skill',
          display_name: 'Follow trails ✓',
          latest_version_id,
          source: { type: 'custom' },
          created_at,
          updated_at: created_at,
        },
      );
      assert.deepEqual(await client.skills.retrieve(id), made);
      assert.deepEqual(await client.beta.skills.retrieve(id), made);
      const version = await client.skills.versions.retrieve(latest_version_id, { skill_id: id });
      const described = { name, description: 'Follows trails', created_at };
      const expected = { id: latest_version_id, type: 'skill_version', skill_id: id, ...described };
      assert.deepEqual({ ...version }, expected);
      assert.deepEqual(await download(id, latest_version_id), {
        [`${name}/SKILL.md`]: skillMd(name),
        [`${name}/scripts/run.py`]: 'print()',
        [`${name}/größe.md`]: '',
      });
    });

    test('is made from a zip archive, which keeps what may be executed', async () => {
      const name = newSkillName();
      const zip = zipOf([
        { name: 'other/', mode: 0o040755 },
        { name: 'other/SKILL.md', content: skillMd(name), method: 8 },
        { name: 'other/run.sh', content: '#!/bin/sh', mode: 0o100755 },
      ]);
      const { id, display_name } = await client.skills.create({ files: [await toFile(zip, 'upload.zip')] });
      assert.equal(display_name, name);
      assert.deepEqual(await download(id, 'latest'), {
        [`${name}/SKILL.md`]: skillMd(name),
        [`${name}/run.sh*`]: '#!/bin/sh',
      });
    });

    test('is made from what it was downloaded as', async () => {
      const { id, name } = await twoVersions(client);
      const response = await client.beta.skills.versions.download('latest', { skill_id: id });
      assert.equal(response.headers.get('content-type'), 'application/zip');
      assert.match(response.headers.get('content-disposition') ?? '', new RegExp(`${name}\\.zip`));
      const zip = await toFile(response, `${name}.zip`);
      const again = await client.skills.versions.create(id, { files: [zip] });
      assert.deepEqual(await download(id, again.id), await download(id, 'latest'));
    });

    test('may have the display name of another, and is named after its directory if it has to be', async () => {
      const directory = newSkillName();
      const content = '---\ndescription: d\n---\n';
      const files = [await toFile(Buffer.from(content), `${directory}/SKILL.md`)];
      const made = await client.skills.create({ files });
      assert.equal(made.display_name, directory);
      const twin = await client.skills.create({
        files: await skillFiles(newSkillName()),
        display_name: directory,
      });
      assert.equal(twin.display_name, made.display_name);
    });

    test('that has a name that is taken is refused, also of two at once, until the other is gone', async () => {
      const name = newSkillName();
      const outcomes = await Promise.allSettled([1, 2, 3].map(() => newSkill(client, name)));
      const made = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
      assert.equal(made.length, 1);
      for (const outcome of outcomes) {
        if (outcome.status === 'fulfilled') continue;
        const { status, type, details } = outcome.reason;
        assert.deepEqual([status, type], [409, 'conflict_error']);
        assert.deepEqual(details, { error_code: 'skill_name_taken', skill_name: name });
      }
      await client.skills.delete(made[0]?.id ?? '');
      await newSkill(client, name);
    });

    test('goes with its versions', async () => {
      const { id, versionIds, uploads } = await twoVersions(client);
      assert.deepEqual({ ...(await client.skills.delete(id)) }, { id, type: 'skill_deleted' });
      const gone = new RegExp(`Skill not found: ${id}`);
      for (const call of [
        () => client.skills.retrieve(id),
        () => client.skills.delete(id),
        () => client.skills.versions.list(id),
        () => client.skills.versions.retrieve('latest', { skill_id: id }),
        () => client.beta.skills.versions.download(versionIds[0], { skill_id: id }),
        () => client.skills.versions.delete(versionIds[0], { skill_id: id }),
        () => client.skills.versions.create(id, uploads),
      ]) {
        await assert.rejects(call, notFound(gone));
      }
    });

    test('is listed newest first, page by page, by source', async () => {
      const ids: string[] = [];
      for (let count = 0; count < 3; count++) ids.unshift((await newSkill(client)).id);
      const seen: string[] = [];
      for await (const { id } of client.skills.list({ limit: 2, source: 'custom' })) seen.push(id);
      assert.deepEqual(seen.slice(0, 3), ids);
      assert.equal(new Set(seen).size, seen.length);
      const all = await client.skills.list({ limit: 100, source: null });
      assert.equal(all.next_page, null);
      assert.deepEqual(
        all.data.map(({ id }) => id),
        seen,
      );
      assert.deepEqual((await client.skills.list({ source: 'anthropic' })).data, []);
    });
  });

  describe('a version', () => {
    test('becomes the latest, and what the skill shows', async () => {
      const name = newSkillName();
      const skill = await newSkill(client, name);
      const files = [await toFile(Buffer.from(skillMd(name, 'Better')), 'elsewhere/SKILL.md')];
      const made = await client.skills.versions.create(skill.id, { files });
      assert.deepEqual([made.name, made.description, made.skill_id], [name, 'Better', skill.id]);
      const changed = await client.skills.retrieve(skill.id);
      const { updated_at } = changed;
      assert.deepEqual(changed, { ...skill, latest_version_id: made.id, updated_at });
      assert.ok(updated_at > skill.updated_at);
      assert.deepEqual(await client.skills.versions.retrieve('latest', { skill_id: skill.id }), made);
      assert.deepEqual(await download(skill.id, made.id), { [`${name}/SKILL.md`]: skillMd(name, 'Better') });
      assert.deepEqual(await download(skill.id, skill.latest_version_id), {
        [`${name}/SKILL.md`]: skillMd(name),
      });
    });

    test('is listed newest first', async () => {
      const { id, versionIds } = await twoVersions(client);
      const page = await client.skills.versions.list(id, { limit: 1 });
      assert.deepEqual([page.data[0]?.id, typeof page.next_page], [versionIds[1], 'string']);
      const next = await page.getNextPage();
      assert.deepEqual([next.data[0]?.id, next.next_page], [versionIds[0], null]);
    });

    test('is deleted unless it is the only one', async () => {
      const { id: skill_id, versionIds } = await twoVersions(client);
      const [first, second] = versionIds;
      const deleted = await client.skills.versions.delete(second, { skill_id });
      assert.deepEqual({ ...deleted }, { id: second, type: 'skill_version_deleted' });
      assert.equal((await client.skills.retrieve(skill_id)).latest_version_id, first);
      const gone = new RegExp(`Skill version not found: ${second}`);
      await assert.rejects(client.skills.versions.retrieve(second, { skill_id }), notFound(gone));
      await assert.rejects(client.skills.versions.delete(second, { skill_id }), notFound(gone));
      await assert.rejects(client.beta.skills.versions.download(second, { skill_id }), notFound(gone));
      await assert.rejects(
        client.skills.versions.delete(first, { skill_id }),
        bad(/only version of skill .*; delete the skill instead/),
      );
      const third = await client.skills.versions.create(skill_id, {
        files: await skillFiles((await client.skills.versions.retrieve(first, { skill_id })).name),
      });
      await client.skills.versions.delete(first, { skill_id });
      assert.equal((await client.skills.retrieve(skill_id)).latest_version_id, third.id);
    });

    test('is found below its skill only', async () => {
      const [one, other] = [await twoVersions(client), await twoVersions(client)];
      for (const version of [other.versionIds[0], '1234567890123456', 'Latest', 'x'.repeat(500)]) {
        await assert.rejects(
          client.skills.versions.retrieve(version, { skill_id: one.id }),
          notFound(/Skill version not found/),
        );
      }
    });

    test('of several at once is each kept, one after the other', async () => {
      const name = newSkillName();
      const { id } = await newSkill(client, name);
      const files = await Promise.all([1, 2, 3, 4, 5].map(() => skillFiles(name)));
      const made = await Promise.all(files.map((each) => client.skills.versions.create(id, { files: each })));
      const listed = (await client.skills.versions.list(id)).data.map((version) => version.id);
      assert.deepEqual(listed.slice(0, -1).sort(), made.map((version) => version.id).sort());
      assert.equal((await client.skills.retrieve(id)).latest_version_id, listed[0]);
    });
  });

  test('the worker of the SDK gets the skills of a session', async () => {
    const name = newSkillName();
    const zip = zipOf([
      { name: `${name}/SKILL.md`, content: skillMd(name) },
      { name: `${name}/bin/run.sh`, content: '#!/bin/sh\necho trail', mode: 0o100755 },
    ]);
    const { id } = await client.skills.create({ files: [await toFile(zip, 'a.zip')] });
    const session = await openSession(client, { skills: [{ type: 'custom', skill_id: id }] });
    const workdir = mkdtempSync(join(tmpdir(), 'anthill-worker-'));
    const cleanUp = await setupSkills({ client, session, workdir });
    const directory = join(workdir, 'skills', name);
    assert.deepEqual(readdirSync(directory).sort(), ['SKILL.md', 'bin']);
    assert.equal(readFileSync(join(directory, 'SKILL.md'), 'utf8'), skillMd(name));
    assert.equal(statSync(join(directory, 'bin/run.sh')).mode & 0o777, 0o755);
    assert.equal(execFileSync(join(directory, 'bin/run.sh'), { encoding: 'utf8' }), 'trail\n');
    await cleanUp();
    rmSync(workdir, { recursive: true });
  });

  test('all is there after a kill', async () => {
    const { id, name, versionIds } = await twoVersions(client);
    const gone = await twoVersions(client);
    await client.skills.delete(gone.id);
    const before = await client.skills.retrieve(id);
    await server.kill();
    await startAgain();
    assert.deepEqual(await client.skills.retrieve(id), before);
    for (const version of versionIds) {
      assert.deepEqual(await download(id, version), { [`${name}/SKILL.md`]: skillMd(name) });
    }
    await assert.rejects(client.skills.retrieve(gone.id), notFound(/Skill not found/));
  });

  test('nothing of this was logged as an error', () => {
    assert.deepEqual(server.errors(), []);
  });
});

const notFound = (message: RegExp) => (cause: unknown) => {
  assert.ok(cause instanceof NotFoundError, String(cause));
  assert.match(cause.message, message);
  return true;
};

const bad = (message: RegExp) => (cause: unknown) => {
  assert.ok(cause instanceof BadRequestError, String(cause));
  assert.match(cause.message, message);
  return true;
};
