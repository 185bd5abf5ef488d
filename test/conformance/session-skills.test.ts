import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toFile } from '@anthropic-ai/sdk';
import type { AgentParams } from '../support/server-sessions.ts';
import { openSession } from '../support/server-sessions.ts';
import { newSkillName, skillFiles, skillMd } from '../support/server-skills.ts';
import { describeServer, withoutGithub } from '../support/server-suite.ts';
import { runIn } from '../support/server-tools.ts';
import { zipOf } from '../support/zips.ts';

type Reference = NonNullable<AgentParams['skills']>[number];
const custom = (skill_id: string, version?: string): Reference => ({
  type: 'custom',
  skill_id,
  ...(version === undefined ? {} : { version }),
});
const list = 'cd /workspace/skills && find . -type f -printf "%P %m\\n" | sort';

describeServer(
  { name: 'skills in the sandbox', settings: withoutGithub },
  ({ server, client, startAgain }) => {
    const create = async (name: string, more: Readonly<Record<string, string>> = {}) =>
      await client.skills.create({ files: await skillFiles(name, more) });
    const open = (skills: Reference[], more: Parameters<typeof openSession>[2] = {}) =>
      openSession(client, { skills }, more);

    test('are there with all their files, before the first call', async () => {
      const name = newSkillName();
      const { id } = await create(name, { 'scripts/count.py': 'print(7)', 'a/b/c.md': 'deep' });
      const session = await open([custom(id)]);
      assert.equal(
        await runIn(client, session.id, list),
        [`${name}/SKILL.md 444`, `${name}/a/b/c.md 444`, `${name}/scripts/count.py 444`].join('\n'),
      );
      assert.equal(
        await runIn(client, session.id, `cat /workspace/skills/${name}/SKILL.md`),
        skillMd(name).trim(),
      );
      assert.equal(
        await runIn(client, session.id, `python3 /workspace/skills/${name}/scripts/count.py`),
        '7',
      );
    });

    test('keep their executable bits', async () => {
      const name = newSkillName();
      const zip = zipOf([
        { name: `${name}/SKILL.md`, content: skillMd(name) },
        { name: `${name}/run.sh`, content: '#!/bin/sh\necho ran', mode: 0o100755 },
      ]);
      const { id } = await client.skills.create({ files: [await toFile(zip, 'skill.zip')] });
      const session = await open([custom(id)]);
      assert.equal(await runIn(client, session.id, `/workspace/skills/${name}/run.sh`), 'ran');
      assert.equal(await runIn(client, session.id, list), `${name}/SKILL.md 444\n${name}/run.sh 555`);
    });

    test('cannot be changed by the agent', async () => {
      const name = newSkillName();
      const { id } = await create(name);
      const session = await open([custom(id)]);
      const attempts = [
        'echo x >> SKILL.md',
        'rm -f SKILL.md',
        'touch new',
        'chmod u+w SKILL.md',
        'mv SKILL.md other',
        `mv /workspace/skills/${name} /workspace/mine`,
        'mv /workspace/skills /workspace/other',
        'rm -rf /workspace/skills',
      ];
      const each = attempts.map(
        (attempt) => `(cd /workspace/skills/${name}; ${attempt}) 2>/dev/null && echo "${attempt}"`,
      );
      assert.equal(await runIn(client, session.id, `${each.join('; ')}; ${list}`), `${name}/SKILL.md 444`);
    });

    test('are of the version that the agent was saved with, whatever comes later', async () => {
      const name = newSkillName();
      const { id, latest_version_id: first } = await create(name, { 'v.txt': 'one' });
      const read = `cat /workspace/skills/${name}/v.txt`;
      const session = await open([custom(id)]);
      await client.skills.versions.create(id, { files: await skillFiles(name, { 'v.txt': 'two' }) });
      assert.equal(await runIn(client, session.id, read), 'one');
      const later = await open([custom(id, 'latest')]);
      assert.equal(await runIn(client, later.id, read), 'two');
      const pinned = await open([custom(id, first)]);
      assert.equal(await runIn(client, pinned.id, read), 'one');
    });

    test('stay where they are when they are deleted, and after a crash', async () => {
      const name = newSkillName();
      const { id } = await create(name);
      const session = await open([custom(id)]);
      assert.equal(await runIn(client, session.id, list), `${name}/SKILL.md 444`);
      await client.skills.delete(id);
      await server.kill();
      await startAgain();
      assert.equal(await runIn(client, session.id, list), `${name}/SKILL.md 444`);
    });

    test('leave their usual place to a repository that wants it', async () => {
      const name = newSkillName();
      const { id } = await create(name);
      const repository = { type: 'github_repository' as const, url: 'https://github.com/ants/skills' };
      const session = await open([custom(id)], { resources: [repository] });
      assert.equal(await runIn(client, session.id, 'cd /mnt/skills; echo *'), name);
    });
  },
);
